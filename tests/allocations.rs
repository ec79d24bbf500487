//! While frames flow nothing allocates: on a small board that would be fragmentation and jitter.

use std::alloc::System;
use std::time::Duration;

use boardcam::camera::pattern::Pattern;
use boardcam::camera::{Size, Source, Wanted, Which};
use boardcam::jpeg::eoi::Policy;
use boardcam::jpeg::passthrough::Jpeg;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// One test for all: another one on another thread would be counted too.
#[test]
fn a_frame_from_the_pattern_or_through_the_mender_allocates_nothing() {
    let size = Size { width: 640, height: 480 };
    let wanted = Wanted { size: Some(size), fps: Some(240), ..Wanted::of(Which::Pattern) };
    let mut pattern = Pattern::open(&wanted).expect("a size that it can do");
    let region = Region::new(ALLOCATOR);
    for _ in 0..30 {
        let frame = pattern.next(Duration::from_secs(20)).expect("it never ends");
        assert!(frame.is_some());
    }
    let pattern_used = region.change();

    let bare =
        b"\xff\xd8\xff\xc0\0\x0b\x08\0\x08\0\x08\x01\x01\x11\0\xff\xda\0\x08\x01\x01\0\0\x3f\0data\0\0";
    let mut policy = Policy::default();
    let mut slot = vec![0; 4096];
    let region = Region::new(ALLOCATOR);
    for _ in 0..100 {
        let jpeg = Jpeg::check(bare).expect("it lacks nothing that cannot be mended");
        policy.admit(&jpeg);
        jpeg.copy_into(&mut slot).expect("it fits");
    }
    let mender_used = region.change();

    assert_eq!((pattern_used.allocations, pattern_used.reallocations), (0, 0), "the pattern");
    assert_eq!((mender_used.allocations, mender_used.reallocations), (0, 0), "the mender");
}
