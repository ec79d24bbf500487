//! Whatever bytes a camera delivers: either they are refused, or they become a JPEG with a beginning and an
//! end, in exactly the space announced before and with nothing left to mend.
#![no_main]

use boardcam::jpeg::eoi::Policy;
use boardcam::jpeg::passthrough::{Jpeg, MENDING_MAX, TooLarge};
use libfuzzer_sys::fuzz_target;

/// What slots hold before a frame is written.
const UNTOUCHED: u8 = 0xaa;

fn mended(jpeg: &Jpeg<'_>) -> Vec<u8> {
    let length = jpeg.mended_len();
    let mut slot = vec![UNTOUCHED; length + 1];
    assert_eq!(jpeg.copy_into(&mut slot), Ok(length));
    assert_eq!(slot.pop(), Some(UNTOUCHED), "wrote past its length");
    slot
}

fuzz_target!(|data: &[u8]| {
    let Ok(jpeg) = Jpeg::parse(data) else { return };
    assert!(jpeg.size().is_possible());
    assert_eq!(Policy::default().admit(&jpeg).passes(), jpeg.has_eoi());

    let mut small = vec![UNTOUCHED; jpeg.mended_len() - 1];
    let refused = TooLarge { needed: jpeg.mended_len(), capacity: small.len() };
    assert_eq!(jpeg.copy_into(&mut small), Err(refused));
    assert!(small.iter().all(|&byte| byte == UNTOUCHED));

    let once = mended(&jpeg);
    assert!(once.len() <= data.len() + MENDING_MAX);
    assert!(once.starts_with(b"\xff\xd8") && once.ends_with(b"\xff\xd9"));
    let again = Jpeg::parse(&once).expect("a mended frame is a whole one");
    assert!(again.has_eoi() && (again.has_huffman_tables() || again.is_progressive()));
    assert_eq!(again.size(), jpeg.size());
    assert_eq!(mended(&again), once);
    // Nothing that clients take for a beginning or an end stands in the segments that a decoder does not need.
    let mut at = 2;
    while let [0xff, code, high, low, ..] = once[at..]
        && !matches!(code, 0x01 | 0xd0..=0xd7 | 0xda | 0xff)
    {
        let end = at + 2 + usize::from(u16::from_be_bytes([high, low]));
        let is_optional = matches!(code, 0xe0..=0xed | 0xef | 0xfe);
        let has_edge = once[at..end].windows(2).any(|two| matches!(two, [0xff, 0xd8 | 0xd9]));
        assert!(!(is_optional && has_edge));
        at = end;
    }
    let edges = |code: u8| data.windows(2).filter(|two| *two == [0xff, code]).count();
    if jpeg.has_eoi() && jpeg.has_huffman_tables() && (edges(0xd8), edges(0xd9)) == (1, 1) {
        assert!(data.starts_with(&once), "only bytes behind the end went");
    }
});
