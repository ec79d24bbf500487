//! Writes the headers of a JPEG with one scan and the standard Huffman tables.

use crate::block::LEN;
use crate::geometry::Component;
use crate::huffman::encode::Tables;
use crate::tables::NATURAL;
use crate::{STANDARD_TABLES, TooLarge, marker};

/// An application's segment, which says what decoders cannot see otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Application {
    /// Components are grey or Y'CbCr; pixels are square (JFIF 1.02).
    Jfif,
    /// What Adobe's programs say of the components: 0 no transform, 1 Y'CbCr, 2 YCCK (Adobe's technical note 5116).
    Adobe(u8),
}

/// Everything up to the coded data.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Head<'a> {
    /// Width and height in pixels.
    pub(crate) size: (u16, u16),
    /// Segments of applications, in this order.
    pub(crate) applications: &'a [Application],
    /// The quantization tables 0 to 3 in natural order.
    pub(crate) quantization: &'a [[u16; LEN]],
    /// In the order in which the scan interleaves them.
    pub(crate) components: &'a [Component],
    /// MCUs between restart markers; 0 for no such markers.
    pub(crate) restart_interval: u16,
}

/// Writes a whole JPEG into the beginning of `out`: what `head` writes, what `coded` writes behind it, and EOI. Returns the
/// length in bytes.
pub(crate) fn whole(
    out: &mut [u8],
    head: impl FnOnce(&mut [u8]) -> Result<usize, TooLarge>,
    coded: impl FnOnce(&mut [u8]) -> Result<usize, TooLarge>,
) -> Result<usize, TooLarge> {
    const EOI: [u8; 2] = marker::bytes(marker::EOI);
    let too_large = TooLarge { capacity: out.len() };
    let begin = head(out)?;
    let end = begin + coded(&mut out[begin..]).map_err(|_| too_large)?;
    *out[end..].first_chunk_mut().ok_or(too_large)? = EOI;
    Ok(end + EOI.len())
}

impl Head<'_> {
    /// Writes it into the beginning of `out` and returns its length in bytes.
    pub(crate) fn write(&self, out: &mut [u8]) -> Result<usize, TooLarge> {
        let mut to = Output { out, written: 0 };
        to.put(&marker::bytes(marker::SOI))?;
        for application in self.applications {
            to.application(*application)?;
        }
        let mut is_baseline = true;
        for (number, table) in (0..).zip(self.quantization) {
            is_baseline &= to.quantization(number, table)?;
        }
        self.frame(is_baseline, &mut to)?;
        to.put(&STANDARD_TABLES)?;
        if self.restart_interval != 0 {
            to.segment(marker::DRI, &[&self.restart_interval.to_be_bytes()])?;
        }
        self.scan(&mut to)?;
        Ok(to.written)
    }

    /// The frame header (ITU T.81 B.2.2). Baseline has quantization tables of 8 bits only (table B.4).
    fn frame(&self, is_baseline: bool, to: &mut Output<'_>) -> Result<(), TooLarge> {
        let ((width, height), count) = (self.size, self.count());
        let code = if is_baseline { marker::SOF0 } else { marker::SOF1 };
        to.begin(code, 6 + 3 * self.components.len())?;
        to.put(&[8])?;
        to.put(&height.to_be_bytes())?;
        to.put(&width.to_be_bytes())?;
        to.put(&[count])?;
        for component in self.components {
            to.put(&[component.id, component.across << 4 | component.down, component.quantization])?;
        }
        Ok(())
    }

    /// The scan header (B.2.3).
    fn scan(&self, to: &mut Output<'_>) -> Result<(), TooLarge> {
        to.begin(marker::SOS, 4 + 2 * self.components.len())?;
        to.put(&[self.count()])?;
        for component in self.components {
            let tables = match component.tables {
                Tables::Luminance => 0x00,
                Tables::Chrominance => 0x11,
            };
            to.put(&[component.id, tables])?;
        }
        to.put(&[0, LEN as u8 - 1, 0]) // all coefficients, all bits
    }

    fn count(&self) -> u8 {
        self.components.len() as u8 // at most 4
    }
}

/// A slice that is filled from its beginning.
struct Output<'a> {
    out: &'a mut [u8],
    written: usize,
}

