//! Pictures in every layout.

use coefficients::pixels::Layout;

fn rgb([y, cb, cr]: [f64; 3]) -> [u8; 3] {
    let (cb, cr) = (cb - 128.0, cr - 128.0);
    [y + 1.402 * cr, y - 0.344_136 * cb - 0.714_136 * cr, y + 1.772 * cb]
        .map(|v| v.round().clamp(0.0, 255.0) as u8)
}

/// A scene in planes, with rows a few bytes longer than they need to be. `scene` gives Y, Cb and Cr at a point from 0 to 1.
pub fn laid_out(
    layout: Layout,
    (width, height): (u32, u32),
    scene: impl Fn(f64, f64) -> [f64; 3],
) -> [(Vec<u8>, usize); 3] {
    const PADDING: usize = 5;
    let (across, down) = layout.sampling().factors();
    let at = |x: u32, y: u32| {
        scene((f64::from(x) + 0.5) / f64::from(width), (f64::from(y) + 0.5) / f64::from(height))
    };
    let chroma =
        |x: u32, y: u32| at((x * across + across / 2).min(width - 1), (y * down + down / 2).min(height - 1));
    let (chroma_width, chroma_height) = (width.div_ceil(across), height.div_ceil(down));
    let plane = |width: u32, height: u32, unit: &dyn Fn(u32, u32) -> Vec<u8>| {
        let rows: Vec<Vec<u8>> = (0..height).map(|y| (0..width).flat_map(|x| unit(x, y)).collect()).collect();
        let stride = rows[0].len() + PADDING;
        let bytes = rows.into_iter().flat_map(|mut row| {
            row.resize(stride, 0xee);
            row
        });
        (bytes.collect::<Vec<u8>>(), stride)
    };
    let none = || (Vec::new(), 0);
    let luma = || plane(width, height, &|x, y| vec![at(x, y)[0] as u8]);
    let one = |n: usize| plane(chroma_width, chroma_height, &|x, y| vec![chroma(x, y)[n] as u8]);
    let two = |first: usize, second: usize| {
        plane(chroma_width, chroma_height, &|x, y| {
            vec![chroma(x, y)[first] as u8, chroma(x, y)[second] as u8]
        })
    };
    let packed = |order: &dyn Fn(u8, u8, u8, u8) -> [u8; 4]| {
        plane(chroma_width, height, &|x, y| {
            let [_, cb, cr] = chroma(x, y);
            order(at(x * 2, y)[0] as u8, cb as u8, at(x * 2 + 1, y)[0] as u8, cr as u8).to_vec()
        })
    };
    match layout {
        Layout::Grey => [luma(), none(), none()],
        Layout::Planar(_) => [luma(), one(1), one(2)],
        Layout::Nv12 | Layout::Nv16 | Layout::Nv24 => [luma(), two(1, 2), none()],
        Layout::Nv21 | Layout::Nv61 => [luma(), two(2, 1), none()],
        Layout::Yuyv => [packed(&|y, cb, z, cr| [y, cb, z, cr]), none(), none()],
        Layout::Uyvy => [packed(&|y, cb, z, cr| [cb, y, cr, z]), none(), none()],
        Layout::Yvyu => [packed(&|y, cb, z, cr| [y, cr, z, cb]), none(), none()],
        Layout::Rgb => [plane(width, height, &|x, y| rgb(at(x, y)).to_vec()), none(), none()],
        Layout::Bgr => {
            [plane(width, height, &|x, y| rgb(at(x, y)).into_iter().rev().collect()), none(), none()]
        }
        Layout::Rgb565 => {
            let pixel = |x, y| {
                let [r, g, b] = rgb(at(x, y)).map(u16::from);
                (r >> 3 << 11 | g >> 2 << 5 | b >> 3).to_le_bytes().to_vec()
            };
            [plane(width, height, &pixel), none(), none()]
        }
    }
}
