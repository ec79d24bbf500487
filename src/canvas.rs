//! A picture to draw on, in the layout of a camera's raw pixels.
//!
//! Used by [`crate::camera::pattern`] and [`crate::jpeg::card`], and encoded as a camera's frame is. Shapes
//! come from embedded-graphics; its letters are bitmaps of at most 10x20, so they are drawn enlarged. After
//! [`Canvas::new`] nothing allocates, and what lies outside the picture is cut off.

use std::convert::Infallible;
use std::fmt;
use std::time::SystemTime;

use embedded_graphics::Pixel;
use embedded_graphics::draw_target::DrawTarget;
use embedded_graphics::geometry::{self, OriginDimensions, Point};
use embedded_graphics::mono_font::{MonoFont, MonoTextStyleBuilder, iso_8859_1 as fonts};
use embedded_graphics::pixelcolor::PixelColor;
use embedded_graphics::prelude::*;
use embedded_graphics::primitives::Rectangle;
use embedded_graphics::text::{Baseline, Text};

use crate::picture::Picture;
use crate::picture::{Range, Raw, Size};

/// A colour as BT.601 Y'CbCr of limited range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ink {
    y: u8,
    cb: u8,
    cr: u8,
}

impl Ink {
    /// Black.
    pub const BLACK: Ink = Ink::rgb(0, 0, 0);
    /// White.
    pub const WHITE: Ink = Ink::rgb(255, 255, 255);

    /// From R'G'B' of full range (BT.601 section 2.5.1, in 256ths).
    pub const fn rgb(r: u8, g: u8, b: u8) -> Ink {
        let (r, g, b) = (r as i32, g as i32, b as i32);
        Ink {
            y: (16 + ((66 * r + 129 * g + 25 * b + 128) >> 8)) as u8,
            cb: (128 + ((-38 * r - 74 * g + 112 * b + 128) >> 8)) as u8,
            cr: (128 + ((112 * r - 94 * g - 18 * b + 128) >> 8)) as u8,
        }
    }
}

impl PixelColor for Ink {
    type Raw = ();
}

/// The picture. Two neighbouring pixels share their chroma, so a single pixel tints the one beside it.
#[derive(Debug, Clone)]
pub struct Canvas {
    bytes: Vec<u8>,
    size: Size,
}

impl Canvas {
    /// The longest side; a picture of this width and height takes 128 MiB.
    pub const MAX_SIDE: u32 = 8192;

    /// A picture all in one colour. A side outside 1 to [`Canvas::MAX_SIDE`] becomes the nearest inside.
    pub fn new(size: Size, ink: Ink) -> Canvas {
        let side = |pixels: u32| pixels.clamp(1, Self::MAX_SIDE);
        let size = Size { width: side(size.width), height: side(size.height) };
        let bytes = vec![0; (Self::LAYOUT.row_len(size.width) * size.height) as usize];
        let mut canvas = Canvas { bytes, size };
        canvas.fill(canvas.area(), ink);
        canvas
    }

    /// The picture's size.
    pub fn size(&self) -> Size {
        self.size
    }

    /// Bytes from one row to the next; no padding.
    pub fn stride(&self) -> u32 {
        Self::LAYOUT.row_len(self.size.width)
    }

    /// How its pixels are laid out.
    pub const LAYOUT: Raw = Raw::Yuyv;

    /// How far its samples reach.
    pub const RANGE: Range = Range::Limited;

    /// The pixels as a camera would deliver them.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The picture, to encode it.
    pub fn picture(&self) -> Picture<'_> {
        let picture = Picture::new(&self.bytes, Self::LAYOUT, self.size, self.stride(), Self::RANGE);
        picture.expect("bytes match size since new()")
    }

    /// The whole picture.
    pub fn area(&self) -> Rectangle {
        self.bounding_box()
    }

    /// Fills what of `area` lies inside the picture.
    pub fn fill(&mut self, area: Rectangle, ink: Ink) {
        let area = area.intersection(&self.bounding_box());
        if area.is_zero_sized() {
            return;
        }
        let (Ok(left), Ok(top)) = (usize::try_from(area.top_left.x), usize::try_from(area.top_left.y)) else {
            return;
        };
        let right = left + area.size.width as usize;
        let rows = self.bytes.chunks_exact_mut(Self::LAYOUT.row_len(self.size.width) as usize);
        for row in rows.skip(top).take(area.size.height as usize) {
            let (pairs, _) = row.as_chunks_mut::<4>();
            let pairs = &mut pairs[left / 2..right.div_ceil(2)];
            let (mut from, mut to) = (0, pairs.len());
            // A pair of which only one pixel is meant keeps the other's luma.
            if left % 2 == 1 && from < to {
                [_, pairs[from][1], pairs[from][2], pairs[from][3]] = [0, ink.cb, ink.y, ink.cr];
                from += 1;
            }
            if right % 2 == 1 && from < to {
                to -= 1;
                [pairs[to][0], pairs[to][1], _, pairs[to][3]] = [ink.y, ink.cb, 0, ink.cr];
            }
            pairs[from..to].fill([ink.y, ink.cb, ink.y, ink.cr]);
        }
    }

    /// Writes one line of text; `at` is the upper left corner of the first letter's cell. Letters that the
    /// font lacks become question marks.
    pub fn write(&mut self, text: &str, at: Point, letters: Letters, ink: Ink, paper: Ink) {
        let style =
            MonoTextStyleBuilder::new().font(letters.font).text_color(ink).background_color(paper).build();
        let mut target = Scaled { canvas: self, origin: at, scale: letters.scale };
        let Ok(_) = Text::with_baseline(text, Point::zero(), style, Baseline::Top).draw(&mut target);
    }
}

