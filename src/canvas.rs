//! A picture to draw on, in the layout of a camera's raw pixels.
//!
//! Used by [`crate::camera::pattern`] and [`crate::jpeg::card`], and encoded like a camera's frame. Shapes come from
//! embedded-graphics. Its fonts are bitmaps of at most 10x20 pixels, so letters are drawn enlarged. After
//! [`Canvas::new`] nothing allocates, and whatever is outside the picture is cut off.

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

use crate::picture::{Picture, Range, Raw, Size};

/// A colour as BT.601 Y'CbCr of limited range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Colour {
    y: u8,
    cb: u8,
    cr: u8,
}

impl Colour {
    /// Black.
    pub const BLACK: Colour = Colour::rgb(0, 0, 0);
    /// White.
    pub const WHITE: Colour = Colour::rgb(255, 255, 255);

    /// From R'G'B' of full range (BT.601 section 2.5.1, in 256ths).
    pub const fn rgb(r: u8, g: u8, b: u8) -> Colour {
        let (r, g, b) = (r as i32, g as i32, b as i32);
        Colour {
            y: (16 + ((66 * r + 129 * g + 25 * b + 128) >> 8)) as u8,
            cb: (128 + ((-38 * r - 74 * g + 112 * b + 128) >> 8)) as u8,
            cr: (128 + ((112 * r - 94 * g - 18 * b + 128) >> 8)) as u8,
        }
    }
}

impl PixelColor for Colour {
    type Raw = ();
}

/// The picture. Each two neighbouring pixels share their chroma, so drawing one of them tints the other.
#[derive(Debug, Clone)]
pub struct Canvas {
    bytes: Vec<u8>,
    size: Size,
}

impl Canvas {
    /// The longest side in pixels; a picture of this width and height takes 128 MiB.
    pub const MAX_SIDE: u32 = 8192;

    /// A picture filled with one colour. Sides are clamped to 1 to [`Canvas::MAX_SIDE`].
    pub fn new(size: Size, colour: Colour) -> Canvas {
        let side = |pixels: u32| pixels.clamp(1, Self::MAX_SIDE);
        let size = Size { width: side(size.width), height: side(size.height) };
        let bytes = vec![0; (Self::LAYOUT.row_len(size.width) * size.height) as usize];
        let mut canvas = Canvas { bytes, size };
        canvas.fill(canvas.area(), colour);
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

    /// The layout of its pixels.
    pub const LAYOUT: Raw = Raw::Yuyv;

    /// The range of its samples.
    pub const RANGE: Range = Range::Limited;

    /// The pixels as a camera would deliver them.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// A view of the picture, to encode it.
    pub fn picture(&self) -> Picture<'_> {
        let picture = Picture::new(&self.bytes, Self::LAYOUT, self.size, self.stride(), Self::RANGE);
        picture.expect("bytes match size since new()")
    }

    /// The area of the whole picture.
    pub fn area(&self) -> Rectangle {
        self.bounding_box()
    }

    /// Fills the part of `area` that is inside the picture.
    pub fn fill(&mut self, area: Rectangle, colour: Colour) {
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
            // If only one pixel of a pair is filled, the other keeps its luma.
            if left % 2 == 1 && from < to {
                [_, pairs[from][1], pairs[from][2], pairs[from][3]] = [0, colour.cb, colour.y, colour.cr];
                from += 1;
            }
            if right % 2 == 1 && from < to {
                to -= 1;
                [pairs[to][0], pairs[to][1], _, pairs[to][3]] = [colour.y, colour.cb, 0, colour.cr];
            }
            pairs[from..to].fill([colour.y, colour.cb, colour.y, colour.cr]);
        }
    }

    /// Whether the fonts have all letters of a text: those of ISO 8859-1.
    pub fn can_write(text: &str) -> bool {
        text.chars().all(|c| matches!(c, ' '..='~' | '\u{a0}'..='\u{ff}'))
    }

    /// Writes one line of text; `at` is the upper left corner of the first letter's cell. Letters that the
    /// font lacks become question marks.
    pub fn write(&mut self, text: &str, at: Point, font: Font, colour: Colour, background: Colour) {
        let style = MonoTextStyleBuilder::new()
            .font(font.base)
            .text_color(colour)
            .background_color(background)
            .build();
        let mut target = Scaled { canvas: self, origin: at, scale: font.scale };
        let Ok(_) = Text::with_baseline(text, Point::zero(), style, Baseline::Top).draw(&mut target);
    }
}

