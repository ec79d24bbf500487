//! The built-in test pattern: a camera for machines without one, and for tests.
//!
//! Opened by [`super::find`] for `--camera pattern`. It shows colour bars, a block that moves with every frame, a frame
//! counter for people ("frame 000123") and for programs ([`read_counter`]), and a clock. The counter is
//! [`Frame::sequence`]; it counts frame intervals since opening, so frames that were not taken leave a gap. Only what
//! changes is redrawn, and nothing allocates while frames flow.

use std::fmt::Write as _;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use embedded_graphics::geometry::{self, Point};
use embedded_graphics::primitives::Rectangle;

use super::config::{EncodeMode, SourceConfig, SourceSpec};
use super::source::{Choices, Frame, Source, SourceError, SourceInfo, SourceKind};
use crate::canvas::{Canvas, Colour, Font, TimeOfDay};
use crate::picture::{Layout, MAX_FPS, Size};
use crate::problem::{Problem, Text, text};

/// The layout of its frames.
const LAYOUT: Layout = Layout::Raw(Canvas::LAYOUT);

/// 75 % colour bars, left to right.
const BARS: [Colour; 7] = [
    Colour::rgb(191, 191, 191),
    Colour::rgb(191, 191, 0),
    Colour::rgb(0, 191, 191),
    Colour::rgb(0, 191, 0),
    Colour::rgb(191, 0, 191),
    Colour::rgb(191, 0, 0),
    Colour::rgb(0, 0, 191),
];

/// The background of the text.
const BACKGROUND: Colour = Colour::rgb(16, 20, 28);
/// The colour of less important text.
const GREY: Colour = Colour::rgb(150, 160, 175);

/// The time in seconds that the block takes to cross the picture.
const CROSSING: u64 = 2;

/// An open test pattern.
#[derive(Debug)]
pub struct Pattern {
    info: SourceInfo,
    canvas: Canvas,
    plan: Plan,
    /// Frames per second.
    fps: u32,
    /// When frame 0 was due.
    start: Instant,
    /// The number of the next frame.
    next: u64,
    /// Where the block is now.
    block: Rectangle,
}

/// Where the parts of the pattern are.
#[derive(Debug, Clone, Copy)]
struct Plan {
    /// The strip in which the block moves.
    strip: Rectangle,
    counter: (Point, Font),
    clock: (Point, Font),
    label: (Point, Font),
}

impl Plan {
    /// Bars at the top, then the strip, then the text.
    fn new(size: Size) -> Plan {
        let Size { width, height } = size;
        let large = Font::up_to((height / 10).min(width / 16));
        let small = Font::up_to((height / 20).min(width / 25));
        let margin = small.height() as i32 / 2;
        let strip_height = (height / 24).max(2);
        let text = large.height() + small.height() + 3 * margin as u32;
        let strip_top = height.saturating_sub(text + strip_height) as i32;
        let first = strip_top + strip_height as i32 + margin;
        let second = first + large.height() as i32 + margin;
        let right = width as i32 - margin - (CLOCK_LEN as u32 * small.width()) as i32;
        Plan {
            strip: Rectangle::new(Point::new(0, strip_top), geometry::Size::new(width, strip_height)),
            counter: (Point::new(margin, first), large),
            clock: (Point::new(right.max(margin), second), small),
            label: (Point::new(margin, second), small),
        }
    }
}

/// The number of letters in `12:34:56.789 UTC`.
const CLOCK_LEN: usize = 16;

impl Pattern {
    /// Whether it can be opened: with any size up to [`Canvas::MAX_SIDE`] a side and 1 to [`MAX_FPS`] frames a second.
    ///
    /// # Errors
    /// A [`Problem`] for a size or rate outside these, and for passthrough, since the pattern makes no JPEGs.
    pub fn check(config: &SourceConfig) -> Result<(), Problem> {
        let refused =
            |why: Text, advice: Text| Problem::new(text!("cannot open the test pattern"), why, advice);
        let (size, fps) = (config.size(), config.fps());
        let sides = 1..=Canvas::MAX_SIDE;
        if !sides.contains(&size.width) || !sides.contains(&size.height) {
            let asked = size.to_string();
            let why = text!("its sides are 1 to {} pixels, asked for {}", Canvas::MAX_SIDE, asked);
            return Err(refused(why, text!("try size 1920x1080")));
        }
        if !(1..=MAX_FPS).contains(&fps) {
            let why = text!("its rate is 1 to {} frames per second, asked for {}", MAX_FPS, fps);
            return Err(refused(why, text!("try fps 30")));
        }
        if config.encoder == EncodeMode::Passthrough {
            return Err(refused(
                text!("it makes no JPEGs of its own"),
                text!("leave out encoder passthrough"),
            ));
        }
        Ok(())
    }

