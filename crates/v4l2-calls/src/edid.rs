//! The EDID that an HDMI input shows to its source: which modes it takes.
//!
//! Documentation/userspace-api/media/v4l/vidioc-g-edid.rst; VESA Enhanced EDID Standard, release A, section 3.

use std::fmt;
use std::io;
use std::os::fd::AsFd;

use rustix::ioctl::{Opcode, opcode};
use v4l2_sys_mit as sys;

use crate::call::{V4L2, call_with_pointers};

/// Bytes of a block.
pub const BLOCK: usize = 128;

/// The most blocks: the first one counts the others in a byte.
pub const MAX_BLOCKS: usize = 256;

/// What each EDID begins with.
const HEADER: [u8; 8] = [0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0];

/// Why bytes are no EDID.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EdidError {
    /// Not a multiple of 128 bytes, none, or more than 256 blocks.
    Length(usize),
    /// It begins with something else.
    Header,
    /// This block's bytes do not add up to a multiple of 256.
    Checksum(usize),
    /// The first block announces another number of blocks.
    Blocks {
        /// As many as the first block announces, itself among them.
        announced: usize,
        /// As many as there are.
        found: usize,
    },
}

impl fmt::Display for EdidError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            EdidError::Length(len) => {
                write!(f, "it has {len} bytes, not 1 to {MAX_BLOCKS} blocks of {BLOCK}")
            }
            EdidError::Header => f.write_str("it does not begin with 00 FF FF FF FF FF FF 00"),
            EdidError::Checksum(block) => write!(f, "the checksum of block {block} is wrong"),
            EdidError::Blocks { announced, found } => {
                write!(f, "its first block announces {announced} blocks, but it has {found}")
            }
        }
    }
}

impl std::error::Error for EdidError {}

/// Whether bytes are an EDID.
///
/// # Errors
/// They are not, and why.
pub fn check(bytes: &[u8]) -> Result<(), EdidError> {
    let (blocks, rest) = bytes.as_chunks::<BLOCK>();
    let Some(first) = blocks.first().filter(|_| rest.is_empty() && blocks.len() <= MAX_BLOCKS) else {
        return Err(EdidError::Length(bytes.len()));
    };
    if !first.starts_with(&HEADER) {
        return Err(EdidError::Header);
    }
    let sum = |block: &[u8; BLOCK]| block.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte));
    if let Some(wrong) = blocks.iter().position(|block| sum(block) != 0) {
        return Err(EdidError::Checksum(wrong));
    }
    let announced = usize::from(first[126]) + 1;
    let found = blocks.len();
    if announced == found { Ok(()) } else { Err(EdidError::Blocks { announced, found }) }
}

/// The EDID of input `input` (VIDIOC_G_EDID); empty if none is set.
///
/// # Errors
/// That of the call; `InvalidData` if the driver counts more blocks than there can be.
pub fn get(device: impl AsFd, input: u32) -> io::Result<Vec<u8>> {
    const G_EDID: Opcode = opcode::read_write::<sys::v4l2_edid>(V4L2, 40);
    let mut bytes = vec![0; BLOCK * MAX_BLOCKS];
    let edid = bytes.as_mut_ptr();
    let mut raw =
        sys::v4l2_edid { pad: input, start_block: 0, blocks: MAX_BLOCKS as u32, reserved: [0; 5], edid };
    // SAFETY: as in `set`.
    unsafe { call_with_pointers::<G_EDID, _>(device, &mut raw) }?;
    let blocks = raw.blocks as usize;
    if blocks > MAX_BLOCKS {
        return Err(io::ErrorKind::InvalidData.into());
    }
    bytes.truncate(blocks * BLOCK);
    Ok(bytes)
}

/// Sets the EDID of input `input` (VIDIOC_S_EDID). The source sees it anew, as if the cable were plugged in again.
///
/// # Errors
/// That of the call: E2BIG for more blocks than the device has room for; EINVAL for bytes that are no whole blocks, or
/// more than 256.
pub fn set(device: impl AsFd, input: u32, bytes: &[u8]) -> io::Result<()> {
    const S_EDID: Opcode = opcode::read_write::<sys::v4l2_edid>(V4L2, 41);
    let blocks = bytes.len() / BLOCK;
    if !bytes.len().is_multiple_of(BLOCK) || blocks > MAX_BLOCKS {
        return Err(rustix::io::Errno::INVAL.into());
    }
    // The kernel writes the bytes back.
    let mut bytes = bytes.to_vec();
    let blocks = blocks as u32; // at most MAX_BLOCKS
    let edid = bytes.as_mut_ptr();
    let mut raw = sys::v4l2_edid { pad: input, start_block: 0, blocks, reserved: [0; 5], edid };
    // SAFETY: `bytes` has the blocks that are counted, is ours alone, and lives until the call has ended.
    unsafe { call_with_pointers::<S_EDID, _>(device, &mut raw) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edid(blocks: usize) -> Vec<u8> {
        let mut bytes = vec![0; blocks * BLOCK];
        bytes[..8].copy_from_slice(&HEADER);
        bytes[126] = (blocks - 1) as u8;
        for block in bytes.chunks_mut(BLOCK) {
            let sum = block.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte));
            block[127] = sum.wrapping_neg();
        }
        bytes
    }

    #[test]
    fn a_damaged_edid_is_refused_and_says_why() {
        for blocks in [1, 2, 256] {
            assert_eq!(check(&edid(blocks)), Ok(()), "{blocks}");
        }
        let changed = |at: usize, to: u8| {
            let mut bytes = edid(2);
            bytes[at] = to;
            check(&bytes)
        };
        assert_eq!(check(&[]), Err(EdidError::Length(0)));
        assert_eq!(check(&edid(2)[..200]), Err(EdidError::Length(200)));
        assert_eq!(check(&edid(256).repeat(2)), Err(EdidError::Length(65_536)));
        assert_eq!(changed(0, 1), Err(EdidError::Header));
        assert_eq!(changed(20, 1), Err(EdidError::Checksum(0)));
        assert_eq!(changed(200, 1), Err(EdidError::Checksum(1)));
        assert_eq!(check(&edid(2)[..128]), Err(EdidError::Blocks { announced: 2, found: 1 }));
        assert_eq!(EdidError::Checksum(1).to_string(), "the checksum of block 1 is wrong");
    }

    #[test]
    fn a_file_that_is_no_device_takes_no_edid() {
        let file = std::fs::File::open("/dev/null").unwrap();
        for bytes in [&edid(1)[..], &edid(1)[..5], &[]] {
            assert!(set(&file, 0, bytes).is_err() && get(&file, 0).is_err());
        }
    }
}
