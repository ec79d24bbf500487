//! The brightness and colour of each block of a picture, from its DC coefficients alone.
//!
//! Small and without a DCT: 160x90 numbers for the luma of 1280x720. It tells whether two pictures show the same, and
//! where something moves.

use crate::geometry::MAX_COMPONENTS;
use crate::head::read::{Headers, HuffmanTables, Scan};
use crate::huffman::decode::DC_RANGE;
use crate::huffman::lanes::Code;
use crate::huffman::skip::Leaps;
use crate::huffman::starts::{Found, Starts};
use crate::picture::scan::{Walk, places};
use crate::picture::{Component, Frame};
use crate::{Coefficients, DecodeError};

/// DC values of a picture. Keeps its memory from one picture to the next.
#[derive(Debug, Default)]
pub struct DcGrid {
    values: Vec<i16>,
    /// Blocks across and down.
    sizes: [(u32, u32); MAX_COMPONENTS],
    count: usize,
    huffman: HuffmanTables,
    leaps: Leaps,
    starts: Starts,
    /// Quantized, with the blocks that only fill MCUs.
    padded: Vec<i16>,
}

/// DC values of a component.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DcPlane<'a> {
    /// Blocks across: an eighth of the component's width in samples, rounded up.
    pub width: u32,
    /// Blocks down.
    pub height: u32,
    /// For each block, row by row, eight times the mean of its samples less 128 (ITU T.81 A.3.3): -1024 for black and
    /// 1016 for white, a little more or less after coarse quantization. What the standard does not allow is cut off at
    /// the ends of the type.
    pub values: &'a [i16],
}

impl DcGrid {
    /// Reads the values of a JPEG's first component, which is luma in pictures of grey and of Y'CbCr, without decoding the
    /// AC coefficients. Takes the same JPEGs as [`Coefficients::decode`], but looks at nothing behind the scan with that
    /// component, and does not mind how many AC coefficients there are. After an error there are no values.
    ///
    /// # Errors
    /// Why it cannot be read.
    pub fn read(&mut self, jpeg: &[u8]) -> Result<(), DecodeError> {
        self.values.clear();
        self.count = 0;
        let mut headers = Headers::new(jpeg, &mut self.huffman)?;
        let mut walk = Walk::default();
        while let Some(scan) = headers.next_scan(&mut self.huffman)? {
            let has_first = scan.components[..scan.count].iter().any(|of| of.component == 0);
            if !has_first {
                headers.skip_to(scan.begin);
                continue;
            }
            let frame = headers.known_frame();
            self.scan(&mut walk, jpeg, frame, &scan)?;
            self.keep(&frame.components[0]);
            return Ok(());
        }
        Err(DecodeError::BadScan)
    }

    /// Reads the scan with the first component.
    fn scan(&mut self, walk: &mut Walk, jpeg: &[u8], frame: &Frame, scan: &Scan) -> Result<(), DecodeError> {
        let in_scan = &scan.components[..scan.count];
        let mut tables = [self.huffman.pair(in_scan[0].tables)?; MAX_COMPONENTS];
        let mut pairs = [0; MAX_COMPONENTS];
        for (n, component) in in_scan.iter().enumerate() {
            tables[n] = self.huffman.pair(component.tables)?;
            pairs[n] = self.leaps.pair_of(&tables[..=n], &pairs[..n]);
        }
        let leaps = &self.leaps;
        let padded = frame.components[0].padded;
        // What is there already may stay: each block that is kept is written.
        self.padded.resize(padded.0 as usize * padded.1 as usize, 0);
        let (mcus, (places, count)) = (frame.mcus_of(scan), places(frame, scan, 0)?);
        let blocks = mcus.0 as usize * mcus.1 as usize * count;
        let code = Code {
            leaps,
            pairs: &places.map(|place| pairs[place.in_scan])[..count],
            tables: places.map(|place| tables[place.in_scan]),
        };
        if scan.restart_interval == 0
            && let Some(found) = self.starts.find(&jpeg[scan.begin..], &code, blocks)
        {
            return keep_found(&found, frame, scan, &mut self.padded);
        }
        // What is damaged, or has restart markers, is read block by block.
        walk.scan(jpeg, frame, scan, |reader, n, at, last_dc| {
            let difference = reader.block_difference(leaps, pairs[n], tables[n])?;
            *last_dc = (*last_dc + difference).clamp(DC_RANGE.0, DC_RANGE.1);
            if in_scan[n].component == 0 {
                self.padded[at] = *last_dc as i16;
            }
            Ok(())
        })?;
        Ok(())
    }

    /// Keeps the values of a component that was read.
    fn keep(&mut self, component: &Component) {
        let step = component.quantization[0];
        for row in self.padded.chunks_exact(component.padded.0 as usize).take(component.blocks.1 as usize) {
            self.values.extend(row[..component.blocks.0 as usize].iter().map(|&dc| dequantized(dc, step)));
        }
        self.sizes[0] = component.blocks;
        self.count = 1;
    }

    /// Takes the values of all components of a picture, whatever it had before.
    pub fn take(&mut self, coefficients: &Coefficients) {
        self.values.clear();
        self.count = coefficients.components().len();
        for (component, size) in coefficients.components().iter().zip(&mut self.sizes) {
            *size = component.blocks;
            let step = component.quantization[0];
            for row in 0..component.blocks.1 as usize {
                let first = component.first + row * component.padded.0 as usize;
                let blocks = &coefficients.blocks[first..][..component.blocks.0 as usize];
                self.values.extend(blocks.iter().map(|block| dequantized(block.dc, step)));
            }
        }
    }

    /// Those of a component, in the order of [`Coefficients::components`]; `None` if there is no such component.
    pub fn component(&self, number: usize) -> Option<DcPlane<'_>> {
        let (before, rest) = self.sizes[..self.count].split_at_checked(number)?;
        let (width, height) = *rest.first()?;
        let area = |(width, height): (u32, u32)| width as usize * height as usize;
        let first = before.iter().copied().map(area).sum::<usize>();
        Some(DcPlane { width, height, values: &self.values[first..][..area((width, height))] })
    }
}

fn dequantized(dc: i16, step: u16) -> i16 {
    // Cannot overflow: 16 bits times 16.
    (i32::from(dc) * i32::from(step)).clamp(i16::MIN.into(), i16::MAX.into()) as i16
}

/// Reads the values of the first component where its blocks begin.
fn keep_found(found: &Found<'_>, frame: &Frame, scan: &Scan, padded: &mut [i16]) -> Result<(), DecodeError> {
    let mcus = frame.mcus_of(scan);
    let (first_row, count) = places(frame, scan, 0)?;
    let is_first = |block: &usize| scan.components[first_row[*block].in_scan].component == 0;
    let begin = (0..count).find(is_first).unwrap_or(count);
    let end = begin + (begin..count).take_while(is_first).count();
    let mut starts = found.starts.chunks_exact(count);
    let mut last_dc = 0;
    for row in 0..mcus.1 {
        let (places, _) = places(frame, scan, row)?;
        for (column, mcu) in (0..mcus.0 as usize).zip(&mut starts) {
            for (place, &start) in places[begin..end].iter().zip(&mcu[begin..end]) {
                last_dc = (last_dc + found.difference(start, begin)).clamp(DC_RANGE.0, DC_RANGE.1);
                padded[place.at + column * place.step] = last_dc as i16;
            }
        }
    }
    Ok(())
}
