//! Whatever bytes stand where a JPEG is expected: either their coefficients are refused, or another JPEG is made of
//! them, turned, mirrored, and quantized more coarsely, that holds exactly what it should.
#![no_main]

use std::cell::RefCell;

use coefficients::dc::DcGrid;
use coefficients::reduce::Reducer;
use coefficients::{Coefficients, DecodeError, Quality, Transform};
use libfuzzer_sys::fuzz_target;

/// More bytes than a block can take: 27 bits of DC and 63 times 26 of AC, each byte stuffed.
const BLOCK: usize = 420;

/// More bytes than the headers and the end can take.
const HEAD: usize = 2048;

/// A block in natural order.
fn block(coefficients: &Coefficients, component: usize, column: u32, row: u32) -> [i16; 64] {
    let mut block = [0; 64];
    block[0] = coefficients.dc(component, column, row);
    assert!((-1024..=1023).contains(&block[0]));
    for entry in coefficients.entries(component, column, row) {
        assert!(entry.value != 0 && (-1023..=1023).contains(&entry.value));
        assert!((1..64).contains(&entry.index) && block[usize::from(entry.index)] == 0);
        block[usize::from(entry.index)] = entry.value;
    }
    block
}

/// Asserts that `again` holds what `transform` makes of `coefficients`, divided by the steps of `again`.
fn assert_turned(coefficients: &Coefficients, transform: Transform, again: &Coefficients) {
    for (n, (old, new)) in coefficients.components().iter().zip(again.components()).enumerate() {
        for (row, column) in (0..new.blocks.1).flat_map(|row| (0..new.blocks.0).map(move |x| (row, x))) {
            let x = if transform.mirror_across { new.padded.0 - 1 - column } else { column };
            let y = if transform.mirror_down { new.padded.1 - 1 - row } else { row };
            let (x, y) = if transform.transpose { (y, x) } else { (x, y) };
            let result = block(again, n, column, row);
            for (at, value) in block(coefficients, n, x, y).into_iter().enumerate() {
                let (to, is_negative) = transform.coefficient(at);
                let (step, new_step) = (f64::from(old.quantization[at]), f64::from(new.quantization[to]));
                let value = f64::from(if is_negative { -value } else { value }) * step / new_step;
                // A DC value may be one more than fits if its sign changes, which it never does.
                assert!((value - f64::from(result[to])).abs() <= 0.500_1, "{value} became {}", result[to]);
                assert!(step != new_step || value == f64::from(result[to]));
            }
        }
    }
}

/// Asserts that the values of DC are read wherever the whole picture is, and are the same.
fn assert_dc(coefficients: &Coefficients, read: Result<(), DecodeError>, grid: &DcGrid) {
    read.expect("what is decoded can be read");
    let mut whole = DcGrid::default();
    whole.take(coefficients);
    assert_eq!(grid.component(0), whole.component(0));
}

/// Asserts that pixels are made in the sizes that were asked for, and DC values for each block.
fn assert_reduced(coefficients: &Coefficients, reducer: &mut Reducer, grid: &mut DcGrid, wish: u8) {
    let (width, height) = coefficients.size();
    let eighths = u32::from(wish) % 8 + 1;
    let part = |side: u32| (side * eighths).div_ceil(8);
    if let Some(pixels) = reducer.reduce(coefficients, eighths) {
        assert_eq!((pixels.width, pixels.height), (part(width), part(height)));
    }
    let side = |side: u32, wish: u8| (side * (u32::from(wish) + 1)).div_ceil(256);
    let size = (side(width, wish), side(height, wish.reverse_bits()));
    if let Some(pixels) = reducer.at_size(coefficients, size) {
        assert_eq!((pixels.width, pixels.height), size);
    }
    grid.take(coefficients);
    for (number, component) in coefficients.components().iter().enumerate() {
        let plane = grid.component(number).expect("a plane");
        assert_eq!((plane.width, plane.height), component.blocks);
    }
}

fuzz_target!(|data: &[u8]| {
    thread_local! {
        // Kept, so that nothing of an earlier picture comes into a later one.
        static KEPT: RefCell<([Coefficients; 2], Reducer, DcGrid)> = RefCell::default();
    }
    // The last bytes are taken twice: what stands behind a picture is ignored.
    let [.., wish, way] = *data else { return };
    let transform = Transform::ALL[usize::from(way) % 8];
    let quality = (1..=100).contains(&wish).then(|| Quality::new(wish));
    KEPT.with_borrow_mut(|([coefficients, again], reducer, grid)| {
        let read = grid.read(data);
        if coefficients.decode(data).is_err() {
            assert!(coefficients.components().is_empty() && coefficients.size() == (0, 0));
            return;
        }
        assert_dc(coefficients, read, grid);
        assert_reduced(coefficients, reducer, grid, wish);
        let blocks = coefficients.components().iter().map(|of| of.padded.0 as usize * of.padded.1 as usize);
        let mut out = vec![0; blocks.sum::<usize>() * BLOCK + HEAD];
        let len = coefficients.encode(transform, quality, &mut out).expect("it fits");
        assert!(coefficients.encode(transform, quality, &mut out[..len - 1]).is_err(), "one byte is missing");
        let len = coefficients.encode(transform, quality, &mut out).expect("it fits");
        again.decode(&out[..len]).expect("what we make can be read");
        assert_eq!(again.size(), coefficients.transformed_size(transform));
        assert_eq!(again.components().len(), coefficients.components().len());
        assert_eq!(again.colours(), coefficients.colours());
        assert_turned(coefficients, transform, again);
    });
});
