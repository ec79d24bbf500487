//! Bindings to `<linux/videodev2.h>`, generated once, for crate v4l.
//!
//! Crate v4l 0.14 depends on crate v4l2-sys-mit 0.3.0, which runs bindgen at each build and so needs libclang on
//! every machine. This crate has the same name, version and contents, and `[patch.crates-io]` in the workspace's
//! `Cargo.toml` puts it in that one's place: a Rust toolchain and a C linker are enough.
//!
//! # Which layout
//!
//! The kernel's own, whatever C library the program is linked with. On 64-bit targets it is everyone's. On 32-bit
//! ARM a C library has either a 32-bit `time_t` (glibc by default, musl before 1.2) or a 64-bit one (musl since 1.2),
//! and `struct v4l2_buffer`, which holds a `struct timeval`, has 68 or 80 bytes with it. Here `timeval` is always the
//! kernel's `struct __kernel_v4l2_timeval`, two fields of 64 bits, so `v4l2_buffer` has 80 bytes.
//!
//! That fits because libc's types are nowhere mixed in: crate v4l makes the ioctl numbers from the sizes of these
//! structs, calls the kernel by `syscall(SYS_ioctl, ...)`, past the C library's `ioctl` and its conversions, and takes
//! time stamps from the [`timeval`] of this crate. Who uses these types beside crate v4l must do the same: never
//! cast between [`timeval`] or [`timespec`] and libc's.
//!
//! **On 32-bit ARM, Linux 5.6 or newer is required**, be the kernel 32-bit or 64-bit: it is the first to know the
//! 80-byte layout. An older one answers VIDIOC_QUERYBUF, VIDIOC_QBUF and VIDIOC_DQBUF with ENOTTY. The 68-byte layout
//! is not offered: newer kernels take it only if built with CONFIG_COMPAT_32BIT_TIME, and the same binary would have
//! to carry both.
//!
//! # How it is made and checked
//!
//! `./regenerate` writes the files from Debian's kernel headers, and stops if x86-64, aarch64 and 32-bit ARM should
//! ever differ in more than sizes and offsets. `layout_*.rs` has every size and offset as the generator's C compiler
//! saw it. `abi.rs` has those that crate v4l relies on again, written by hand; `./check-against-c` shows the same
//! numbers to C compilers, with the headers of a C library. A wrong one stops the build, on every target.
//!
//! # Licence
//!
//! `<linux/videodev2.h>`, `<linux/v4l2-common.h>` and `<linux/v4l2-controls.h>` are
//! `(GPL-2.0+ WITH Linux-syscall-note) OR BSD-3-Clause`. What was generated from them is used under the latter, see
//! `LICENSE-BSD-3-Clause`.

#![no_std]

#[cfg(not(all(
    target_os = "linux",
    target_endian = "little",
    any(
        all(any(target_arch = "x86_64", target_arch = "aarch64"), target_pointer_width = "64"),
        target_arch = "arm"
    )
)))]
compile_error!(
    "these V4L2 bindings are for Linux on x86-64, aarch64 and 32-bit ARM, little-endian; \
     elsewhere the kernel's structs may have another layout (32-bit x86 aligns 64-bit fields to 4 bytes)"
);

#[rustfmt::skip]
#[allow(non_camel_case_types, non_snake_case, non_upper_case_globals, clippy::type_complexity)] // the kernel's
mod bindings;
pub use bindings::*;

#[cfg(target_pointer_width = "32")]
#[rustfmt::skip]
#[allow(clippy::identity_op, clippy::unnecessary_operation)] // the form in which bindgen asserts
mod layout_ilp32;
#[cfg(target_pointer_width = "64")]
#[rustfmt::skip]
#[allow(clippy::identity_op, clippy::unnecessary_operation)]
mod layout_lp64;

mod abi;