impl OriginDimensions for Canvas {
    fn size(&self) -> geometry::Size {
        geometry::Size::new(self.size.width, self.size.height)
    }
}

impl DrawTarget for Canvas {
    type Color = Ink;
    type Error = Infallible;

    fn draw_iter<I: IntoIterator<Item = Pixel<Ink>>>(&mut self, pixels: I) -> Result<(), Infallible> {
        for Pixel(at, ink) in pixels {
            self.fill(Rectangle::new(at, geometry::Size::new_equal(1)), ink);
        }
        Ok(())
    }

    fn fill_solid(&mut self, area: &Rectangle, ink: Ink) -> Result<(), Infallible> {
        self.fill(*area, ink);
        Ok(())
    }
}

/// The time of day in UTC, which needs no time zone data on the board: `12:34:56`, and with a precision
/// (`{:.3}`) `12:34:56.789`.
#[derive(Debug, Clone, Copy)]
pub struct TimeOfDay(pub SystemTime);

impl fmt::Display for TimeOfDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let since_epoch = self.0.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let second = since_epoch.as_secs() % 86_400;
        write!(f, "{:02}:{:02}:{:02}", second / 3600, second / 60 % 60, second % 60)?;
        match f.precision() {
            Some(_) => write!(f, ".{:03}", since_epoch.subsec_millis()),
            None => Ok(()),
        }
    }
}

/// A font and how often its pixels are repeated.
#[derive(Debug, Clone, Copy)]
pub struct Letters {
    font: &'static MonoFont<'static>,
    scale: u32,
}

impl Letters {
    /// Letters whose line is at most `height` pixels high and as near to that as can be, but never less
    /// than the smallest font's.
    pub fn up_to(height: u32) -> Letters {
        // The larger font first: of two ways to the same height, the finer drawn one is taken.
        let fonts = [
            &fonts::FONT_10X20,
            &fonts::FONT_9X18_BOLD,
            &fonts::FONT_9X15_BOLD,
            &fonts::FONT_7X13_BOLD,
            &fonts::FONT_6X10,
        ];
        fonts
            .into_iter()
            .map(|font| Letters { font, scale: height / font.character_size.height })
            .filter(|letters| letters.scale > 0)
            .reduce(|best, next| if next.height() > best.height() { next } else { best })
            .unwrap_or(Letters { font: &fonts::FONT_6X10, scale: 1 })
    }

    /// Pixels from one letter to the next.
    pub fn width(&self) -> u32 {
        (self.font.character_size.width + self.font.character_spacing) * self.scale
    }

    /// Pixels from one line to the next.
    pub fn height(&self) -> u32 {
        self.font.character_size.height * self.scale
    }
}

/// Draws on a canvas with every pixel as a square of `scale` pixels, from `origin` on.
struct Scaled<'a> {
    canvas: &'a mut Canvas,
    origin: Point,
    scale: u32,
}

impl Dimensions for Scaled<'_> {
    fn bounding_box(&self) -> Rectangle {
        // Only asked for by shapes that fill everything; cutting off is the canvas's business.
        self.canvas.bounding_box()
    }
}

