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
    let Ok(jpeg) = Jpeg::check(data) else { return };
    assert!(jpeg.size().width > 0 && jpeg.size().height > 0);
    assert_eq!(Policy::default().admit(&jpeg).passes(), jpeg.has_eoi());

    let mut small = vec![UNTOUCHED; jpeg.mended_len() - 1];
    let refused = TooLarge { needed: jpeg.mended_len(), capacity: small.len() };
    assert_eq!(jpeg.copy_into(&mut small), Err(refused));
    assert!(small.iter().all(|&byte| byte == UNTOUCHED));

    let once = mended(&jpeg);
    assert!(once.len() <= data.len() + MENDING_MAX);
    assert!(once.starts_with(b"\xff\xd8") && once.ends_with(b"\xff\xd9"));
    let again = Jpeg::check(&once).expect("a mended frame is a whole one");
    assert!(again.has_eoi() && again.has_huffman_tables());
    assert_eq!(again.size(), jpeg.size());
    assert_eq!(mended(&again), once);
    if jpeg.has_eoi() && jpeg.has_huffman_tables() {
        assert!(
            data.starts_with(&once) && data[once.len()..].iter().all(|&byte| byte == 0),
            "only padding went"
        );
    }
});
