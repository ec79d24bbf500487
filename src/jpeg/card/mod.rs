//! The picture shown when there is none: what is wrong, what to do, and a clock that shows that the stream
//! itself lives.
//!
//! Drawn by [`crate::stream`] about once a second while a camera delivers nothing, and by the site for one
//! still. Never drawn for recordings.

use std::time::SystemTime;

use embedded_graphics::geometry::{self, Point};
use embedded_graphics::prelude::*;
use embedded_graphics::primitives::{Circle, Line, PrimitiveStyle, Rectangle, RoundedRectangle};

use super::encode::{DEFAULT_QUALITY, EncodeError, Encoder};
use crate::canvas::{Canvas, Ink, Letters, TimeOfDay};
use crate::picture::Size;
use crate::problem::Problem;

const PAPER: Ink = Ink::rgb(17, 21, 29);
const TITLE: Ink = Ink::rgb(244, 246, 250);
const TEXT: Ink = Ink::rgb(198, 205, 216);
const ADVICE: Ink = Ink::rgb(255, 200, 96);
const QUIET: Ink = Ink::rgb(132, 143, 160);
const TRACK: Ink = Ink::rgb(34, 41, 54);
const SLASH: Ink = Ink::rgb(235, 87, 75);

/// What a card says.
#[derive(Debug, Clone, Copy)]
pub struct Card<'a> {
    /// One line in large letters: [`Card::NO_CAMERA`] or [`Card::NO_PICTURE`].
    pub title: &'a str,
    /// The camera's name, as in its URLs.
    pub name: &'a str,
    /// What is wrong and what to do about it.
    pub problem: &'a Problem,
}

impl Card<'_> {
    /// Title when no camera was found.
    pub const NO_CAMERA: &'static str = "No camera";
    /// Title when there is a camera, but nothing comes from it.
    pub const NO_PICTURE: &'static str = "No picture from the camera";

    /// Below this size no text can be read.
    const SMALLEST: Size = Size { width: 320, height: 180 };
    /// A larger picture would show no more.
    const LONGEST_SIDE: u32 = 1920;

    /// Lines of text; nobody reads more.
    const MAX_ROWS: u32 = 14;

    /// The largest card in bytes, whatever it says: room that suffices for [`Card::encode`].
    pub const MAX_JPEG: usize = 1 << 20;

    /// The size in which a card is drawn for viewers of a picture of size `picture`: that size, made smaller
    /// in its proportions to 1920 pixels on the longer side, and then no less than 320x180.
    pub fn size(picture: Size) -> Size {
        let longest = picture.width.max(picture.height).max(1);
        let scaled = |side: u32| {
            let side = u64::from(side) * u64::from(longest.min(Self::LONGEST_SIDE)) / u64::from(longest);
            side as u32 // at most LONGEST_SIDE
        };
        Size {
            width: scaled(picture.width).max(Self::SMALLEST.width),
            height: scaled(picture.height).max(Self::SMALLEST.height),
        }
    }

    /// Draws the card in [`Card::size`] of `picture` with the clock at `now`.
    pub fn draw(&self, picture: Size, now: SystemTime) -> Canvas {
        let size = Self::size(picture);
        let mut canvas = Canvas::new(size, PAPER);
        // All measures follow from this one: an 18th of the height of a picture of 16 to 9.
        let unit = (size.width * 9 / 16).min(size.height) / 18;
        let margin = unit * 3 / 2;
        let footer_top = self.draw_footer(&mut canvas, unit, margin, now);
        self.draw_message(&mut canvas, unit, margin, footer_top);
        canvas
    }

    /// Draws the card and encodes it into the beginning of `out`; returns the JPEG's length in bytes.
    ///
    /// # Errors
    /// [`EncodeError::TooLarge`] if `out` is too small, which [`Card::MAX_JPEG`] bytes never are.
    pub fn encode(&self, picture: Size, now: SystemTime, out: &mut [u8]) -> Result<usize, EncodeError> {
        // In one band: nobody waits for it, and each further thread keeps memory of its own.
        Encoder::in_bands(DEFAULT_QUALITY, 1).encode(&self.draw(picture, now).picture(), out)
    }

    /// The camera's name, the clock, and below them a light that moves on each second. Returns where it begins.
    fn draw_footer(&self, canvas: &mut Canvas, unit: u32, margin: u32, now: SystemTime) -> u32 {
        /// Places of the light.
        const PLACES: u32 = 12;
        let Size { width, height } = canvas.size();
        let since_epoch = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let track_top = height - unit / 3;
        let place = (since_epoch.as_secs() % u64::from(PLACES)) as u32;
        let (left, right) = (width * place / PLACES, width * (place + 1) / PLACES);
        canvas.fill(area(0, track_top, width, unit), TRACK);
        canvas.fill(area(left, track_top, right - left, unit), ADVICE);

        let letters = Letters::up_to(unit * 3 / 4);
        let top = track_top.saturating_sub(letters.height() + unit / 2);
        let clock = format!("{} UTC", TimeOfDay(now));
        let clock_left = width.saturating_sub(margin + letters.width() * clock.len() as u32);
        canvas.write(&clock, point(clock_left, top), letters, QUIET, PAPER);
        let columns = clock_left.saturating_sub(margin) / letters.width();
        for line in wrap(self.name, columns.saturating_sub(2) as usize, 1) {
            canvas.write(&line, point(margin, top), letters, QUIET, PAPER);
        }
        top.saturating_sub(unit / 2)
    }

    /// Icon and title, what is wrong, and what to do, together in the middle of what is above `bottom`.
    fn draw_message(&self, canvas: &mut Canvas, unit: u32, margin: u32, bottom: u32) {
        let width = canvas.size().width;
        let icon = geometry::Size::new(unit * 4, unit * 3);
        let gap = unit;
        let header = icon.height + gap;
        let indent = unit / 2;
        let wrong = sentence(&format!("{}: {}", self.problem.what, self.problem.why));
        let advice = sentence(&self.problem.advice);

        // The largest letters in which all of it fits, or else the smallest.
        let room = |letters: Letters| {
            let columns = width.saturating_sub(2 * margin + indent) / letters.width();
            let rows = bottom.saturating_sub(margin + header + gap) / line_height(letters);
            (columns as usize, rows.min(Self::MAX_ROWS) as usize)
        };
        let fits = |letters: &Letters| {
            let (columns, rows) = room(*letters);
            wrap(&wrong, columns, rows + 1).len() + wrap(&advice, columns, rows + 1).len() <= rows
        };
        let sizes = [unit.max(12), unit * 3 / 4, unit / 2].map(Letters::up_to);
        let letters = sizes.into_iter().find(fits).unwrap_or(sizes[2]);
        let (columns, rows) = room(letters);
        let line = line_height(letters);
        // Each may take half of the room, and what the other leaves over.
        let least = wrap(&wrong, columns, rows / 2).len();
        let advice = wrap(&advice, columns, rows - least);
        let wrong = wrap(&wrong, columns, rows - advice.len());

        let height = header + (wrong.len() + advice.len()) as u32 * line + gap * 2 / 3;
        let top = margin.max(bottom.saturating_sub(height) / 2);
        draw_icon(canvas, Rectangle::new(point(margin, top), icon), unit);
        let large = Letters::up_to(unit * 3 / 2);
        let title_left = margin + icon.width + unit;
        let title_columns = width.saturating_sub(title_left + margin) / large.width();
        let title_top = top + icon.height.saturating_sub(large.height()) / 2;
        for text in wrap(self.title, title_columns as usize, 1) {
            canvas.write(&text, point(title_left, title_top), large, TITLE, PAPER);
        }
        let mut y = top + header;
        for text in &wrong {
            canvas.write(text, point(margin, y), letters, TEXT, PAPER);
            y += line;
        }
        y += gap * 2 / 3;
        canvas.fill(
            area(margin, y, unit / 6 + 1, (advice.len() as u32 * line).saturating_sub(line / 5)),
            ADVICE,
        );
        for text in &advice {
            canvas.write(text, point(margin + indent, y), letters, ADVICE, PAPER);
            y += line;
        }
    }
}

