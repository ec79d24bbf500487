//! The card: the picture shown if there is no camera. It says what is wrong and what to do, and its clock shows that
//! the stream itself works.
//!
//! Drawn by [`crate::stream`] about once a second while a camera delivers nothing. Never recorded.

use std::time::SystemTime;

use embedded_graphics::geometry::{self, Point};
use embedded_graphics::prelude::*;
use embedded_graphics::primitives::{Circle, Line, PrimitiveStyle, Rectangle, RoundedRectangle};

use super::encode::{DEFAULT_QUALITY, EncodeError, Encoder};
use crate::canvas::{Canvas, Colour, Font, TimeOfDay};
use crate::picture::Size;
use crate::problem::Problem;

const BACKGROUND: Colour = Colour::rgb(17, 21, 29);
const TITLE: Colour = Colour::rgb(244, 246, 250);
const TEXT: Colour = Colour::rgb(198, 205, 216);
const ADVICE: Colour = Colour::rgb(255, 200, 96);
const QUIET: Colour = Colour::rgb(132, 143, 160);
const TRACK: Colour = Colour::rgb(34, 41, 54);
const SLASH: Colour = Colour::rgb(235, 87, 75);

/// What a card says.
#[derive(Debug, Clone, Copy)]
pub struct Card<'a> {
    /// One line in large letters: [`Card::NO_CAMERA`], [`Card::NO_PICTURE`], ...
    pub title: &'a str,
    /// What people call the camera.
    pub name: &'a str,
    /// What is wrong and what to do about it.
    pub problem: &'a Problem,
}

impl Card<'_> {
    /// The title if no camera was found.
    pub const NO_CAMERA: &'static str = "No camera";
    /// The title if there is a camera, but it delivers nothing.
    pub const NO_PICTURE: &'static str = "No picture from the camera";
    /// The title while the camera is closed for privacy.
    pub const PRIVACY: &'static str = "Privacy is on";
    /// The title if nothing is wrong, and the camera is being opened.
    pub const STARTING: &'static str = "The camera is starting";

    /// The smallest card; below this size text cannot be read.
    const SMALLEST: Size = Size { width: 320, height: 180 };
    /// The longest side of a card in pixels; a larger one would not show more.
    const LONGEST_SIDE: u32 = 1920;

    /// The most lines of text.
    const MAX_ROWS: u32 = 14;

    /// The largest JPEG of a card in bytes, whatever it says: a slice of this length suffices for [`Card::encode`].
    pub const MAX_JPEG: usize = 1 << 20;

    /// The size of the card for viewers of a picture of size `picture`: scaled down to 1920 pixels on the longer side
    /// if it is larger, and then at least 320x180.
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
        let mut canvas = Canvas::new(size, BACKGROUND);
        // All measures derive from this one: an 18th of the height of a 16:9 picture.
        let unit = (size.width * 9 / 16).min(size.height) / 18;
        let margin = unit * 3 / 2;
        let footer_top = self.draw_footer(&mut canvas, unit, margin, now);
        self.draw_message(&mut canvas, unit, margin, footer_top);
        canvas
    }

    /// Draws the card and encodes it into the beginning of `out`; returns the JPEG's length in bytes.
    ///
    /// # Errors
    /// [`EncodeError::TooLarge`] if `out` is too small; [`Card::MAX_JPEG`] bytes are always enough.
    pub fn encode(&self, picture: Size, now: SystemTime, out: &mut [u8]) -> Result<usize, EncodeError> {
        // In one band: a card is not urgent, and each further thread takes memory.
        Encoder::in_bands(DEFAULT_QUALITY, 1).encode(&self.draw(picture, now).picture(), out)
    }

    /// Draws the camera's name, the clock, and below them a light that moves each second. Returns the top of the
    /// footer.
    fn draw_footer(&self, canvas: &mut Canvas, unit: u32, margin: u32, now: SystemTime) -> u32 {
        /// The number of positions of the light.
        const POSITIONS: u32 = 12;
        let Size { width, height } = canvas.size();
        let since_epoch = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let track_top = height - unit / 3;
        let position = (since_epoch.as_secs() % u64::from(POSITIONS)) as u32;
        let (left, right) = (width * position / POSITIONS, width * (position + 1) / POSITIONS);
        canvas.fill(area(0, track_top, width, unit), TRACK);
        canvas.fill(area(left, track_top, right - left, unit), ADVICE);

        let font = Font::up_to(unit * 3 / 4);
        let top = track_top.saturating_sub(font.height() + unit / 2);
        let clock = format!("{} UTC", TimeOfDay(now));
        let clock_left = width.saturating_sub(margin + font.width() * clock.len() as u32);
        canvas.write(&clock, point(clock_left, top), font, QUIET, BACKGROUND);
        let columns = clock_left.saturating_sub(margin) / font.width();
        for line in wrap(self.name, columns.saturating_sub(2) as usize, 1) {
            canvas.write(&line, point(margin, top), font, QUIET, BACKGROUND);
        }
        top.saturating_sub(unit / 2)
    }

    /// Draws icon and title, what is wrong, and what to do, together in the middle of the area above `bottom`.
    fn draw_message(&self, canvas: &mut Canvas, unit: u32, margin: u32, bottom: u32) {
        let width = canvas.size().width;
        let icon = geometry::Size::new(unit * 4, unit * 3);
        let gap = unit;
        let header = icon.height + gap;
        let indent = unit / 2;
        let wrong = sentence(&format!("{}: {}", self.problem.what, self.problem.why));
        let advice = sentence(&self.problem.advice.to_string());

        // The largest font in which everything fits, otherwise the smallest.
        let capacity = |font: Font| {
            let columns = width.saturating_sub(2 * margin + indent) / font.width();
            let rows = bottom.saturating_sub(margin + header + gap) / line_height(font);
            (columns as usize, rows.min(Self::MAX_ROWS) as usize)
        };
        let fits = |font: &Font| {
            let (columns, rows) = capacity(*font);
            wrap(&wrong, columns, rows + 1).len() + wrap(&advice, columns, rows + 1).len() <= rows
        };
        let sizes = [unit.max(12), unit * 3 / 4, unit / 2].map(Font::up_to);
        let font = sizes.into_iter().find(fits).unwrap_or(sizes[2]);
        let (columns, rows) = capacity(font);
        let line = line_height(font);
        // Each text may take half of the rows, and what the other leaves over.
        let least = wrap(&wrong, columns, rows / 2).len();
        let advice = wrap(&advice, columns, rows - least);
        let wrong = wrap(&wrong, columns, rows - advice.len());

        let height = header + (wrong.len() + advice.len()) as u32 * line + gap * 2 / 3;
        let top = margin.max(bottom.saturating_sub(height) / 2);
        draw_icon(canvas, Rectangle::new(point(margin, top), icon), unit);
        let large = Font::up_to(unit * 3 / 2);
        let title_left = margin + icon.width + unit;
        let title_columns = width.saturating_sub(title_left + margin) / large.width();
        let title_top = top + icon.height.saturating_sub(large.height()) / 2;
        for text in wrap(self.title, title_columns as usize, 1) {
            canvas.write(&text, point(title_left, title_top), large, TITLE, BACKGROUND);
        }
        let mut y = top + header;
        for text in &wrong {
            canvas.write(text, point(margin, y), font, TEXT, BACKGROUND);
            y += line;
        }
        y += gap * 2 / 3;
        canvas.fill(
            area(margin, y, unit / 6 + 1, (advice.len() as u32 * line).saturating_sub(line / 5)),
            ADVICE,
        );
        for text in &advice {
            canvas.write(text, point(margin + indent, y), font, ADVICE, BACKGROUND);
            y += line;
        }
    }
}

