//! Reads the headers of a JPEG: those in front of the first scan, and those between scans.

use crate::DecodeError;
use crate::block::{LEN, SIDE};
use crate::exif::Orientation;
use crate::geometry::MAX_COMPONENTS;
use crate::huffman::decode::{Class, Table};
use crate::marker;
use crate::picture::{Coefficients, Colours, Component, Frame};
use crate::segment::{Segment, SegmentError};
use crate::tables::{NATURAL, STANDARD_TABLES};

/// How many tables of each kind there can be at a time (ITU T.81 B.2.4).
const TABLES: usize = 4;

/// Huffman tables by their class and number. Keeps their memory, and tables that come again.
#[derive(Debug, Default)]
pub(crate) struct HuffmanTables {
    tables: Box<[[Table; TABLES]; 2]>,
    /// Which of them this picture has.
    are_defined: [[bool; TABLES]; 2],
}

impl HuffmanTables {
    /// The table with this number. If the picture has none, 0 and 1 are the standard ones: cameras leave them out.
    fn usable(&self, class: Class, number: u8) -> Result<&Table, DecodeError> {
        let (class, number) = (class as usize, usize::from(number));
        // One of an earlier picture does not count: what this one shows must not depend on it.
        let is_defined = self.are_defined[class].get(number).is_some_and(|&is_defined| is_defined);
        let table = self.tables[class].get(number).filter(|table| is_defined && table.is_usable());
        table.ok_or(DecodeError::BadHuffmanTable)
    }

    /// Both tables for a component.
    pub(crate) fn pair(&self, (dc, ac): (u8, u8)) -> Result<(&Table, &Table), DecodeError> {
        Ok((self.usable(Class::Dc, dc)?, self.usable(Class::Ac, ac)?))
    }

    /// Takes the tables of a DHT segment (B.2.4.2); with `only_missing`, only those that the picture lacks.
    fn load(&mut self, mut payload: &[u8], only_missing: bool) -> Result<(), DecodeError> {
        while let Some((&[kind, ref counts @ ..], rest)) = payload.split_first_chunk::<17>() {
            let len = counts.iter().map(|&count| usize::from(count)).sum();
            let (symbols, rest) = rest.split_at_checked(len).ok_or(DecodeError::BadHuffmanTable)?;
            payload = rest;
            let class = match kind >> 4 {
                0 => Class::Dc,
                1 => Class::Ac,
                _ => return Err(DecodeError::BadHuffmanTable),
            };
            let number = usize::from(kind & 15);
            let is_defined = self.are_defined[class as usize].get_mut(number);
            let is_defined = is_defined.ok_or(DecodeError::BadHuffmanTable)?;
            if !(only_missing && *is_defined) {
                *is_defined = true;
                self.tables[class as usize][number].load(class, counts, symbols);
            }
        }
        if payload.is_empty() { Ok(()) } else { Err(DecodeError::BadHuffmanTable) }
    }
}

/// The most blocks of an MCU (B.2.3). If no two components are interleaved there may be more, but such pictures are
/// refused: they could not be encoded in one scan.
pub(crate) const MAX_BLOCKS: u32 = 10;

/// A component in a scan.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct ScanComponent {
    /// Its place among the picture's components.
    pub(crate) component: usize,
    /// The numbers of its Huffman tables, DC and AC.
    pub(crate) tables: (u8, u8),
}

/// What the header of a scan says.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Scan {
    pub(crate) components: [ScanComponent; MAX_COMPONENTS],
    pub(crate) count: usize,
    /// MCUs between restart markers; 0 if there are none.
    pub(crate) restart_interval: u32,
    /// The offset of its coded data.
    pub(crate) begin: usize,
}

/// The way through the headers of a JPEG.
#[derive(Debug)]
pub(crate) struct Headers<'a> {
    jpeg: &'a [u8],
    at: usize,
    frame: Frame,
    has_frame: bool,
    /// The numbers of the components' quantization tables.
    table_numbers: [u8; MAX_COMPONENTS],
    /// Which components were in a scan.
    are_scanned: [bool; MAX_COMPONENTS],
    /// In natural order; a step of 0 means that there is no usable table.
    quantization: [[u16; LEN]; TABLES],
    restart_interval: u32,
    has_jfif: bool,
    /// The colour transform in Adobe's segment.
    adobe: Option<u8>,
}

