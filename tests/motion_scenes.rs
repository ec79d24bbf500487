//! In the scenes of the bench, small and at 5 pictures a second, the detector finds what a person sees, and nothing else.

#[path = "../benches/motion/scenes.rs"]
mod scenes;

use std::time::Duration;

use boardcam::feed::motion::Sensitivity;
use boardcam::motion::detector::{Detector, Look};
use coefficients::dc::{DcGrid, DcPlane};
use coefficients::pixels::{Encoder, Layout, Pixels, Plane, Settings};
use coefficients::{Quality, Sampling, Transform};
use scenes::{BEGIN, END, Painter, SCENES, SECONDS, Says, Scene};

const SIZE: (u32, u32) = (320, 180);
const RATE: f32 = 5.0;

/// How long after [`END`] motion may last: somebody who is gone is missed for a moment.
const LATE: f32 = 1.0;

/// What `look` says of each picture of a scene, by its time.
fn watch<T>(scene: Scene, mut look: impl FnMut(DcPlane<'_>) -> T) -> Vec<(f32, T)> {
    let (width, height) = SIZE;
    let mut painter = Painter::new(scene, SIZE);
    let (mut encoder, mut grid) = (Encoder::default(), DcGrid::default());
    let (mut luma, mut jpeg) = (Vec::new(), vec![0; 1 << 20]);
    let settings =
        Settings { quality: Quality::new(80), sampling: Sampling::Grey, transform: Transform::NONE };
    let mut says = Vec::new();
    for number in 0..(SECONDS * RATE) as u32 {
        painter.draw(number, RATE, &mut luma);
        let planes = [Plane { bytes: &luma, stride: width as usize }, Plane::default(), Plane::default()];
        let pixels = Pixels { width, height, layout: Layout::Planar(Sampling::Grey), planes, limited: false };
        let length = encoder.encode(&pixels, settings, &mut jpeg).expect("room enough");
        grid.read(&jpeg[..length]).expect("a JPEG of ours");
        says.push((number as f32 / RATE, look(grid.component(0).expect("luma"))));
    }
    says
}

fn interval() -> Duration {
    Duration::from_secs_f32(1.0 / RATE)
}

fn scene(name: &str) -> Scene {
    SCENES.into_iter().find(|scene| scene.name == name).expect("a scene of this name")
}

/// What the detector says of a scene, with everything that it is given.
fn seen(scene: Scene, sensitivity: Sensitivity, ignored: &[bool]) -> Vec<(f32, Look)> {
    let mut detector = Detector::default();
    watch(scene, |plane| detector.look(plane, interval(), sensitivity, ignored))
}

/// When it is motion.
fn moments(seen: &[(f32, Look)]) -> Vec<f32> {
    seen.iter().filter(|(_, look)| look.is_motion).map(|(time, _)| *time).collect()
}

/// One after the other on a thread each.
fn assert_as_a_person_says(says: Says) {
    std::thread::scope(|scope| {
        for scene in SCENES.into_iter().filter(|scene| scene.says == says) {
            scope.spawn(move || {
                let moments = moments(&seen(scene, Sensitivity::Medium, &[]));
                let name = scene.name;
                let is_in_time = |time: &f32| says == Says::Moves && (BEGIN..END + LATE).contains(time);
                assert!(moments.iter().all(is_in_time), "{name}: motion at {moments:?}");
                assert!(says == Says::Still || !moments.is_empty(), "{name}: no motion");
            });
        }
    });
}

#[test]
fn what_a_person_sees_move_is_found() {
    assert_as_a_person_says(Says::Moves);
}

#[test]
fn light_weather_and_noise_are_no_motion() {
    assert_as_a_person_says(Says::Still);
}

#[test]
fn where_nothing_counts_nothing_moves() {
    let columns = SIZE.0.div_ceil(8) as usize;
    let all = vec![true; columns * SIZE.1.div_ceil(8) as usize];
    let printer = scene("a printer's head");
    assert!(moments(&seen(printer, Sensitivity::High, &all)).is_empty(), "all is left out");
    // The right half, in which the printer stands.
    let right: Vec<bool> = (0..all.len()).map(|n| n % columns >= columns / 4).collect();
    assert!(moments(&seen(printer, Sensitivity::Medium, &right)).is_empty(), "the printer is left out");
    let near = scene("a person walks by, near");
    assert!(!moments(&seen(near, Sensitivity::Medium, &right)).is_empty(), "somebody comes from the left");
}

#[test]
fn who_is_far_away_is_found_with_a_higher_sensitivity_only() {
    let far = scene("a person walks by, far away");
    assert!(moments(&seen(far, Sensitivity::Low, &[])).is_empty());
    assert!(!moments(&seen(far, Sensitivity::High, &[])).is_empty());
}

#[test]
fn another_size_and_a_long_pause_begin_anew() {
    let mut detector = Detector::default();
    let grid = |value: i16, count: usize| vec![value; count];
    let mut look = |(width, height): (u32, u32), value, since: u64| {
        let values = grid(value, (width * height) as usize);
        let plane = DcPlane { width, height, values: &values };
        detector.look(plane, Duration::from_millis(since), Sensitivity::High, &[])
    };
    for _ in 0..40 {
        look((40, 30), 0, 200);
    }
    assert_eq!(look((30, 40), 900, 200), Look::default());
    assert_eq!(look((30, 40), -900, 60_000), Look::default());
    for size in [(1, 1), (1, 512), (512, 1), (3, 200), (512, 512), (0, 0)] {
        for since in [0, 1, 200] {
            assert!(!look(size, 500, since).is_motion, "{size:?}");
        }
    }
}