/// Draws a crossed-out camera.
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
        .into_styled(PrimitiveStyle::with_fill(BACKGROUND))
        .draw(canvas);
    let Ok(()) = RoundedRectangle::with_equal_corners(body, corner).into_styled(outline).draw(canvas);
    let Ok(()) = Circle::with_center(body.center(), unit * 3 / 2).into_styled(outline).draw(canvas);
    let reach = Point::new(at.size.width as i32 / 2, at.size.height as i32 / 2);
    let (from, to) = (at.center() - reach, at.center() + reach);
    for (colour, wide) in [(BACKGROUND, stroke * 3), (SLASH, stroke)] {
        let Ok(()) = Line::new(from, to).into_styled(PrimitiveStyle::with_stroke(colour, wide)).draw(canvas);
    }
}

/// The height of a line of text with the space below it, in pixels.
fn line_height(font: Font) -> u32 {
    font.height() * 6 / 5
}

fn point(x: u32, y: u32) -> Point {
    Point::new(x as i32, y as i32) // measures of a picture are far below i32::MAX
}

fn area(x: u32, y: u32, width: u32, height: u32) -> Rectangle {
    Rectangle::new(point(x, y), geometry::Size::new(width, height))
}

/// The text with a capital first letter.
fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

/// Breaks text between words into at most `rows` lines of at most `columns` letters. A word longer than a line is
/// broken anywhere. What does not fit is cut off and replaced by three dots.
fn wrap(text: &str, columns: usize, rows: usize) -> Vec<String> {
    const CUT: &str = "...";
    if columns == 0 || rows == 0 {
        return Vec::new();
    }
    let mut lines: Vec<String> = Vec::new();
    let mut left = 0; // free letters in the last line
    for word in text.split_whitespace() {
        let letters: Vec<char> = word.chars().collect();
        if letters.len() < left {
            left -= letters.len() + 1;
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
            left = columns - piece.len();
        }
    }
    lines
}

#[cfg(test)]
mod tests;
