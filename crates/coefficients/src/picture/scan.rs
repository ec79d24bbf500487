//! The way through the blocks of a scan, for all that reads coded data.

use super::{DecodeError, Frame};
use crate::head::read::{MAX_BLOCKS, Scan};
use crate::huffman::decode::{Bad, Reader};
use crate::marker;

/// A block of an MCU.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Place {
    /// Its component's place in the scan.
    pub(crate) in_scan: usize,
    /// Where it lies among all blocks, in the first MCU of a row.
    pub(crate) at: usize,
    /// Blocks from one MCU to the next.
    pub(crate) step: usize,
}

/// Why a block is not read.
#[derive(Debug)]
pub(crate) enum Stop {
    /// It is damaged.
    Damaged,
    /// There is no room for it.
    Full,
}

impl From<Bad> for Stop {
    fn from(_: Bad) -> Self {
        Stop::Damaged
    }
}

/// A walk through the scans of a picture.
#[derive(Debug, Default)]
pub(crate) struct Walk {
    /// MCUs that were whole, in all scans.
    mcus: u32,
}

impl Walk {
    /// Goes through a scan. `block` reads each block, wherever it lies in the component: it gets the reader in front of
    /// it, the component's place in the scan, where the block lies among all, and the DC value of the one before, 0 at
    /// first and behind a restart marker, to be changed into its own. Returns an offset behind the last MCU, and not behind
    /// the next marker.
    #[inline(always)]
    pub(crate) fn scan(
        &mut self,
        jpeg: &[u8],
        frame: &Frame,
        scan: &Scan,
        mut block: impl FnMut(&mut Reader<'_>, usize, usize, &mut i32) -> Result<(), Stop>,
    ) -> Result<usize, DecodeError> {
        let mcus = frame.mcus_of(scan);
        let mut reader = Reader::new(jpeg, scan.begin);
        let mut last_dc = [0; 4];
        let mut in_interval = 0;
        let mut restarts = 0;
        for row in 0..mcus.1 {
            let (places, count) = places(frame, scan, row)?;
            for column in 0..mcus.0 {
                if in_interval == scan.restart_interval && in_interval != 0 {
                    reader = reader.restarted(restarts).map_err(|bad| self.error(bad.into(), reader.at()))?;
                    restarts = (restarts + 1) % marker::RST_COUNT;
                    in_interval = 0;
                    last_dc = [0; 4];
                }
                for place in &places[..count] {
                    let at = place.at + column as usize * place.step;
                    let in_scan = place.in_scan % 4;
                    let read = block(&mut reader, in_scan, at, &mut last_dc[in_scan]);
                    read.map_err(|stop| self.error(stop, reader.at()))?;
                }
                in_interval += 1;
                self.mcus += 1;
            }
        }
        Ok(reader.at())
    }

    #[cold]
    fn error(&self, stop: Stop, offset: usize) -> DecodeError {
        match stop {
            Stop::Damaged => DecodeError::Damaged { offset, mcus: self.mcus },
            Stop::Full => DecodeError::TooManyCoefficients,
        }
    }
}

impl Frame {
    /// How many MCUs a scan has, across and down. A single component is not interleaved: its MCUs are blocks (A.2.2), and
    /// those that only fill MCUs are not coded.
    pub(crate) fn mcus_of(&self, scan: &Scan) -> (u32, u32) {
        if scan.count == 1 { self.components[scan.components[0].component].blocks } else { self.mcus() }
    }
}

/// The blocks of the MCUs in a row, in the order of the scan (A.2.3), and how many they are.
pub(crate) fn places(
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
