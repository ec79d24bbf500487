//! Pictures whose planes lie in buffers of their own, such as V4L2_PIX_FMT_NV12M: copied behind each other.
//!
//! Used by [`super::setting`] and [`super::queue`]. It costs one copy of the picture, into memory that is kept from one to
//! the next; all else then reads it like any other picture.

use std::io;

use v4l2_calls::formats::PlaneFormat;

use crate::picture::{Picture, Plane, Raw, Size};

/// A plane to be copied.
#[derive(Debug, Clone, Copy)]
struct Part {
    /// Bytes from one row to the next in the driver's buffer.
    stride: usize,
    /// As it lies in the picture.
    to: Plane,
}

/// Puts planes behind each other.
#[derive(Debug)]
pub struct Gather {
    parts: Vec<Part>,
    len: usize,
    bytes: Vec<u8>,
}

fn nonsense(what: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("its driver announces {what}"))
}

impl Gather {
    /// For pictures of this layout and size in these planes. Takes no memory yet.
    ///
    /// # Errors
    /// The driver announces planes that cannot hold such a picture.
    pub fn new(raw: Raw, size: Size, planes: &[PlaneFormat]) -> io::Result<Gather> {
        let stride = planes.first().map_or(0, |plane| plane.stride);
        Picture::check(raw, size, stride).map_err(|error| nonsense(error.to_string()))?;
        let shapes = raw.planes(size, stride);
        let shapes = shapes.iter().filter(|plane| plane.rows > 0);
        if shapes.clone().count() != planes.len() {
            return Err(nonsense(format!("{} planes for {raw:?}", planes.len())));
        }
        let mut parts = Vec::new();
        for (to, from) in shapes.zip(planes) {
            // Some drivers set only the first.
            let stride = if from.stride == 0 { to.stride } else { from.stride.into() };
            let needed = stride.saturating_mul(to.rows - 1).saturating_add(to.row);
            if stride < to.row || needed > from.size.into() {
                return Err(nonsense(format!(
                    "a plane of {} bytes in rows of {stride} for {size}",
                    from.size
                )));
            }
            // At most the plane's size, which is a u32.
            parts.push(Part { stride: stride as usize, to: *to });
        }
        // Strides are at least a row and at most a plane's size, so this is less than three times u32::MAX.
        let len = usize::try_from(raw.frame_len(size, stride)).unwrap_or(usize::MAX);
        Ok(Gather { parts, len, bytes: Vec::new() })
    }

    /// Bytes that a picture takes once its planes lie behind each other.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Takes the memory, so that [`Gather::copy`] needs none.
    ///
    /// # Errors
    /// There is not enough.
    pub fn reserve(&mut self) -> io::Result<()> {
        self.bytes.try_reserve_exact(self.len).map_err(|_| io::Error::from(rustix::io::Errno::NOMEM))?;
        self.bytes.resize(self.len, 0);
        Ok(())
    }

    /// The picture whose planes `plane` returns; `None` if one of them is too short.
    pub fn copy<'a>(&mut self, plane: impl Fn(usize) -> &'a [u8]) -> Option<&[u8]> {
        let mut rest = &mut self.bytes[..];
        for (n, Part { stride, to }) in self.parts.iter().enumerate() {
            let from = plane(n);
            let (row, to_stride, rows) = (to.row as usize, to.stride as usize, to.rows as usize);
            let (out, behind) = rest.split_at_mut((to_stride * rows).min(rest.len()));
            rest = behind;
            if *stride == to_stride {
                let len = stride * (rows - 1) + row;
                out.get_mut(..len)?.copy_from_slice(from.get(..len)?);
            } else {
                for (n, out) in out.chunks_mut(to_stride).enumerate() {
                    out.get_mut(..row)?.copy_from_slice(from.get(n * stride..n * stride + row)?);
                }
            }
        }
        Some(&self.bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::Range;

    const SIZE: Size = Size { width: 5, height: 3 };

    fn plane(stride: u32, size: u32) -> PlaneFormat {
        PlaneFormat { stride, size }
    }

    /// A plane whose samples tell plane, row and column.
    fn filled(number: u8, row: usize, stride: usize, rows: usize) -> Vec<u8> {
        let byte = |y: usize, x: usize| if x < row { number * 100 + (y * 10 + x) as u8 } else { 0xee };
        (0..rows).flat_map(|y| (0..stride).map(move |x| byte(y, x))).collect()
    }

    #[test]
    fn planes_of_their_own_with_strides_of_their_own_become_one_picture() {
        for (raw, planes) in [
            (Raw::Nv12, vec![(5, 8, 3), (6, 16, 2)]),
            (Raw::Nv12, vec![(5, 8, 3), (6, 8, 2)]),
            (Raw::Yu12, vec![(5, 8, 3), (3, 4, 2), (3, 7, 2)]),
            (Raw::Nv16, vec![(5, 5, 3), (6, 6, 3)]),
            (Raw::Yuv422p, vec![(5, 6, 3), (3, 3, 3), (3, 32, 3)]),
        ] {
            let formats: Vec<_> = planes
                .iter()
                .map(|(_, stride, rows)| plane(*stride as u32, (stride * rows) as u32))
                .collect();
            let mut gather = Gather::new(raw, SIZE, &formats).unwrap();
            gather.reserve().unwrap();
            let bytes: Vec<_> = planes
                .iter()
                .enumerate()
                .map(|(n, (row, stride, rows))| filled(n as u8, *row, *stride, *rows))
                .collect();
            let whole = gather.copy(|n| &bytes[n]).unwrap();
            assert_eq!(whole.len() as u64, raw.frame_len(SIZE, formats[0].stride));
            let picture = Picture::new(whole, raw, SIZE, formats[0].stride, Range::Full).unwrap();
            for (n, (row, _, rows)) in planes.iter().enumerate() {
                for y in 0..*rows {
                    let wanted: Vec<u8> = (0..*row).map(|x| n as u8 * 100 + (y * 10 + x) as u8).collect();
                    assert_eq!(picture.row(n, y as u32), wanted, "{raw:?} plane {n} row {y}");
                }
            }
            assert_eq!(gather.len() as u64, raw.frame_len(SIZE, formats[0].stride));
            let short = |n: usize| if n == 1 { &bytes[1][..2] } else { &bytes[n] };
            assert!(gather.copy(short).is_none(), "{raw:?}: a plane of 2 bytes");
        }
    }

    #[test]
    fn planes_that_cannot_hold_the_picture_are_refused() {
        for planes in [
            &[plane(8, 24), plane(8, 7)][..],
            &[plane(8, 12), plane(8, 16)],
            &[plane(4, 24), plane(8, 16)],
            &[plane(8, 24), plane(5, 16)],
            &[plane(8, 24)],
            &[plane(8, 24), plane(8, 16), plane(8, 16)],
            &[plane(u32::MAX, u32::MAX), plane(u32::MAX, 100)],
            &[],
        ] {
            assert!(Gather::new(Raw::Nv12, SIZE, planes).is_err(), "{planes:?}");
        }
        assert!(Gather::new(Raw::Nv12, SIZE, &[plane(8, 24), plane(0, 16)]).is_ok());
    }
}
