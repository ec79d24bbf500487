//! The C library libjpeg-turbo by its TurboJPEG interface, version 2 or newer, if this machine has it (Debian:
//! libturbojpeg0).
//!
//! A benchmark alone calls it, so that nobody needs it to build: it is opened at run time. All `unsafe` of the bench is
//! here.

use std::ffi::{c_int, c_uchar, c_ulong, c_void};
use std::ptr;

use coefficients::Sampling;
use libloading::Library;

/// Whether `jpegBuf` is ours and large enough (`TJFLAG_NOREALLOC`).
const NO_REALLOC: c_int = 1024;
/// The exact DCT instead of the faster one that it takes by itself up to quality 95 (`TJFLAG_ACCURATEDCT`).
pub(crate) const ACCURATE: c_int = 4096;
/// `TJXOP_ROT90`.
const ROTATE_90: c_int = 5;
/// `TJXOPT_TRIM`.
const TRIM: c_int = 2;

type Handle = *mut c_void;
type Init = unsafe extern "C" fn() -> Handle;
type Destroy = unsafe extern "C" fn(Handle) -> c_int;
type Compress = unsafe extern "C" fn(
    Handle,
    *const *const c_uchar,
    c_int,
    *const c_int,
    c_int,
    c_int,
    *mut *mut c_uchar,
    *mut c_ulong,
    c_int,
    c_int,
) -> c_int;
type Decompress = unsafe extern "C" fn(
    Handle,
    *const c_uchar,
    c_ulong,
    *const *mut c_uchar,
    c_int,
    *const c_int,
    c_int,
    c_int,
) -> c_int;
type Transform = unsafe extern "C" fn(
    Handle,
    *const c_uchar,
    c_ulong,
    c_int,
    *mut *mut c_uchar,
    *mut c_ulong,
    *mut Operation,
    c_int,
) -> c_int;

/// `tjtransform`.
#[repr(C)]
struct Operation {
    region: [c_int; 4],
    op: c_int,
    options: c_int,
    data: *mut c_void,
    filter: Option<unsafe extern "C" fn()>,
}

/// The library, and what it keeps for each kind of work.
#[derive(Debug)]
pub(crate) struct Turbo {
    library: Library,
    compressor: Handle,
    decompressor: Handle,
    transformer: Handle,
}

/// `TJSAMP`.
fn subsampling(sampling: Sampling) -> c_int {
    match sampling {
        Sampling::Full => 0,
        Sampling::Across => 1,
        Sampling::Both => 2,
        Sampling::Grey => 3,
        Sampling::Down => 4,
    }
}

/// The lengths of rows of planes.
fn strides(width: u32, sampling: Sampling) -> [c_int; 3] {
    let chroma = width.div_ceil(sampling.factors().0) as c_int;
    [width as c_int, chroma, chroma]
}

impl Turbo {
    /// `None` if this machine lacks it.
    pub(crate) fn open() -> Option<Self> {
        // SAFETY: loading it runs nothing but the constructors of a well-known library; each function has the type that
        // its manual gives (turbojpeg.h of version 2.1).
        unsafe {
            let library = Library::new("libturbojpeg.so.0").ok()?;
            let init = |name: &[u8]| Some(library.get::<Init>(name).ok()?());
            let compressor = init(b"tjInitCompress\0")?;
            let decompressor = init(b"tjInitDecompress\0")?;
            let transformer = init(b"tjInitTransform\0")?;
            let works = [compressor, decompressor, transformer].iter().all(|handle| !handle.is_null());
            works.then_some(Self { library, compressor, decompressor, transformer })
        }
    }

    /// Encodes planes into `out`, with further `flags`, and returns the JPEG's length. `out` must have room for noise.
    pub(crate) fn encode(
        &self,
        planes: &[Vec<u8>; 3],
        (width, height): (u32, u32),
        sampling: Sampling,
        quality: u8,
        flags: c_int,
        out: &mut [u8],
    ) -> usize {
        let pointers = planes.each_ref().map(|plane| plane.as_ptr());
        let (mut at, mut length) = (out.as_mut_ptr(), out.len() as c_ulong);
        // SAFETY: planes have the size that they are said to have, `out` and its length belong together, and the library
        // does not replace it.
        let failed = unsafe {
            let call = self.library.get::<Compress>(b"tjCompressFromYUVPlanes\0").expect("version 2");
            call(
                self.compressor,
                pointers.as_ptr(),
                width as c_int,
                strides(width, sampling).as_ptr(),
                height as c_int,
                subsampling(sampling),
                &mut at,
                &mut length,
                quality.into(),
                NO_REALLOC | flags,
            )
        };
        assert_eq!(failed, 0, "libjpeg-turbo does not encode");
        length as usize
    }

    /// Decodes a JPEG of this size and sampling into planes.
    pub(crate) fn decode(
        &self,
        jpeg: &[u8],
        (width, height): (u32, u32),
        sampling: Sampling,
        planes: &mut [Vec<u8>; 3],
    ) {
        let (across, down) = sampling.factors();
        let area = |across: u32, down: u32| (width.div_ceil(across) * height.div_ceil(down)) as usize;
        for (plane, len) in planes.iter_mut().zip([area(1, 1), area(across, down), area(across, down)]) {
            plane.resize(len, 0);
        }
        let pointers = planes.each_mut().map(|plane| plane.as_mut_ptr());
        // SAFETY: planes have the room that this size needs, and the JPEG its length.
        let failed = unsafe {
            let call = self.library.get::<Decompress>(b"tjDecompressToYUVPlanes\0").expect("version 2");
            call(
                self.decompressor,
                jpeg.as_ptr(),
                jpeg.len() as c_ulong,
                pointers.as_ptr(),
                width as c_int,
                strides(width, sampling).as_ptr(),
                height as c_int,
                0,
            )
        };
        assert_eq!(failed, 0, "libjpeg-turbo does not decode");
    }

    /// Turns a JPEG clockwise by 90 degrees, as jpegtran does.
    pub(crate) fn rotate(&self, jpeg: &[u8], out: &mut [u8]) -> usize {
        let (mut at, mut length) = (out.as_mut_ptr(), out.len() as c_ulong);
        let mut operation =
            Operation { region: [0; 4], op: ROTATE_90, options: TRIM, data: ptr::null_mut(), filter: None };
        // SAFETY: as in `encode`; there is one operation, as is said.
        let failed = unsafe {
            let call = self.library.get::<Transform>(b"tjTransform\0").expect("version 2");
            call(
                self.transformer,
                jpeg.as_ptr(),
                jpeg.len() as c_ulong,
                1,
                &mut at,
                &mut length,
                &mut operation,
                NO_REALLOC,
            )
        };
        assert_eq!(failed, 0, "libjpeg-turbo does not turn");
        length as usize
    }
}

impl Drop for Turbo {
    fn drop(&mut self) {
        for handle in [self.compressor, self.decompressor, self.transformer] {
            // SAFETY: they come from this library and are not used again.
            unsafe {
                if let Ok(destroy) = self.library.get::<Destroy>(b"tjDestroy\0") {
                    destroy(handle);
                }
            }
        }
    }
}
