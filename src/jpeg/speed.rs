//! How long this board takes to encode a pixel, measured with pictures made for that.
//!
//! Called by [`crate::camera`] when it has to choose a size that is encoded in time. Each layout is measured once; all
//! of them together within [`BUDGET`], however slow the board is.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use super::encode::{DEFAULT_QUALITY, Encoder};
use crate::picture::{Picture, Range, Raw, Size};
use crate::sync::lock;

/// The most time that measuring takes in one run of the program.
const BUDGET: Duration = Duration::from_millis(450);

/// The most time for one layout.
const BUDGET_OF_ONE: Duration = Duration::from_millis(150);

/// How often a picture is encoded, if there is time. The fastest counts: a board at rest needs a moment to reach its
/// clock rate, and other programs may be starting.
const RUNS: u32 = 8;

/// The sides of the first, small picture, as a part of those of the whole.
const SMALL: u32 = 4;

/// What was measured: layouts with their nanoseconds, and the time spent on them.
static MEASURED: Mutex<(Vec<(Raw, f64)>, Duration)> = Mutex::new((Vec::new(), Duration::ZERO));

/// How many nanoseconds a pixel of this layout takes in pictures of this size, in as many bands as the program uses.
/// Returns within half a second; after that, without measuring.
pub fn nanoseconds_per_pixel(raw: Raw, size: Size) -> f64 {
    let mut measured = lock(&MEASURED);
    let (known, spent) = &mut *measured;
    if let Some((_, nanoseconds)) = known.iter().find(|(layout, _)| *layout == raw) {
        return *nanoseconds;
    }
    let left = BUDGET.saturating_sub(*spent);
    // With nothing left, it is believed to be like the slowest.
    let slowest = known.iter().map(|(_, nanoseconds)| *nanoseconds).reduce(f64::max);
    if let Some(slowest) = slowest.filter(|_| left < BUDGET_OF_ONE) {
        return slowest;
    }
    let begin = Instant::now();
    let nanoseconds = measure(raw, size, BUDGET_OF_ONE);
    *spent += begin.elapsed();
    known.push((raw, nanoseconds));
    nanoseconds
}

/// Encodes a small picture, and then, if there is time for it, some of the whole size.
fn measure(raw: Raw, size: Size, budget: Duration) -> f64 {
    let begin = Instant::now();
    let mut encoder = Encoder::new(DEFAULT_QUALITY);
    let small = Size { width: (size.width / SMALL).max(16), height: (size.height / SMALL).max(16) };
    let of_small = fastest(&mut encoder, raw, small, budget / 4);
    let whole = Duration::from_nanos((of_small * size.area() as f64).min(1e12) as u64);
    let left = budget.saturating_sub(begin.elapsed());
    if whole * 2 > left { of_small } else { fastest(&mut encoder, raw, size, left - whole) }
}

/// Nanoseconds for a pixel in the fastest of some runs; at least one.
fn fastest(encoder: &mut Encoder, raw: Raw, size: Size, budget: Duration) -> f64 {
    let stride = raw.row_len(size.width);
    let bytes = noise(usize::try_from(raw.frame_len(size, stride)).unwrap_or_default());
    let mut out = vec![0; bytes.len().max(1 << 16)];
    let Ok(picture) = Picture::new(&bytes, raw, size, stride, Range::Limited) else { return 0.0 };
    let begin = Instant::now();
    let mut best = Duration::MAX;
    for _ in 0..RUNS {
        let start = Instant::now();
        let _ = encoder.encode(&picture, &mut out); // one that does not fit took as long
        best = best.min(start.elapsed());
        if begin.elapsed() + best > budget {
            break;
        }
    }
    best.as_nanos() as f64 / size.area() as f64
}

/// Samples that change slowly, with grain, as in a picture of a camera: how long encoding takes depends on that.
fn noise(len: usize) -> Vec<u8> {
    let mut grain = 1_u32;
    (0..len)
        .map(|at| {
            grain = grain.wrapping_mul(1_664_525).wrapping_add(1_013_904_223); // Numerical Recipes' LCG
            64 + (at / 24 % 100) as u8 + (grain >> 29) as u8
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn measuring_ends_within_half_a_second_and_is_done_once() {
        let size = Size { width: 1280, height: 720 };
        let begin = Instant::now();
        let all = [Raw::Yuyv, Raw::Nv12, Raw::Rgb24, Raw::Grey].map(|raw| nanoseconds_per_pixel(raw, size));
        let took = begin.elapsed();
        assert!(took < Duration::from_secs(2), "{took:?}"); // this machine may be busy
        assert!(all.iter().all(|nanoseconds| *nanoseconds > 0.01), "{all:?}");
        assert_eq!(nanoseconds_per_pixel(Raw::Yuyv, size), all[0]);
    }

    #[test]
    fn a_larger_picture_than_there_is_time_for_is_not_encoded() {
        let huge = Size { width: 16_384, height: 4096 };
        let begin = Instant::now();
        assert!(measure(Raw::Grey, huge, Duration::ZERO) > 0.0);
        assert!(begin.elapsed() < Duration::from_secs(10));
    }
}