impl<'a> Headers<'a> {
    /// Begins with the first header.
    pub(crate) fn new(jpeg: &'a [u8], huffman: &mut HuffmanTables) -> Result<Self, DecodeError> {
        if !jpeg.starts_with(&marker::bytes(marker::SOI)) {
            return Err(DecodeError::NotJpeg);
        }
        huffman.are_defined = Default::default();
        Ok(Self {
            jpeg,
            at: 2,
            frame: Frame::default(),
            has_frame: false,
            table_numbers: [0; MAX_COMPONENTS],
            are_scanned: [false; MAX_COMPONENTS],
            quantization: [[0; LEN]; TABLES],
            restart_interval: 0,
            has_jfif: false,
            adobe: None,
        })
    }

    /// Reads up to the next scan. `None` if each component was in one.
    pub(crate) fn next_scan(&mut self, huffman: &mut HuffmanTables) -> Result<Option<Scan>, DecodeError> {
        if self.has_frame && self.are_scanned[..self.frame.count].iter().all(|&is_scanned| is_scanned) {
            return Ok(None);
        }
        loop {
            let segment = Segment::at(self.jpeg, self.at).map_err(|error| match error {
                SegmentError::Cut => DecodeError::HeadCut,
                SegmentError::Bad => DecodeError::BadHead,
            })?;
            self.at = segment.end;
            let payload = segment.payload;
            match segment.code {
                marker::SOS => return self.scan(payload, huffman).map(Some),
                marker::EOI => return Err(DecodeError::BadScan),
                marker::SOI => return Err(DecodeError::BadHead),
                marker::DHP => return Err(DecodeError::Hierarchical),
                marker::DAC => return Err(DecodeError::Arithmetic),
                marker::DHT => huffman.load(payload, false)?,
                marker::DQT => self.quantization(payload)?,
                marker::DRI => {
                    let interval = payload.try_into().map_err(|_| DecodeError::BadHead)?;
                    self.restart_interval = u16::from_be_bytes(interval).into();
                }
                marker::APP0 => self.has_jfif |= payload.starts_with(b"JFIF\0"),
                marker::APP1 => {
                    let earlier = self.frame.orientation;
                    self.frame.orientation = earlier.or_else(|| Orientation::in_app1(payload));
                }
                marker::APP14 if payload.starts_with(b"Adobe") => self.adobe = payload.get(11).copied(),
                code if marker::is_frame_header(code) => self.frame(code, payload)?,
                _ => {}
            }
        }
    }

    /// Goes on behind coded data that end at offset `at` or later.
    pub(crate) fn skip_to(&mut self, at: usize) {
        let is_header = |pair: &[u8]| {
            pair[0] == marker::PREFIX
                && !matches!(pair[1], marker::STUFFED | marker::PREFIX)
                && !marker::is_restart(pair[1])
        };
        let rest = self.jpeg.get(at..).unwrap_or_default();
        self.at = at + rest.windows(2).position(is_header).unwrap_or(rest.len());
    }

    /// The frame as far as it is known: after the last scan, all of it.
    pub(crate) fn known_frame(&self) -> &Frame {
        &self.frame
    }

    /// Quantization tables (B.2.4.1).
    fn quantization(&mut self, mut payload: &[u8]) -> Result<(), DecodeError> {
        const BAD: DecodeError = DecodeError::BadQuantizationTable;
        while let Some((&kind, rest)) = payload.split_first() {
            let is_wide = match kind >> 4 {
                0 => false,
                1 => true,
                _ => return Err(BAD),
            };
            let len = if is_wide { 2 * LEN } else { LEN };
            let (steps, rest) = rest.split_at_checked(len).ok_or(BAD)?;
            let table = self.quantization.get_mut(usize::from(kind & 15)).ok_or(BAD)?;
            for (n, &place) in NATURAL.iter().enumerate() {
                table[usize::from(place)] = if is_wide {
                    u16::from_be_bytes([steps[2 * n], steps[2 * n + 1]])
                } else {
                    steps[n].into()
                };
            }
            payload = rest;
        }
        Ok(())
    }

