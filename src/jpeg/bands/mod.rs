//! One picture on several cores: bands of rows, encoded in parallel and joined by restart markers.
//!
//! Used only by [`super::encode`]. At a restart marker the coder's state is reset (ITU T.81 F.1.1.5.1 and E.1.4), so
//! each band can be encoded as a separate picture. With the headers of the first band and the full height, the joined
//! bands decode to the same samples as a picture that was encoded in one piece.

use std::ops::Range;
use std::sync::{Arc, Mutex};

use jpeg_encoder::SamplingFactor;
use rayon_core::{ThreadPool, ThreadPoolBuilder};
use rustix::thread::{Pid, gettid, sched_getaffinity, sched_getcpu, sched_setaffinity};

use super::marker;
use crate::host::inject;
use crate::picture::{Raw, Size};
use crate::sync::lock;

/// The most bands per picture, and so the most threads.
pub const MAX_BANDS: usize = 8;

/// The fewest MCUs in a band. They take about 20 times as long to encode as a thread takes to wake up.
const MIN_MCUS: u32 = 512;

/// The side of a block in pixels (ITU T.81 A.1.1).
const BLOCK: u32 = 8;

/// How a picture is cut: each band has the same number of whole MCU rows, the last one may have fewer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cut {
    height: u32,
    /// Rows of pixels in a band.
    rows: u32,
    /// MCUs in a band: the restart interval.
    mcus: u16,
}

impl Cut {
    /// Cuts a picture into `bands` bands, or fewer if those would be too small to be worth a thread. `None` if one band
    /// is left, or if a band has more MCUs than a restart interval can express (16 bits, ITU T.81 B.2.4.4).
    pub(super) fn new(raw: Raw, size: Size, sampling: SamplingFactor, bands: usize) -> Option<Cut> {
        let (across, down) = match (raw, sampling) {
            (Raw::Grey, _) => (1, 1),
            (_, SamplingFactor::R_4_2_0) => (2, 2),
            _ => (2, 1),
        };
        let mcus_in_row = size.width.div_ceil(BLOCK * across);
        let mcu_rows = size.height.div_ceil(BLOCK * down);
        let bands = u32::try_from(bands.min(MAX_BANDS)).unwrap_or(1).max(1);
        let rows = mcu_rows.div_ceil(bands).max(MIN_MCUS.div_ceil(mcus_in_row));
        if rows >= mcu_rows {
            return None;
        }
        let mcus = u16::try_from(rows.checked_mul(mcus_in_row)?).ok()?;
        Some(Cut { height: size.height, rows: rows * BLOCK * down, mcus })
    }

    /// Encodes the bands in parallel into equal shares of `out`, joins them at its beginning, and returns the length of
    /// the joined JPEG in bytes. `encode` makes a JPEG of some rows with this restart interval (0: none) in the slice
    /// that it is given, and returns its length.
    ///
    /// `None` if a band did not fit into its share, or the system has no threads left: the picture can only be encoded
    /// in one piece. Always waits for all bands. A panic in one of them is resumed in the caller.
    pub(super) fn encode<F>(self, helpers: &mut Helpers, out: &mut [u8], encode: F) -> Option<usize>
    where
        F: Fn(Range<u32>, u16, &mut [u8]) -> Option<usize> + Sync,
    {
        let share = out.len() / self.bands().count();
        if share == 0 {
            return None;
        }
        let mut lens: heapless::Vec<Option<usize>, MAX_BANDS> = self.bands().map(|_| None).collect();
        helpers.get(lens.len() - 1)?.in_place_scope(|scope| {
            let encode = &encode;
            let mut bands = self.bands().zip(out.chunks_exact_mut(share)).zip(&mut lens);
            let first = bands.next();
            for ((rows, share), len) in bands {
                scope.spawn(move |_| {
                    inject::panic_at("band");
                    *len = encode(rows, 0, share);
                });
            }
            if let Some(((rows, share), len)) = first {
                *len = encode(rows, self.mcus, share);
            }
        });
        join(out, share, &lens, self.height)
    }

