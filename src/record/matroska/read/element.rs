//! Elements in memory: identifier, size, contents (RFC 8794 sections 5 and 6).

use super::super::UNKNOWN;

/// The beginning of an element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ElementHead {
    pub(super) id: u32,
    /// The length of its contents in bytes; `None` if it is unknown.
    pub(super) size: Option<u64>,
    /// Its own length in bytes.
    pub(super) length: usize,
}

impl ElementHead {
    /// Reads the head at the beginning of `bytes`; `None` if it is cut off, or none.
    pub(super) fn of(bytes: &[u8]) -> Option<Self> {
        let id_length = bytes.first()?.leading_zeros() as usize + 1;
        let id = int(bytes.get(..id_length).filter(|id| id.len() <= 4)?) as u32; // at most four bytes
        let size_length = bytes.get(id_length)?.leading_zeros() as usize + 1;
        let size = int(bytes.get(id_length..id_length + size_length).filter(|size| size.len() <= 8)?);
        let ones = UNKNOWN >> (7 * (8 - size_length));
        let size = Some(size & ones).filter(|size| *size != ones);
        Some(Self { id, size, length: id_length + size_length })
    }
}

/// A number of up to eight bytes.
pub(super) fn int(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |value, byte| value << 8 | u64::from(*byte))
}

/// The elements in `bytes`, each with its contents, up to the first one that is not whole.
pub(super) fn elements(bytes: &[u8]) -> impl Iterator<Item = (u32, &[u8])> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let head = ElementHead::of(rest)?;
        let size = usize::try_from(head.size?).ok()?;
        let body = rest.get(head.length..)?.get(..size)?;
        rest = &rest[head.length + size..];
        Some((head.id, body))
    })
}

/// The contents of the first element with this identifier.
pub(super) fn find(bytes: &[u8], id: u32) -> Option<&[u8]> {
    elements(bytes).find_map(|(own, body)| (own == id).then_some(body))
}

/// The first number with this identifier.
pub(super) fn number(bytes: &[u8], id: u32) -> Option<u64> {
    find(bytes, id).filter(|body| body.len() <= 8).map(int)
}
