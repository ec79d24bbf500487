//! The Huffman layer: blocks to bits and bits to blocks (ITU T.81 F.1.2, F.2.2).
//!
//! | module | what it does |
//! |---|---|
//! | [`encode`] | blocks to bits, with the standard tables |
//! | [`decode`] | bits to blocks, with any tables |
//! | [`skip`] | bits to DC coefficients alone |
//! | [`lanes`] | bits to where blocks may begin, in several parts of a scan at once |
//! | [`starts`] | where blocks really begin, from what the lanes found |

pub(crate) mod decode;
pub(crate) mod encode;
pub(crate) mod lanes;
pub(crate) mod skip;
pub(crate) mod starts;
