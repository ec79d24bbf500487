//! Scans to blocks.

use super::scan::{Stop, Walk};
use super::{Coefficients, DecodeError, Entry, Frame, Stored};
use crate::block::LEN;
use crate::geometry::MAX_COMPONENTS;
use crate::head::read::{Headers, HuffmanTables, Scan};

/// What is filled while a JPEG is decoded.
struct Filled<'a> {
    blocks: &'a mut Vec<Stored>,
    entries: &'a mut Vec<Entry>,
    /// How many of the entries are in use.
    used: usize,
}

impl Coefficients {
    pub(super) fn decode_whole(&mut self, jpeg: &[u8]) -> Result<Frame, DecodeError> {
        let mut headers = Headers::new(jpeg, &mut self.huffman)?;
        let (blocks, entries) = (&mut self.blocks, &mut self.entries);
        let mut filled = Filled { blocks, entries, used: 0 };
        let mut walk = Walk::default();
        while let Some(scan) = headers.next_scan(&mut self.huffman)? {
            let frame = headers.known_frame();
            // What is there already may stay: each block is written.
            filled.blocks.resize(frame.block_count(), Stored::default());
            let end = filled.scan(&mut walk, jpeg, frame, &scan, &self.huffman)?;
            headers.skip_to(end);
        }
        Ok(headers.known_frame().clone())
    }
}

impl Filled<'_> {
    /// Decodes a scan; returns an offset behind its last MCU, and not behind the next marker.
    fn scan(
        &mut self,
        walk: &mut Walk,
        jpeg: &[u8],
        frame: &Frame,
        scan: &Scan,
        huffman: &HuffmanTables,
    ) -> Result<usize, DecodeError> {
        let in_scan = &scan.components[..scan.count];
        let mut tables = [huffman.pair(in_scan[0].tables)?; MAX_COMPONENTS];
        for (pair, component) in tables.iter_mut().zip(in_scan) {
            *pair = huffman.pair(component.tables)?;
        }
        let end = walk.scan(jpeg, frame, scan, |reader, in_scan, at, last_dc| {
            let room = room(self.entries, self.used)?;
            let (dc, count) = reader.block(tables[in_scan], last_dc, room)?;
            self.blocks[at] = Stored { start: self.used as u32, dc, count };
            self.used += usize::from(count);
            Ok(())
        })?;
        if scan.count == 1 {
            self.pad(frame, in_scan[0].component);
        }
        Ok(end)
    }

    /// Gives to the blocks that only fill MCUs and are not coded the DC of the block to the left, or above.
    fn pad(&mut self, frame: &Frame, component: usize) {
        let component = &frame.components[component];
        let (across, down) = component.blocks;
        for row in 0..component.padded.1 {
            let covered = if row < down { across } else { 0 };
            for column in covered..component.padded.0 {
                let (beside, above) = if row < down { (column - 1, row) } else { (column, row - 1) };
                let dc = self.blocks[component.place(beside, above)].dc;
                self.blocks[component.place(column, row)] = Stored { start: 0, dc, count: 0 };
            }
        }
    }
}

/// Room for the entries of a block behind those in use.
#[inline(always)]
fn room(entries: &mut Vec<Entry>, used: usize) -> Result<&mut [Entry; LEN], Stop> {
    if entries.len() < used + LEN {
        grow(entries, used)?;
    }
    entries[used..].first_chunk_mut().ok_or(Stop::Full)
}

#[cold]
#[inline(never)]
fn grow(entries: &mut Vec<Entry>, used: usize) -> Result<(), Stop> {
    if used + LEN > Coefficients::MAX_ENTRIES {
        return Err(Stop::Full);
    }
    let wished = room_for(used);
    entries.reserve_exact(wished - entries.len());
    entries.resize(wished, Entry::default());
    Ok(())
}

/// For how many entries there is room when so many are in use and more are read.
pub(super) fn room_for(used: usize) -> usize {
    used.saturating_add(used / 2 + (1 << 14)).min(Coefficients::MAX_ENTRIES)
}