    /// Opens the pattern.
    ///
    /// # Errors
    /// See [`Pattern::check`].
    pub fn open(config: &SourceConfig) -> Result<Pattern, Problem> {
        Self::check(config)?;
        let (size, fps) = (config.size(), config.fps());
        let canvas = background(size, fps);
        let mut compromises = Vec::new();
        if let Some(layout) = config.layout.filter(|layout| *layout != LAYOUT) {
            compromises.push(format!("asked for {layout}, got {LAYOUT}"));
        }
        let info = SourceInfo {
            kind: SourceKind::Pattern,
            source: SourceSpec::Pattern.to_string(),
            card: "test pattern".to_owned(),
            driver: String::new(),
            bus: String::new(),
            layout: LAYOUT,
            size,
            stride: canvas.stride(),
            range: Canvas::RANGE,
            max_frame: canvas.bytes().len(),
            interval: Some(Duration::from_secs(1) / fps),
            own_quality: None,
            chosen: None,
            lowers_rate: None,
            compromises,
        };
        let plan = Plan::new(size);
        Ok(Pattern { info, canvas, plan, fps, start: Instant::now(), next: 0, block: Rectangle::zero() })
    }

    /// When frame `number` is due. Computed from the start each time, so that errors do not add up.
    fn due(&self, number: u64) -> Instant {
        let (seconds, rest) = (number / u64::from(self.fps), number % u64::from(self.fps));
        self.start + Duration::from_secs(seconds) + Duration::from_secs(rest) / self.fps
    }

    /// The number of the newest frame that is due `elapsed` after the start.
    fn newest(&self, elapsed: Duration) -> u64 {
        (elapsed.as_nanos() * u128::from(self.fps) / Duration::from_secs(1).as_nanos()) as u64
    }

    fn draw(&mut self, number: u64, now: SystemTime) {
        let sequence = number as u32;
        let Plan { strip, counter, clock, .. } = self.plan;
        self.canvas.fill(self.block, BACKGROUND);
        self.block = block(strip, number, self.fps);
        self.canvas.fill(self.block, Colour::WHITE);

        let mut text = heapless::String::<32>::new();
        // A number of 32 bits and a time of day always fit.
        let _ = write!(text, "frame {sequence:06}");
        self.canvas.write(&text, counter.0, counter.1, Colour::WHITE, BACKGROUND);
        text.clear();
        let _ = write!(text, "{:.3} UTC", TimeOfDay(now));
        self.canvas.write(&text, clock.0, clock.1, GREY, BACKGROUND);

        write_counter(&mut self.canvas, sequence);
    }
}

/// Everything that never changes.
fn background(size: Size, fps: u32) -> Canvas {
    let mut canvas = Canvas::new(size, BACKGROUND);
    let plan = Plan::new(size);
    let count = BARS.len() as u32;
    // Even, since the two pixels of a pair share their chroma.
    let edge =
        |bar: u32| if bar < count { (size.width * bar / count / 2 * 2) as i32 } else { size.width as i32 };
    for (bar, colour) in (0..).zip(BARS) {
        let corner = Point::new(edge(bar + 1), plan.strip.top_left.y);
        let size = geometry::Size::new((corner.x - edge(bar)) as u32, corner.y as u32);
        canvas.fill(Rectangle::new(Point::new(edge(bar), 0), size), colour);
    }
    let (at, font) = plan.label;
    canvas.write(&format!("pattern {size} {fps}/s"), at, font, GREY, BACKGROUND);
    canvas
}

/// Where the block is in frame `number`. It moves to and fro in whole steps, so that each frame differs from the last.
fn block(strip: Rectangle, number: u64, fps: u32) -> Rectangle {
    let (width, height) = (u64::from(strip.size.width), strip.size.height);
    let block = u64::from(height * 2).min(width);
    let free = width - block;
    // Even, so that a pair of pixels never has two colours.
    let step = (free / (CROSSING * u64::from(fps)) / 2 * 2).max(2);
    let steps = free / step;
    let phase = number.checked_rem(2 * steps).unwrap_or(0);
    let x = phase.min(2 * steps - phase) * step;
    Rectangle::new(strip.top_left + Point::new(x as i32, 0), geometry::Size::new(block as u32, height))
}