    /// The rows of each band.
    fn bands(self) -> impl Iterator<Item = Range<u32>> {
        let tops = (0..self.height).step_by(self.rows as usize);
        tops.map(move |top| top..(top + self.rows).min(self.height))
    }
}

/// Threads that encode bands together with the calling thread. They end when this is dropped.
#[derive(Debug, Default)]
pub(super) struct Helpers {
    pool: Option<ThreadPool>,
    /// The thread IDs of those that have started.
    ids: Arc<Mutex<Vec<Pid>>>,
    /// The core that they were last kept off, and how many threads there were then.
    kept_off: Option<(usize, usize)>,
}

impl Helpers {
    /// At least `count` threads, started if there are fewer; `None` if the system has none left.
    fn get(&mut self, count: usize) -> Option<&ThreadPool> {
        if self.pool.as_ref().is_none_or(|pool| pool.current_num_threads() < count) {
            let ids = Arc::<Mutex<Vec<Pid>>>::default();
            self.ids = ids.clone();
            let named = ThreadPoolBuilder::new().thread_name(|number| format!("band {}", number + 2));
            let noted = named.start_handler(move |_| {
                lock(&ids).push(gettid());
            });
            self.pool = Some(noted.num_threads(count).build().ok()?);
        }
        self.keep_off_this_core();
        self.pool.as_ref()
    }

    /// Keeps the threads off the caller's core. Linux often leaves a thread waiting on the core of the thread that
    /// wakes it while another core is idle; then two bands take the time of the whole (`cargo bench --bench encode`).
    /// An error is ignored: this is only faster.
    fn keep_off_this_core(&mut self) {
        let ids = lock(&self.ids);
        let here = (sched_getcpu(), ids.len());
        if self.kept_off != Some(here)
            && let Ok(mut cores) = sched_getaffinity(None)
        {
            cores.unset(here.0);
            for id in ids.iter().filter(|_| cores.count() > 0) {
                let _ = sched_setaffinity(Some(*id), &cores);
            }
            self.kept_off = Some(here);
        }
    }
}

/// Joins JPEGs of `lens` bytes that begin `share` bytes apart, and returns the length of the result; `None` if one is
/// missing.
fn join(out: &mut [u8], share: usize, lens: &[Option<usize>], height: u32) -> Option<usize> {
    let mut end = 0;
    for (number, len) in (0..).zip(lens) {
        let (start, len) = (usize::from(number) * share, (*len)?);
        let head = Head::of(out.get(start..start + len)?)?;
        let coded = start + head.len..start + len - EOI.len();
        if number == 0 {
            let height = u16::try_from(height).ok()?.to_be_bytes();
            out[head.height..head.height + height.len()].copy_from_slice(&height);
            end = coded.end;
        } else {
            let restart = marker::bytes(marker::RST0 + (number - 1) % marker::RST_COUNT);
            out[end..end + restart.len()].copy_from_slice(&restart);
            end += restart.len();
            out.copy_within(coded.clone(), end);
            end += coded.len();
        }
    }
    out[end..end + EOI.len()].copy_from_slice(&EOI);
    Some(end + EOI.len())
}

const EOI: [u8; 2] = marker::bytes(marker::EOI);

/// The headers of a JPEG that our own encoder made, up to the coded data.
struct Head {
    /// The offset of the picture's height, which takes 2 bytes.
    height: usize,
    /// The length of the headers in bytes.
    len: usize,
}

impl Head {
    fn of(jpeg: &[u8]) -> Option<Head> {
        let mut height = None;
        let mut at = 2; // behind SOI
        loop {
            let &[marker::PREFIX, code, high, low] = jpeg.get(at..)?.first_chunk()? else { return None };
            let end = at + 2 + usize::from(u16::from_be_bytes([high, low]));
            match code {
                marker::SOF0 => height = Some(at + 5), // behind marker, length and precision (ITU T.81 B.2.2)
                marker::SOS => return Some(Head { height: height?, len: end }),
                _ => {}
            }
            at = end;
        }
    }
}

#[cfg(test)]
mod tests;
