//! One picture on several cores: bands of rows of MCUs, encoded in parallel and joined by restart markers.
//!
//! Used only by [`super::encode`]. At a restart marker the coder's state is reset (ITU T.81 F.1.1.5.1 and E.1.4), so
//! each band is encoded by itself. The joined bands decode to the same samples as a picture that was encoded in one piece.

use std::ops::Range;
use std::sync::{Arc, Mutex};

use rayon_core::{ThreadPool, ThreadPoolBuilder};
use rustix::thread::{Pid, gettid, sched_getaffinity, sched_getcpu, sched_setaffinity};

use super::marker;
use crate::host::inject;
use crate::sync::lock;

/// The most bands per picture, and so the most threads.
pub const MAX_BANDS: usize = 8;

/// The fewest MCUs in a band. They take about 10 times as long to encode as a thread takes to wake up.
const MIN_MCUS: u32 = 512;

const EOI: [u8; 2] = marker::bytes(marker::EOI);

/// How a JPEG is cut: each band has the same number of rows of MCUs, the last one may have fewer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cut {
    /// Rows of MCUs in the picture.
    mcu_rows: u32,
    /// Rows of MCUs in a band.
    rows: u32,
    /// MCUs in a band.
    mcus: u16,
}

impl Cut {
    /// Cuts a JPEG with so many MCUs in a row and rows of MCUs into `bands` bands, or fewer if those would be too small to
    /// be worth a thread. `None` if one band is left, or if a band has more MCUs than a restart interval can express (16
    /// bits, ITU T.81 B.2.4.4).
    pub(super) fn new((mcus_in_row, mcu_rows): (u32, u32), bands: usize) -> Option<Cut> {
        let bands = u32::try_from(bands.min(MAX_BANDS)).unwrap_or(1).max(1);
        let rows = mcu_rows.div_ceil(bands).max(MIN_MCUS.div_ceil(mcus_in_row));
        if rows >= mcu_rows {
            return None;
        }
        let mcus = u16::try_from(rows.checked_mul(mcus_in_row)?).ok()?;
        Some(Cut { mcu_rows, rows, mcus })
    }

    /// MCUs from one restart marker to the next.
    pub(super) fn restart_interval(self) -> u16 {
        self.mcus
    }

    /// Encodes the bands in parallel into equal shares of `out`, moves them together at its beginning, with EOI behind
    /// them, and returns the length of all that in bytes. `encode` codes some rows of MCUs into the slice that it is
    /// given, and returns their length. Each band has one of `coders`, of which there are as many as [`Cut::new`] was
    /// asked for.
    ///
    /// `None` if a band did not fit into its share, or the system has no threads left: the picture can only be encoded
    /// in one piece. Always waits for all bands. A panic in one of them is resumed in the caller.
    pub(super) fn encode<C, F>(
        self,
        helpers: &mut Helpers,
        coders: &mut [C],
        out: &mut [u8],
        encode: F,
    ) -> Option<usize>
    where
        C: Send,
        F: Fn(&mut C, Range<u32>, &mut [u8]) -> Option<usize> + Sync,
    {
        let share = out.len() / self.bands().count();
        if share == 0 {
            return None;
        }
        let mut lens: heapless::Vec<Option<usize>, MAX_BANDS> = self.bands().map(|_| None).collect();
        helpers.get(lens.len() - 1)?.in_place_scope(|scope| {
            let encode = &encode;
            let mut bands = self.bands().zip(coders).zip(out.chunks_exact_mut(share)).zip(&mut lens);
            let first = bands.next();
            for (number, (((rows, coder), share), len)) in (0..).zip(bands) {
                scope.spawn(move |_| {
                    inject::panic_at("band");
                    *len = behind_restart(number, share, |share| encode(coder, rows, share));
                });
            }
            if let Some((((rows, coder), share), len)) = first {
                *len = encode(coder, rows, share);
            }
        });
        join(out, share, &lens)
    }

    /// The rows of MCUs of each band.
    fn bands(self) -> impl Iterator<Item = Range<u32>> {
        let tops = (0..self.mcu_rows).step_by(self.rows as usize);
        tops.map(move |top| top..(top + self.rows).min(self.mcu_rows))
    }
}

/// Writes restart marker `number`, counted from 0, and what `encode` writes behind it. Returns the length of both.
fn behind_restart(
    number: u8,
    share: &mut [u8],
    encode: impl FnOnce(&mut [u8]) -> Option<usize>,
) -> Option<usize> {
    let (place, rest) = share.split_first_chunk_mut()?;
    *place = marker::bytes(marker::RST0 + number % marker::RST_COUNT);
    Some(place.len() + encode(rest)?)
}

/// Moves pieces of `lens` bytes, which begin `share` bytes apart, together, with EOI behind them. Returns the length of
/// all; `None` if one is missing, or EOI has no room.
fn join(out: &mut [u8], share: usize, lens: &[Option<usize>]) -> Option<usize> {
    let mut end = 0;
    for (number, len) in lens.iter().enumerate() {
        let (start, len) = (number * share, (*len)?);
        out.copy_within(start..start + len, end);
        end += len;
    }
    *out.get_mut(end..)?.first_chunk_mut()? = EOI;
    Some(end + EOI.len())
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

#[cfg(test)]
mod tests;