impl Source for Pattern {
    fn info(&self) -> &SourceInfo {
        &self.info
    }

    fn choices(&self) -> Choices {
        Choices { layouts: vec![LAYOUT], ..Choices::default() }
    }

    fn next(&mut self, timeout: Duration) -> Result<Option<Frame<'_>>, SourceError> {
        let wait = self.due(self.next).saturating_duration_since(Instant::now());
        thread::sleep(wait.min(timeout));
        if wait > timeout {
            return Ok(None);
        }
        let captured = Instant::now();
        let number = self.newest(captured - self.start).max(self.next);
        self.next = number + 1;
        self.draw(number, SystemTime::now());
        Ok(Some(Frame {
            bytes: self.canvas.bytes(),
            captured,
            sequence: number as u32,
            flaw: None,
            memory: None,
        }))
    }
}

/// Cells per row of the counter that programs read.
const CELLS: u32 = 16;
/// Rows: the upper and the lower half of the number, and a check.
const ROWS: u32 = 3;
/// A cell's side is a multiple of this: the side of the largest MCU of a JPEG (ITU T.81 A.2, 2:1 sampling both ways),
/// so that cells do not influence each other.
const CELL_UNIT: u32 = 16;
/// The counter takes at most this fraction (1/6) of the height, unless even the smallest cells take more.
const COUNTER_SHARE: u32 = 6;

/// The side of a cell in pixels; `None` if the counter does not fit.
fn cell(width: u32, height: u32) -> Option<u32> {
    let high =
        (height / COUNTER_SHARE / ROWS / CELL_UNIT).max(height.min(ROWS * CELL_UNIT) / (ROWS * CELL_UNIT));
    let cell = high.min(width / CELLS / CELL_UNIT) * CELL_UNIT;
    (cell > 0).then_some(cell)
}

/// XORed into the check, so that neither an all black nor an all white picture has a valid one.
const CHECK: u16 = 0xa5a5;

/// The three rows for a number.
fn counter_rows(number: u32) -> [u16; ROWS as usize] {
    let (upper, lower) = ((number >> 16) as u16, number as u16);
    [upper, lower, upper ^ lower ^ CHECK]
}

/// Draws the counter in the upper left corner, most significant bit first, white for 1.
fn write_counter(canvas: &mut Canvas, number: u32) {
    let Some(cell) = cell(canvas.size().width, canvas.size().height) else { return };
    for (y, bits) in counter_rows(number).into_iter().enumerate() {
        for x in 0..CELLS {
            let at = Point::new((x * cell) as i32, (y as u32 * cell) as i32);
            let colour = if bits << x & 0x8000 != 0 { Colour::WHITE } else { Colour::BLACK };
            canvas.fill(Rectangle::new(at, geometry::Size::new_equal(cell)), colour);
        }
    }
}

/// Reads the frame number from a decoded picture of the pattern. `luma` holds `height` rows of `width` samples, which
/// begin `stride` samples apart. `None` if the picture is too small for a counter (below 256x48), is not a picture of
/// the pattern, or is torn. For tests, and for clients that count frames.
pub fn read_counter(luma: &[u8], width: u32, height: u32, stride: usize) -> Option<u32> {
    /// The highest mean luma of a black cell, in either range of samples.
    const BLACK: u32 = 80;
    /// The lowest mean luma of a white cell, in either range of samples.
    const WHITE: u32 = 170;
    let cell = cell(width, height)? as usize;
    let mut rows = [0u16; ROWS as usize];
    for (y, bits) in rows.iter_mut().enumerate() {
        for x in 0..CELLS as usize {
            // Only the middle of the cell: its edges may be blurred.
            let (left, top, side) = (x * cell + cell / 4, y * cell + cell / 4, cell / 2);
            let mut sum = 0;
            for line in top..top + side {
                let start = line.checked_mul(stride)?.checked_add(left)?;
                let samples = luma.get(start..start.checked_add(side)?)?;
                sum += samples.iter().map(|&sample| u32::from(sample)).sum::<u32>();
            }
            let bit = match sum / (side * side) as u32 {
                0..=BLACK => 0,
                WHITE.. => 1,
                _ => return None,
            };
            *bits = *bits << 1 | bit;
        }
    }
    let number = u32::from(rows[0]) << 16 | u32::from(rows[1]);
    (rows == counter_rows(number)).then_some(number)
}

#[cfg(test)]
mod tests;