impl OriginDimensions for Canvas {
    fn size(&self) -> geometry::Size {
        geometry::Size::new(self.size.width, self.size.height)
    }
}

impl DrawTarget for Canvas {
    type Color = Colour;
    type Error = Infallible;

    fn draw_iter<I: IntoIterator<Item = Pixel<Colour>>>(&mut self, pixels: I) -> Result<(), Infallible> {
        for Pixel(at, colour) in pixels {
            self.fill(Rectangle::new(at, geometry::Size::new_equal(1)), colour);
        }
        Ok(())
    }

    fn fill_solid(&mut self, area: &Rectangle, colour: Colour) -> Result<(), Infallible> {
        self.fill(*area, colour);
        Ok(())
    }
}

/// The time of day in UTC, since a board may lack time zone data: `12:34:56`, or `12:34:56.789` with a precision
/// (`{:.3}`).
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

/// A bitmap font, enlarged by a whole number.
#[derive(Debug, Clone, Copy)]
pub struct Font {
    base: &'static MonoFont<'static>,
    scale: u32,
}

impl Font {
    /// The largest font whose lines are at most `height` pixels high; the smallest font if none is.
    pub fn up_to(height: u32) -> Font {
        // Larger fonts first: of two that reach the same height, the one with finer letters is chosen.
        let fonts = [
            &fonts::FONT_10X20,
            &fonts::FONT_9X18_BOLD,
            &fonts::FONT_9X15_BOLD,
            &fonts::FONT_7X13_BOLD,
            &fonts::FONT_6X10,
        ];
        fonts
            .into_iter()
            .map(|base| Font { base, scale: height / base.character_size.height })
            .filter(|font| font.scale > 0)
            .reduce(|best, next| if next.height() > best.height() { next } else { best })
            .unwrap_or(Font { base: &fonts::FONT_6X10, scale: 1 })
    }

    /// Pixels from one letter to the next.
    pub fn width(&self) -> u32 {
        (self.base.character_size.width + self.base.character_spacing) * self.scale
    }

    /// Pixels from one line to the next.
    pub fn height(&self) -> u32 {
        self.base.character_size.height * self.scale
    }
}

/// Draws on a canvas, with each pixel as a square of `scale` pixels, from `origin` on.
struct Scaled<'a> {
    canvas: &'a mut Canvas,
    origin: Point,
    scale: u32,
}

impl Dimensions for Scaled<'_> {
    fn bounding_box(&self) -> Rectangle {
        // Only used by shapes that fill everything; the canvas itself does the clipping.
        self.canvas.bounding_box()
    }
}