/// A camera, struck out.
fn draw_icon(canvas: &mut Canvas, at: Rectangle, unit: u32) {
    let corner = geometry::Size::new_equal(unit / 2);
    let stroke = (unit / 5).max(2);
    let outline = PrimitiveStyle::with_stroke(QUIET, stroke);
    let body = Rectangle::new(
        at.top_left + Point::new(0, unit as i32 / 2),
        geometry::Size::new(at.size.width, at.size.height - unit / 2),
    );
    let hump = Rectangle::new(
        at.top_left + Point::new(unit as i32 * 5 / 4, 0),
        geometry::Size::new(unit * 3 / 2, unit),
    );
    canvas.fill(hump, QUIET);
    let Ok(()) = RoundedRectangle::with_equal_corners(body, corner)
        .into_styled(PrimitiveStyle::with_fill(PAPER))
        .draw(canvas);
    let Ok(()) = RoundedRectangle::with_equal_corners(body, corner).into_styled(outline).draw(canvas);
    let Ok(()) = Circle::with_center(body.center(), unit * 3 / 2).into_styled(outline).draw(canvas);
    let reach = Point::new(at.size.width as i32 / 2, at.size.height as i32 / 2);
    let (from, to) = (at.center() - reach, at.center() + reach);
    for (ink, wide) in [(PAPER, stroke * 3), (SLASH, stroke)] {
        let Ok(()) = Line::new(from, to).into_styled(PrimitiveStyle::with_stroke(ink, wide)).draw(canvas);
    }
}

/// A line of text and the space below it.
fn line_height(letters: Letters) -> u32 {
    letters.height() * 6 / 5
}

fn point(x: u32, y: u32) -> Point {
    Point::new(x as i32, y as i32) // measures of a picture, far below i32::MAX
}

fn area(x: u32, y: u32, width: u32, height: u32) -> Rectangle {
    Rectangle::new(point(x, y), geometry::Size::new(width, height))
}

/// The text with a capital at its beginning.
fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

/// Breaks text between words into at most `rows` lines of at most `columns` letters; a word longer than a
/// line is broken anywhere. What does not fit is cut, and three dots say so.
fn wrap(text: &str, columns: usize, rows: usize) -> Vec<String> {
    const CUT: &str = "...";
    if columns == 0 || rows == 0 {
        return Vec::new();
    }
    let mut lines: Vec<String> = Vec::new();
    let mut room = 0; // letters that the last line has room for
    for word in text.split_whitespace() {
        let letters: Vec<char> = word.chars().collect();
        if letters.len() < room {
            room -= letters.len() + 1;
            if let Some(last) = lines.last_mut() {
                last.push(' ');
                last.push_str(word);
            }
            continue;
        }
        for piece in letters.chunks(columns) {
            if lines.len() == rows {
                if let Some(last) = lines.last_mut() {
                    let keep = last.chars().count().min(columns.saturating_sub(CUT.len()));
                    *last = last.chars().take(keep).chain(CUT.chars()).take(columns).collect();
                }
                return lines;
            }
            lines.push(piece.iter().collect());
            room = columns - piece.len();
        }
    }
    lines
}

#[cfg(test)]
mod tests;