impl Output<'_> {
    fn put(&mut self, bytes: &[u8]) -> Result<(), TooLarge> {
        let capacity = self.out.len();
        let end = self.written + bytes.len();
        self.out.get_mut(self.written..end).ok_or(TooLarge { capacity })?.copy_from_slice(bytes);
        self.written = end;
        Ok(())
    }

    /// A marker, and the length of a segment with `payload` bytes, which are to follow.
    fn begin(&mut self, code: u8, payload: usize) -> Result<(), TooLarge> {
        self.put(&marker::bytes(code))?;
        self.put(&(payload as u16 + 2).to_be_bytes()) // it counts itself
    }

    fn segment(&mut self, code: u8, parts: &[&[u8]]) -> Result<(), TooLarge> {
        self.begin(code, parts.iter().map(|part| part.len()).sum())?;
        parts.iter().try_for_each(|part| self.put(part))
    }

    fn application(&mut self, application: Application) -> Result<(), TooLarge> {
        match application {
            // Version 1.02, no unit, 1 to 1, no thumbnail.
            Application::Jfif => self.segment(marker::APP0, &[b"JFIF\0", &[1, 2, 0, 0, 1, 0, 1, 0, 0]]),
            // Version 100, no flags.
            Application::Adobe(transform) => {
                self.segment(marker::APP14, &[b"Adobe", &[0, 100, 0, 0, 0, 0, transform]])
            }
        }
    }

    /// A quantization table (B.2.4.1), in 16 bits if it must be. Returns whether 8 bits are enough.
    fn quantization(&mut self, number: u8, table: &[u16; LEN]) -> Result<bool, TooLarge> {
        let is_short = table.iter().all(|value| *value < 256);
        let bytes = if is_short { 1 } else { 2 };
        self.begin(marker::DQT, 1 + bytes * LEN)?;
        self.put(&[(bytes as u8 - 1) << 4 | number])?;
        for natural in NATURAL {
            self.put(&table[usize::from(natural)].to_be_bytes()[2 - bytes..])?;
        }
        Ok(is_short)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Quality;
    use crate::segment::Segment;

    fn component(id: u8, factors: (u8, u8), quantization: u8, tables: Tables) -> Component {
        Component { id, across: factors.0, down: factors.1, quantization, tables }
    }

    fn colour() -> [Component; 3] {
        [
            component(1, (2, 1), 0, Tables::Luminance),
            component(2, (1, 1), 1, Tables::Chrominance),
            component(3, (1, 1), 1, Tables::Chrominance),
        ]
    }

    fn write(head: &Head<'_>) -> Vec<u8> {
        let mut out = vec![0xaa; 2000];
        let length = head.write(&mut out).unwrap();
        assert!(out[length..].iter().all(|byte| *byte == 0xaa));
        for capacity in (0..length).step_by(if cfg!(miri) { 101 } else { 1 }) {
            assert_eq!(head.write(&mut out[..capacity]), Err(TooLarge { capacity }));
        }
        assert_eq!(head.write(&mut out[..length]), Ok(length));
        out.truncate(length);
        out
    }

    fn segments(jpeg: &[u8]) -> Vec<(u8, Vec<u8>)> {
        let mut at = 0;
        let mut all = Vec::new();
        while at < jpeg.len() {
            let segment = Segment::at(jpeg, at).unwrap();
            all.push((segment.code, segment.payload.to_vec()));
            at = segment.end;
        }
        all
    }

    #[test]
    fn the_head_of_a_colour_picture_says_all_that_decoders_need() {
        let quantization = Quality::new(85).tables();
        let components = colour();
        let head = Head {
            size: (1280, 720),
            applications: &[Application::Jfif],
            quantization: &quantization,
            components: &components,
            restart_interval: 80,
        };
        let all = segments(&write(&head));
        let codes: Vec<u8> = all.iter().map(|(code, _)| *code).collect();
        use marker::*;
        assert_eq!(codes, [SOI, APP0, DQT, DQT, SOF0, DHT, DRI, SOS]);
        let payload = |n: usize| all[n].1.as_slice();
        assert_eq!(payload(1), b"JFIF\0\x01\x02\0\0\x01\0\x01\0\0");
        // The first values of table K.1 in zigzag order, at 30 percent.
        assert_eq!((payload(2).len(), &payload(2)[..7]), (65, [0, 5, 3, 4, 4, 4, 3].as_slice()));
        assert_eq!(payload(3)[..3], [1, 5, 5]);
        assert_eq!(payload(4), [8, 2, 208, 5, 0, 3, 1, 0x21, 0, 2, 0x11, 1, 3, 0x11, 1]);
        assert_eq!(payload(5), &STANDARD_TABLES[4..]);
        assert_eq!(payload(6), [0, 80]);
        assert_eq!(payload(7), [3, 1, 0x00, 2, 0x11, 3, 0x11, 0, 63, 0]);
    }

    #[test]
    fn four_components_have_tables_of_their_own_and_large_divisors_16_bits() {
        let mut quantization = [[1; LEN], [255; LEN], [2; LEN], [3; LEN]];
        quantization[3][8] = 256; // below DC, the third in zigzag order
        let components = [9, 8, 7, 6].map(|id| component(id, (1, 1), 9 - id, Tables::Luminance));
        let head = Head {
            size: (65535, 1),
            applications: &[Application::Adobe(2)],
            quantization: &quantization,
            components: &components,
            restart_interval: 0,
        };
        let all = segments(&write(&head));
        let codes: Vec<u8> = all.iter().map(|(code, _)| *code).collect();
        use marker::*;
        assert_eq!(codes, [SOI, APP14, DQT, DQT, DQT, DQT, SOF1, DHT, SOS]);
        assert_eq!(all[1].1, *b"Adobe\0\x64\0\0\0\0\x02");
        assert_eq!((all[5].1.len(), &all[5].1[..9]), (129, [0x13, 0, 3, 0, 3, 1, 0, 0, 3].as_slice()));
        assert_eq!(all[6].1[1..9], [0, 1, 255, 255, 4, 9, 0x11, 0]);
    }
}