impl DrawTarget for Scaled<'_> {
    type Color = Colour;
    type Error = Infallible;

    fn draw_iter<I: IntoIterator<Item = Pixel<Colour>>>(&mut self, pixels: I) -> Result<(), Infallible> {
        pixels.into_iter().try_for_each(|Pixel(at, colour)| {
            self.fill_solid(&Rectangle::new(at, geometry::Size::new_equal(1)), colour)
        })
    }

    /// Text arrives here, row by row: a run of one colour is one rectangle.
    fn fill_contiguous<I: IntoIterator<Item = Colour>>(
        &mut self,
        area: &Rectangle,
        colours: I,
    ) -> Result<(), Infallible> {
        let mut colours = colours.into_iter();
        for y in area.rows() {
            let mut run: Option<(Rectangle, Colour)> = None;
            for (x, colour) in area.columns().zip(&mut colours) {
                match &mut run {
                    Some((cells, same)) if *same == colour => cells.size.width += 1,
                    _ => {
                        let next = (Rectangle::new(Point::new(x, y), geometry::Size::new_equal(1)), colour);
                        if let Some((cells, colour)) = run.replace(next) {
                            self.fill_solid(&cells, colour)?;
                        }
                    }
                }
            }
            if let Some((cells, colour)) = run {
                self.fill_solid(&cells, colour)?;
            }
        }
        Ok(())
    }

    fn fill_solid(&mut self, area: &Rectangle, colour: Colour) -> Result<(), Infallible> {
        let scale = self.scale as i32; // a line's height over a font's, far below i32::MAX
        self.canvas.fill(Rectangle::new(self.origin + area.top_left * scale, area.size * self.scale), colour);
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
    fn the_fonts_have_the_letters_of_western_europe() {
        let known = ["front door", "Küche", "Кухня", "厨房", "a\n"].map(Canvas::can_write);
        assert_eq!(known, [true, true, false, false, false]);
    }

    #[test]
    fn a_rectangle_covers_its_pixels_and_no_others() {
        for (left, width) in (-3..8).flat_map(|left| (0..9).map(move |width| (left, width))) {
            let mut canvas = Canvas::new(Size { width: 5, height: 4 }, Colour::BLACK);
            canvas.fill(rectangle(left, 1, width, 2), Colour::WHITE);
            for (x, y) in (0..5).flat_map(|x| (0..4).map(move |y| (x, y))) {
                let inside = (left..left + width as i32).contains(&x) && (1..3).contains(&y);
                let wanted = if inside { Colour::WHITE } else { Colour::BLACK };
                assert_eq!(luma(&canvas, x, y), Some(wanted.y), "{width} wide at {left}: pixel {x},{y}");
            }
        }
    }

    #[test]
    fn drawing_far_outside_does_nothing() {
        let mut canvas = Canvas::new(Size { width: 1, height: 1 }, Colour::BLACK);
        for at in [Point::new(-100_000, -100_000), Point::new(100_000, 0), Point::new(0, 100_000)] {
            canvas.write(
                "far away\nand\r\u{1}\u{fffd}",
                at,
                Font::up_to(9_999),
                Colour::WHITE,
                Colour::WHITE,
            );
            canvas.fill(Rectangle::new(at, geometry::Size::new_equal(9)), Colour::WHITE);
        }
        assert_eq!(luma(&canvas, 0, 0), Some(Colour::BLACK.y));
    }

    #[test]
    fn letters_grow_without_changing_their_shape() {
        let small = Font { base: &fonts::FONT_6X10, scale: 1 };
        let large = Font { scale: 3, ..small };
        let mut one = Canvas::new(Size { width: 60, height: 10 }, Colour::BLACK);
        let mut three = Canvas::new(Size { width: 180, height: 30 }, Colour::BLACK);
        one.write("Gg 07:59?", Point::zero(), small, Colour::WHITE, Colour::BLACK);
        three.write("Gg 07:59?", Point::zero(), large, Colour::WHITE, Colour::BLACK);
        let mut white = 0;
        for (x, y) in (0..180).flat_map(|x| (0..30).map(move |y| (x, y))) {
            assert_eq!(luma(&three, x, y), luma(&one, x / 3, y / 3), "{x},{y}");
            white += usize::from(luma(&three, x, y) == Some(Colour::WHITE.y));
        }
        assert!(white > 500, "nothing was written");
    }

    #[test]
    fn fonts_fill_the_given_height() {
        for height in 10..400 {
            let got = Font::up_to(height).height();
            assert!(got <= height && got * 4 >= height * 3, "{got} of {height}");
        }
        assert_eq!(Font::up_to(0).height(), 10);
    }

    #[test]
    fn the_clock_is_right() {
        let at = SystemTime::UNIX_EPOCH + std::time::Duration::from_millis(1_700_000_000_042);
        assert_eq!(format!("{}", TimeOfDay(at)), "22:13:20");
        assert_eq!(format!("{:.3}", TimeOfDay(at)), "22:13:20.042");
    }

    #[test]
    fn a_picture_is_never_larger_than_its_bound() {
        let wide = Canvas::new(Size { width: u32::MAX, height: 0 }, Colour::BLACK);
        assert_eq!(wide.size(), Size { width: Canvas::MAX_SIDE, height: 1 });
    }
}