    /// A frame header (B.2.2).
    fn frame(&mut self, code: u8, payload: &[u8]) -> Result<(), DecodeError> {
        match code {
            marker::SOF0 | marker::SOF1 => {}
            marker::SOF2 => return Err(DecodeError::Progressive),
            marker::SOF3 => return Err(DecodeError::Lossless),
            marker::SOF9..=marker::SOF11 => return Err(DecodeError::Arithmetic),
            _ => return Err(DecodeError::Hierarchical),
        }
        let &[precision, y1, y0, x1, x0, count, ref components @ ..] = payload else {
            return Err(DecodeError::BadFrame);
        };
        if std::mem::replace(&mut self.has_frame, true) {
            return Err(DecodeError::BadFrame);
        }
        if precision != 8 {
            return Err(DecodeError::Not8Bit);
        }
        let (width, height) = (u16::from_be_bytes([x1, x0]).into(), u16::from_be_bytes([y1, y0]).into());
        let count = usize::from(count);
        let (list, rest) = components.as_chunks::<3>();
        if width == 0 || list.len() != count || !rest.is_empty() {
            return Err(DecodeError::BadFrame);
        }
        if height == 0 {
            return Err(DecodeError::NoHeight);
        }
        if !(1..=MAX_COMPONENTS).contains(&count) {
            return Err(DecodeError::Components);
        }
        if u64::from(width) * u64::from(height) > Coefficients::MAX_PIXELS {
            return Err(DecodeError::TooManyPixels);
        }
        self.frame.size = (width, height);
        self.frame.count = count;
        for (n, &[id, factors, table]) in list.iter().enumerate() {
            let factors = (u32::from(factors >> 4), u32::from(factors & 15));
            if !(1..=4).contains(&factors.0) || !(1..=4).contains(&factors.1) {
                return Err(DecodeError::Sampling);
            }
            let factors = if count == 1 { (1, 1) } else { factors };
            self.frame.components[n] = Component { id, factors, ..Component::default() };
            self.table_numbers[n] = table;
        }
        let components = &self.frame.components[..count];
        if components.iter().map(|component| component.factors.0 * component.factors.1).sum::<u32>()
            > MAX_BLOCKS
        {
            return Err(DecodeError::Sampling);
        }
        self.frame.lay_out();
        Ok(())
    }

    /// A scan header (B.2.3).
    fn scan(&mut self, payload: &[u8], huffman: &mut HuffmanTables) -> Result<Scan, DecodeError> {
        if !self.has_frame {
            return Err(DecodeError::BadFrame);
        }
        // Spectral selection and successive approximation are 0, 63 and 0 here. Decoders do not look at them.
        let Some((&count, rest)) = payload.split_first() else { return Err(DecodeError::BadScan) };
        let count = usize::from(count);
        let (list, rest) = rest.as_chunks::<2>();
        if !(1..=self.frame.count).contains(&count) || list.len() != count + 1 || rest.len() != 1 {
            return Err(DecodeError::BadScan);
        }
        let identifiers = self.frame.components.map(|component| component.id);
        self.frame.colours = Colours::of(&identifiers[..self.frame.count], self.has_jfif, self.adobe);
        let (restart_interval, begin) = (self.restart_interval, self.at);
        let mut scan = Scan { count, restart_interval, begin, ..Scan::default() };
        // Without the tables that are not used, a picture can be read all the same.
        huffman.load(&STANDARD_TABLES[4..], true)?;
        for (&[id, tables], in_scan) in list.iter().zip(&mut scan.components[..count]) {
            // Some encoders give the same identifier to several; then their order counts.
            let has_id = |n: &usize| self.frame.components[*n].id == id && !self.are_scanned[*n];
            let component = (0..self.frame.count).find(has_id).ok_or(DecodeError::BadScan)?;
            self.are_scanned[component] = true;
            let table = self.quantization.get(usize::from(self.table_numbers[component]));
            let table = table.filter(|table| !table.contains(&0)).ok_or(DecodeError::BadQuantizationTable)?;
            self.frame.components[component].quantization = *table;
            *in_scan = ScanComponent { component, tables: (tables >> 4, tables & 15) };
            huffman.pair(in_scan.tables)?;
        }
        Ok(scan)
    }
}

impl Frame {
    /// Works out how many blocks each component has, and where they begin among all (A.1.1, A.2.4).
    fn lay_out(&mut self) {
        let (width, height) = self.size;
        let (across, down) = self.largest_factors();
        let mcus = self.mcus();
        let mut first = 0;
        for component in &mut self.components[..self.count] {
            let (h, v) = component.factors;
            let blocks = |pixels: u32, factor: u32, largest: u32| {
                (pixels * factor).div_ceil(largest).div_ceil(SIDE as u32)
            };
            component.blocks = (blocks(width, h, across), blocks(height, v, down));
            component.padded = (mcus.0 * h, mcus.1 * v);
            component.first = first;
            first += component.padded.0 as usize * component.padded.1 as usize;
        }
    }
}
