//! Scans to blocks.

use super::{Coefficients, DecodeError, Entry, Frame, Stored};
use crate::block::LEN;
use crate::head::read::{Headers, HuffmanTables, MAX_BLOCKS, Scan};
use crate::huffman::decode::{Bad, Reader};
use crate::marker;

/// What is filled while a JPEG is decoded.
struct Filled<'a> {
    blocks: &'a mut Vec<Stored>,
    entries: &'a mut Vec<Entry>,
    /// How many of the entries are in use.
    used: usize,
    /// MCUs that were whole, in all scans.
    mcus: u32,
}

/// A block of an MCU.
#[derive(Debug, Clone, Copy, Default)]
struct Place {
    /// Its component's place in the scan.
    in_scan: usize,
    /// Where it lies among all blocks, in the first MCU of a row.
    at: usize,
    /// Blocks from one MCU to the next.
    step: usize,
}

impl Coefficients {
    pub(super) fn decode_whole(&mut self, jpeg: &[u8]) -> Result<Frame, DecodeError> {
        let mut headers = Headers::new(jpeg, &mut self.huffman)?;
        let (blocks, entries) = (&mut self.blocks, &mut self.entries);
        let mut filled = Filled { blocks, entries, used: 0, mcus: 0 };
        while let Some(scan) = headers.next_scan(&mut self.huffman)? {
            let frame = headers.known_frame();
            // What is there already may stay: each block is written.
            filled.blocks.resize(frame.block_count(), Stored::default());
            let end = filled.scan(jpeg, frame, &scan, &self.huffman)?;
            headers.skip_to(end);
        }
        Ok(headers.known_frame().clone())
    }
}

impl Filled<'_> {
    /// Decodes a scan; returns an offset behind its last MCU, and not behind the next marker.
    fn scan(
        &mut self,
        jpeg: &[u8],
        frame: &Frame,
        scan: &Scan,
        huffman: &HuffmanTables,
    ) -> Result<usize, DecodeError> {
        let in_scan = &scan.components[..scan.count];
        let first = frame.components[in_scan[0].component];
        // A single component is not interleaved: its MCUs are blocks (A.2.2), and those that only fill MCUs are not coded.
        let mcus = if scan.count == 1 { first.blocks } else { frame.mcus() };
        let mut tables = [huffman.pair(in_scan[0].tables)?; 4];
        for (pair, component) in tables.iter_mut().zip(in_scan) {
            *pair = huffman.pair(component.tables)?;
        }
        let mut reader = Reader::new(jpeg, scan.begin);
        let mut last_dc = [0; 4];
        let mut in_interval = 0;
        let mut restarts = 0;
        for row in 0..mcus.1 {
            let (places, count) = places(frame, scan, row)?;
            for column in 0..mcus.0 {
                if in_interval == scan.restart_interval && in_interval != 0 {
                    reader.restart(restarts).map_err(|Bad| self.damaged(&reader))?;
                    restarts = (restarts + 1) % marker::RST_COUNT;
                    in_interval = 0;
                    last_dc = [0; 4];
                }
                for place in &places[..count] {
                    let room = room(self.entries, self.used)?;
                    let block =
                        reader.block(tables[place.in_scan % 4], &mut last_dc[place.in_scan % 4], room);
                    let (dc, count) = block.map_err(|Bad| self.damaged(&reader))?;
                    self.blocks[place.at + column as usize * place.step] =
                        Stored { start: self.used as u32, dc, count };
                    self.used += usize::from(count);
                }
                in_interval += 1;
                self.mcus += 1;
            }
        }
        if scan.count == 1 {
            self.pad(frame, in_scan[0].component);
        }
        Ok(reader.at())
    }

    fn damaged(&self, reader: &Reader<'_>) -> DecodeError {
        DecodeError::Damaged { offset: reader.at(), mcus: self.mcus }
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
fn room(entries: &mut Vec<Entry>, used: usize) -> Result<&mut [Entry; LEN], DecodeError> {
    if entries.len() < used + LEN {
        grow(entries, used)?;
    }
    entries[used..].first_chunk_mut().ok_or(DecodeError::TooManyCoefficients)
}

#[cold]
#[inline(never)]
fn grow(entries: &mut Vec<Entry>, used: usize) -> Result<(), DecodeError> {
    if used + LEN > Coefficients::MAX_ENTRIES {
        return Err(DecodeError::TooManyCoefficients);
    }
    let wished = (used + used / 2 + (1 << 14)).min(Coefficients::MAX_ENTRIES);
    entries.reserve_exact(wished - entries.len());
    entries.resize(wished, Entry::default());
    Ok(())
}

/// The blocks of the MCUs in a row, in the order of the scan (A.2.3), and how many they are.
fn places(
    frame: &Frame,
    scan: &Scan,
    row: u32,
) -> Result<([Place; MAX_BLOCKS as usize], usize), DecodeError> {
    let mut places = [Place::default(); MAX_BLOCKS as usize];
    let mut count = 0;
    for (in_scan, component) in scan.components[..scan.count].iter().enumerate() {
        let component = &frame.components[component.component];
        let (h, v) = if scan.count == 1 { (1, 1) } else { component.factors };
        for (y, x) in (0..v).flat_map(|y| (0..h).map(move |x| (y, x))) {
            let place = places.get_mut(count).ok_or(DecodeError::Sampling)?;
            *place = Place { in_scan, at: component.place(x, row * v + y), step: h as usize };
            count += 1;
        }
    }
    Ok((places, count))
}
