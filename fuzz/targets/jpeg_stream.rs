//! Whatever another program writes, and however its bytes are cut into reads: the same frames come out, none is
//! larger than the cap, and a whole JPEG behind all of it is found. Damage inside a scan costs that frame alone.
#![no_main]

use boardcam::camera::pipe::splitter::{Found, READ, SAMPLE, Splitter};
use libfuzzer_sys::fuzz_target;

/// The largest frame; small, so that the fuzzer reaches it.
const CAP: usize = 4096;

/// All whole frames that come out, up to `piece` bytes a read; `None` was too large or damaged.
fn split(stream: &[u8], piece: usize) -> Vec<Option<Vec<u8>>> {
    let mut splitter = Splitter::new(CAP);
    let mut found = Vec::new();
    for bytes in stream.chunks(piece) {
        splitter.spare()[..bytes.len()].copy_from_slice(bytes);
        splitter.filled(bytes.len());
        while let Some(one) = splitter.advance() {
            let frame = splitter.frame();
            assert!(frame.len() <= CAP);
            assert!(!frame.is_empty() || one != Found::Frame);
            found.push((one == Found::Frame).then(|| frame.to_vec()));
        }
    }
    assert!(splitter.garbage() <= stream.len() as u64 && splitter.begun() <= CAP + 2 * READ);
    assert!(splitter.sample().len() <= SAMPLE.min(stream.len()));
    found
}

/// What a camera sends.
const WHOLE: &[u8] =
    b"\xff\xd8\xff\xc0\0\x0b\x08\0\x08\0\x08\x01\x01\x11\0\xff\xda\0\x08\x01\x01\0\0\x3f\0data\xff\xd9";

fuzz_target!(|data: &[u8]| {
    let Some((&first, stream)) = data.split_first() else { return };
    let whole = split(stream, READ);
    // When something too large is given up depends on how much of it was there, and with it what follows.
    if whole.iter().all(Option::is_some) {
        let cut = split(stream, usize::from(first) + 1);
        if cut.iter().all(Option::is_some) {
            assert_eq!(cut, whole);
        }
    }
    assert_eq!(split(&[WHOLE, stream].concat(), READ).first(), Some(&Some(WHOLE.to_vec())));
    // In a scan nothing leads past the next beginning, not even for a moment.
    if stream.len() < CAP / 4 && !stream.windows(3).any(|bytes| bytes == b"\xff\xd8\xff") {
        let (head, rest) = WHOLE.split_at(WHOLE.len() - 4);
        let behind = 5;
        let found = split(&[head, stream, rest, &WHOLE.repeat(behind)].concat(), READ);
        assert!(found.ends_with(&vec![Some(WHOLE.to_vec()); behind]));
    }
    // However it was led astray: the longest segment, then the cap, and it finds its way back.
    let times = (2 * CAP + 2 * READ) / WHOLE.len();
    let found = split(&[stream, &WHOLE.repeat(times)].concat(), READ);
    assert_eq!(found.last(), Some(&Some(WHOLE.to_vec())));
});