impl DrawTarget for Scaled<'_> {
    type Color = Ink;
    type Error = Infallible;

    fn draw_iter<I: IntoIterator<Item = Pixel<Ink>>>(&mut self, pixels: I) -> Result<(), Infallible> {
        pixels.into_iter().try_for_each(|Pixel(at, ink)| {
            self.fill_solid(&Rectangle::new(at, geometry::Size::new_equal(1)), ink)
        })
    }

    /// Letters arrive here, row by row: a run of one colour is one rectangle.
    fn fill_contiguous<I: IntoIterator<Item = Ink>>(
        &mut self,
        area: &Rectangle,
        inks: I,
    ) -> Result<(), Infallible> {
        let mut inks = inks.into_iter();
        for y in area.rows() {
            let mut run: Option<(Rectangle, Ink)> = None;
            for (x, ink) in area.columns().zip(&mut inks) {
                match &mut run {
                    Some((cells, same)) if *same == ink => cells.size.width += 1,
                    _ => {
                        let next = (Rectangle::new(Point::new(x, y), geometry::Size::new_equal(1)), ink);
                        if let Some((cells, ink)) = run.replace(next) {
                            self.fill_solid(&cells, ink)?;
                        }
                    }
                }
            }
            if let Some((cells, ink)) = run {
                self.fill_solid(&cells, ink)?;
            }
        }
        Ok(())
    }

    fn fill_solid(&mut self, area: &Rectangle, ink: Ink) -> Result<(), Infallible> {
        let scale = self.scale as i32; // a line's height over a font's, far below i32::MAX
        self.canvas.fill(Rectangle::new(self.origin + area.top_left * scale, area.size * self.scale), ink);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rectangle(x: i32, y: i32, width: u32, height: u32) -> Rectangle {
        Rectangle::new(Point::new(x, y), geometry::Size::new(width, height))
    }

    fn luma(canvas: &Canvas, x: i32, y: i32) -> Option<u8> {
        let inside = canvas.area().contains(Point::new(x, y));
        inside.then(|| canvas.picture().row(0, y as u32)[2 * x as usize])
    }

    #[test]
    fn a_rectangle_covers_its_pixels_and_no_others() {
        for (left, width) in (-3..8).flat_map(|left| (0..9).map(move |width| (left, width))) {
            let mut canvas = Canvas::new(Size { width: 5, height: 4 }, Ink::BLACK);
            canvas.fill(rectangle(left, 1, width, 2), Ink::WHITE);
            for (x, y) in (0..5).flat_map(|x| (0..4).map(move |y| (x, y))) {
                let inside = (left..left + width as i32).contains(&x) && (1..3).contains(&y);
                let wanted = if inside { Ink::WHITE } else { Ink::BLACK };
                assert_eq!(luma(&canvas, x, y), Some(wanted.y), "{width} wide at {left}: pixel {x},{y}");
            }
        }
    }

    #[test]
    fn drawing_far_outside_does_nothing() {
        let mut canvas = Canvas::new(Size { width: 1, height: 1 }, Ink::BLACK);
        for at in [Point::new(-100_000, -100_000), Point::new(100_000, 0), Point::new(0, 100_000)] {
            canvas.write("far away\nand\r\u{1}\u{fffd}", at, Letters::up_to(9_999), Ink::WHITE, Ink::WHITE);
            canvas.fill(Rectangle::new(at, geometry::Size::new_equal(9)), Ink::WHITE);
        }
        assert_eq!(luma(&canvas, 0, 0), Some(Ink::BLACK.y));
    }

    #[test]
    fn letters_grow_without_changing_their_shape() {
        let small = Letters { font: &fonts::FONT_6X10, scale: 1 };
        let large = Letters { scale: 3, ..small };
        let mut one = Canvas::new(Size { width: 60, height: 10 }, Ink::BLACK);
        let mut three = Canvas::new(Size { width: 180, height: 30 }, Ink::BLACK);
        one.write("Gg 07:59?", Point::zero(), small, Ink::WHITE, Ink::BLACK);
        three.write("Gg 07:59?", Point::zero(), large, Ink::WHITE, Ink::BLACK);
        let mut white = 0;
        for (x, y) in (0..180).flat_map(|x| (0..30).map(move |y| (x, y))) {
            assert_eq!(luma(&three, x, y), luma(&one, x / 3, y / 3), "{x},{y}");
            white += usize::from(luma(&three, x, y) == Some(Ink::WHITE.y));
        }
        assert!(white > 500, "nothing was written");
    }

    #[test]
    fn letters_fill_the_height_they_are_given() {
        for height in 10..400 {
            let got = Letters::up_to(height).height();
            assert!(got <= height && got * 4 >= height * 3, "{got} of {height}");
        }
        assert_eq!(Letters::up_to(0).height(), 10);
    }

    #[test]
    fn the_clock_is_right() {
        let at = SystemTime::UNIX_EPOCH + std::time::Duration::from_millis(1_700_000_000_042);
        assert_eq!(format!("{}", TimeOfDay(at)), "22:13:20");
        assert_eq!(format!("{:.3}", TimeOfDay(at)), "22:13:20.042");
    }

    #[test]
    fn a_picture_is_never_larger_than_its_bound() {
        let wide = Canvas::new(Size { width: u32::MAX, height: 0 }, Ink::BLACK);
        assert_eq!(wide.size(), Size { width: Canvas::MAX_SIDE, height: 1 });
    }
}
