//! The small picture of the moment in which something began to move.

use std::sync::Arc;

use crate::jpeg::encode::Encoder;
use crate::jpeg::transcode::Transcoder;
use crate::picture::Size;

/// It fits into this.
const WITHIN: Size = Size { width: 320, height: 320 };

/// Its JPEG quality.
const QUALITY: u8 = 70;

/// Makes it of a frame's JPEG; `None` if that cannot be made smaller. Its memory is taken for this one, for there are few.
pub(super) fn picture(jpeg: &[u8]) -> Option<Arc<[u8]>> {
    // In one band: the other cores are for the cameras.
    let mut transcoder = Transcoder::new(Some(WITHIN), Encoder::in_bands(QUALITY, 1));
    let made = transcoder.decode(jpeg).ok()?;
    let mut out = vec![0; Transcoder::output_len(made.size).max(jpeg.len())];
    let length = transcoder.encode(jpeg, &mut out).ok()?;
    Some(out[..length].into())
}
