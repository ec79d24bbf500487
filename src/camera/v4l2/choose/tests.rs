//! The tables resemble what such cameras list, written from memory and shortened by sizes that play no part; none was read
//! from a device.

use super::super::modes::tests::{rate, size};
use super::*;
use crate::camera::config::SourceSpec;
use crate::picture::{Orientation, Rotation};
use v4l2_calls::codec::SizeRange;

const MJPEG: Layout = Layout::Mjpeg;
const YUYV: Layout = Layout::Raw(Raw::Yuyv);
const NV12: Layout = Layout::Raw(Raw::Nv12);

/// Nanoseconds to encode a pixel on a fast board, on one like a Raspberry Pi 3, and on a very slow one.
const FAST: f64 = 4.0;
const MIDDLING: f64 = 28.0;
const SLOW: f64 = 400.0;

fn config() -> SourceConfig {
    SourceConfig::of(SourceSpec::Auto)
}

fn offer(layout: Layout, sizes: &[(&str, &[u32])]) -> Offer {
    let rates = |list: &[u32]| Rates::List(list.iter().map(|fps| rate(1, *fps)).collect());
    Offer { layout, sizes: sizes.iter().map(|(text, list)| (size(text), rates(list))).collect() }
}

fn c270() -> Vec<Offer> {
    let all: &[(&str, &[u32])] = &[
        ("640x480", &[30, 25, 20, 15, 10, 5]),
        ("160x120", &[30, 25, 20, 15, 10, 5]),
        ("320x240", &[30, 25, 20, 15, 10, 5]),
        ("800x600", &[20, 15, 10, 5]),
        ("960x720", &[10, 5]),
        ("1280x720", &[10, 5]),
        ("1280x960", &[5]),
    ];
    let jpeg: Vec<(&str, &[u32])> =
        all.iter().map(|(size, _)| (*size, [30, 25, 20, 15, 10, 5].as_slice())).collect();
    vec![offer(MJPEG, &jpeg), offer(YUYV, all)]
}

fn c920() -> Vec<Offer> {
    let rates: &[u32] = &[30, 24, 20, 15, 10, 5];
    vec![
        offer(MJPEG, &[("640x480", rates), ("1920x1080", rates), ("1280x720", rates), ("1024x576", rates)]),
        offer(YUYV, &[("640x480", rates), ("1280x720", &[10, 5]), ("1920x1080", &[5]), ("2304x1536", &[2])]),
    ]
}

fn cheap() -> Vec<Offer> {
    vec![offer(YUYV, &[("640x480", &[30]), ("352x288", &[30]), ("320x240", &[30]), ("160x120", &[30])])]
}

/// A camera module with a USB bridge: its sizes are larger than what is looked at by default.
fn arducam() -> Vec<Offer> {
    vec![
        offer(
            MJPEG,
            &[("4656x3496", &[10]), ("3840x2160", &[10]), ("1920x1080", &[30]), ("2592x1944", &[10])],
        ),
        offer(YUYV, &[("4656x3496", &[1]), ("1920x1080", &[5]), ("1280x720", &[10]), ("640x480", &[30])]),
    ]
}

/// An HDMI capture stick.
fn ms2109() -> Vec<Offer> {
    let hd: &[u32] = &[60, 50, 30, 20, 10];
    vec![
        offer(
            MJPEG,
            &[
                ("1920x1080", &[30, 25, 20, 10]),
                ("1360x768", &[60, 50, 30]),
                ("1280x1024", hd),
                ("1280x720", hd),
            ],
        ),
        offer(YUYV, &[("1920x1080", &[5]), ("1280x720", &[10]), ("640x480", &[30, 20, 10, 5])]),
    ]
}

/// bcm2835-v4l2 takes any even size up to the sensor's, and any rate up to 90/s.
fn bcm2835(layouts: &[Layout]) -> Vec<Offer> {
    let sizes =
        super::super::modes::Sizes::Range { min: size("32x32"), max: size("2592x1944"), step: (2, 2) };
    let rates = Rates::Range(Rate::new(v4l::Fraction::new(1000, 1)).unwrap(), rate(1, 90));
    let sizes = || sizes.candidates(Size::DEFAULT).into_iter().map(|size| (size, rates.clone())).collect();
    layouts.iter().map(|layout| Offer { layout: *layout, sizes: sizes() }).collect()
}

/// vivid's webcam: only raw layouts; the larger a size, the lower its rates.
fn vivid() -> Vec<Offer> {
    let sizes: &[(&str, &[u32])] = &[
        ("320x180", &[60, 50, 30, 25, 15, 10, 5]),
        ("640x360", &[30, 25, 15, 10, 5]),
        ("640x480", &[30, 25, 15, 10, 5]),
        ("1280x720", &[15, 10, 5]),
        ("1920x1080", &[5, 4]),
        ("3840x2160", &[2, 1]),
    ];
    vec![offer(NV12, sizes), offer(YUYV, sizes)]
}

fn chosen(offers: &[Offer], config: &SourceConfig, nanoseconds: f64) -> Choice {
    let board = Board { encoders: &mut Vec::new, cost: &mut |_| nanoseconds };
    choose(offers, config, board).expect("there are modes")
}

/// As the Raspberry Pi's.
fn encoder(layouts: &[Raw], max: (u32, u32)) -> JpegEncoder {
    JpegEncoder {
        name: "bcm2835-codec-encode_image".to_owned(),
        path: "/dev/video31".into(),
        layouts: layouts.to_vec(),
        sizes: vec![SizeRange { min: (32, 32), max }],
    }
}

/// The same on a board with this encoder.
fn chosen_with(
    encoder: &JpegEncoder,
    offers: &[Offer],
    config: &SourceConfig,
    cost: &mut dyn FnMut(Raw) -> f64,
) -> Choice {
    choose(offers, config, Board { encoders: &mut || vec![encoder.clone()], cost }).expect("there are modes")
}

fn name(mode: &Mode) -> String {
    let rate = mode.rate.map(|rate| format!(" {rate}")).unwrap_or_default();
    format!("{} {}{rate}", mode.layout, mode.size)
}

/// The first mode by default, on a board that needs so many nanoseconds for a pixel.
fn first(offers: &[Offer], nanoseconds: f64) -> String {
    name(&chosen(offers, &config(), nanoseconds).modes[0])
}

#[test]
fn a_webcams_own_jpegs_are_taken_in_720p_on_every_board() {
    let mut unneeded = |_| panic!("nothing must be measured");
    for offers in [c270(), c920(), ms2109(), bcm2835(&[MJPEG, YUYV, NV12])] {
        let mut unasked = || panic!("nothing must be looked for");
        let board = Board { encoders: &mut unasked, cost: &mut unneeded };
        let choice = choose(&offers, &config(), board).unwrap();
        assert_eq!(name(&choice.modes[0]), "mjpeg 1280x720 30");
        assert_eq!(
            choice.why,
            "the largest size up to 1280x720 that the camera compresses itself; this is its highest rate up to 30/s"
        );
    }
}

#[test]
fn a_camera_whose_own_jpegs_are_all_larger_is_taken_at_the_smallest() {
    assert_eq!(first(&arducam(), FAST), "mjpeg 1920x1080 30");
    let why = chosen(&arducam(), &config(), FAST).why;
    assert!(why.starts_with("the smallest size that the camera compresses itself"), "{why}");
}

#[test]
fn raw_pixels_are_taken_in_the_largest_size_that_the_board_encodes_in_time() {
    for (offers, on_fast, on_middling) in [
        (cheap(), "yuyv 640x480 30", "yuyv 640x480 30"),
        (bcm2835(&[YUYV, NV12]), "yuyv 1280x720 30", "yuyv 1280x720 15"),
        (vivid(), "nv12 1280x720 15", "nv12 1280x720 15"),
    ] {
        assert_eq!([first(&offers, FAST), first(&offers, MIDDLING)], [on_fast, on_middling]);
    }
    // 1280x720 would have to be slower than 10/s.
    assert_eq!(first(&bcm2835(&[YUYV]), 100.0), "yuyv 640x360 30");
    assert_eq!(first(&vivid(), 100.0), "nv12 640x480 15");
}

#[test]
fn why_a_larger_size_was_not_taken_is_said_with_its_time() {
    let why = chosen(&bcm2835(&[YUYV]), &config(), 100.0).why;
    assert_eq!(
        why,
        "the camera makes no JPEGs; the largest size up to 1280x720 that this board encodes in time: about 23.0 ms of \
         33 ms for each frame; 1280x720 would take 92.2 ms of 67 ms"
    );
}

#[test]
fn a_board_that_is_too_slow_for_all_sizes_takes_the_one_that_comes_nearest() {
    assert_eq!(first(&cheap(), 4000.0), "yuyv 160x120 30");
    let why = chosen(&cheap(), &config(), 4000.0).why;
    assert!(why.contains("encodes no size in time") && why.contains("76.8 ms of 33 ms"), "{why}");
    assert_eq!(first(&cheap(), SLOW), "yuyv 160x120 30");
}

#[test]
fn what_the_settings_say_narrows_the_choice() {
    let yuyv = SourceConfig { layout: Some(YUYV), ..config() };
    let only_yuyv: Vec<Offer> = c920().into_iter().filter(|offer| offer.layout == YUYV).collect();
    assert_eq!(name(&chosen(&only_yuyv, &yuyv, FAST).modes[0]), "yuyv 1280x720 10");
    let fast = SourceConfig { fps: Some(60), ..config() };
    let two = [offer(MJPEG, &[("1280x720", &[30, 15]), ("640x480", &[60, 30])])];
    assert_eq!(name(&chosen(&two, &fast, FAST).modes[0]), "mjpeg 640x480 60");
    assert_eq!(first(&two, FAST), "mjpeg 1280x720 30");
    let slow = SourceConfig { fps: Some(15), ..config() };
    assert_eq!(name(&chosen(&two, &slow, FAST).modes[0]), "mjpeg 1280x720 15");
    let software = SourceConfig { encoder: EncodeMode::Software, ..config() };
    assert_eq!(name(&chosen(&c920(), &software, FAST).modes[0]), "yuyv 1280x720 10");
    let hardware = SourceConfig { encoder: EncodeMode::Hardware, ..config() };
    let found = chosen(&bcm2835(&[MJPEG, YUYV]), &hardware, MIDDLING);
    assert_eq!(name(&found.modes[0]), "yuyv 1280x720 15", "without hardware, what software can do counts");
}

#[test]
fn what_the_boards_encoder_takes_counts_as_encoded_in_time_however_slow_the_board_is() {
    let mut unneeded = |_| panic!("nothing must be measured");
    let pi = encoder(&[Raw::Yuyv, Raw::Nv12], (1920, 1920));
    let choice = chosen_with(&pi, &bcm2835(&[YUYV]), &config(), &mut unneeded);
    assert_eq!(name(&choice.modes[0]), "yuyv 1280x720 30");
    assert_eq!(
        choice.why,
        "the camera makes no JPEGs; the largest size up to 1280x720 that the board's encoder bcm2835-codec-encode_image \
         takes; this is its highest rate up to 30/s"
    );
    let hardware = SourceConfig { encoder: EncodeMode::Hardware, ..config() };
    let choice = chosen_with(&pi, &bcm2835(&[MJPEG, YUYV]), &hardware, &mut unneeded);
    assert_eq!(name(&choice.modes[0]), "yuyv 1280x720 30");
    assert!(
        choice.why.starts_with("the largest size up to 1280x720 that the board's encoder"),
        "{}",
        choice.why
    );
}

#[test]
fn beyond_what_the_boards_encoder_takes_the_boards_speed_counts() {
    let with = |encoder: &JpegEncoder, offers: &[Offer], config: &SourceConfig| {
        name(&chosen_with(encoder, offers, config, &mut |_| 100.0).modes[0])
    };
    // Its limit is lower than what software does not encode in time: the largest within it.
    let small = encoder(&[Raw::Yuyv], (640, 480));
    assert_eq!(with(&small, &cheap(), &config()), "yuyv 640x480 30");
    let smaller = encoder(&[Raw::Yuyv], (352, 288));
    assert_eq!(first(&cheap(), 1000.0), "yuyv 160x120 30");
    let choice = chosen_with(&smaller, &cheap(), &config(), &mut |_| 1000.0);
    assert_eq!(name(&choice.modes[0]), "yuyv 352x288 30");
    // A layout that it takes comes before one of the same size that it does not take, ...
    let nv12 = encoder(&[Raw::Nv12], (1920, 1920));
    assert_eq!(with(&nv12, &bcm2835(&[YUYV, NV12]), &config()), "nv12 1280x720 30");
    // ... and neither is turned by it, nor used if software is asked for.
    let turned = Orientation { rotation: Rotation::Quarter, ..Orientation::default() };
    let turned = SourceConfig { orientation: turned, ..config() };
    assert_eq!(with(&nv12, &bcm2835(&[NV12]), &turned), "nv12 640x360 30");
    let software = SourceConfig { encoder: EncodeMode::Software, ..config() };
    assert_eq!(with(&nv12, &bcm2835(&[NV12]), &software), "nv12 640x360 30");
    // Both are fast enough: the board's own work is spared.
    let both = |layout| Offer { layout, sizes: bcm2835(&[layout])[0].sizes.clone() };
    let choice = chosen_with(&nv12, &[both(YUYV), both(NV12)], &config(), &mut |_| FAST);
    assert_eq!(name(&choice.modes[0]), "nv12 1280x720 30");
}

#[test]
fn rates_and_sizes_that_differ_a_little_are_chosen_as_one_would_by_hand() {
    // 29.97/s meets 30/s: the larger size is taken.
    let ntsc = Rates::List(vec![rate(1001, 30_000)]);
    let mut cam = offer(MJPEG, &[("640x480", &[30])]);
    cam.sizes.push((size("1280x720"), ntsc));
    let thirty = SourceConfig { fps: Some(30), ..config() };
    let choice = chosen(&[cam], &thirty, FAST);
    assert_eq!(choice.modes[0].size, size("1280x720"));
    // Within a size, the layout that comes faster.
    let two = [offer(YUYV, &[("1280x720", &[10])]), offer(NV12, &[("1280x720", &[30])])];
    assert_eq!(first(&two, FAST), "nv12 1280x720 30");
    // A rate that the settings ask for is kept: the size gives way.
    let asked = chosen(&bcm2835(&[YUYV]), &thirty, MIDDLING);
    assert_eq!(name(&asked.modes[0]), "yuyv 640x360 30");
    let two_rates = [offer(YUYV, &[("640x480", &[30, 10])])];
    assert_eq!(name(&chosen(&two_rates, &thirty, 200.0).modes[0]), "yuyv 640x480 30");
    assert_eq!(first(&two_rates, 200.0), "yuyv 640x480 10");
    // What comes after a silent size is clearly smaller.
    let close =
        [offer(MJPEG, &[("1280x720", &[30]), ("1280x700", &[30]), ("800x600", &[30]), ("160x120", &[30])])];
    let next = others(&chosen(&close, &config(), FAST).modes);
    assert_eq!(next.iter().map(name).collect::<Vec<_>>(), ["mjpeg 800x600 30", "mjpeg 160x120 30"]);
}

#[test]
fn layouts_that_are_equally_good_keep_their_order_and_each_size_is_there_once() {
    let modes = chosen(&vivid(), &config(), FAST).modes;
    assert_eq!(name(&modes[0]), "nv12 1280x720 15");
    assert_eq!(name(&modes[1]), "yuyv 1280x720 15");
    assert_eq!(modes.len(), 12);
}

#[test]
fn a_driver_that_lists_no_rates_is_believed_to_be_able_to_do_thirty() {
    let offers = [Offer { layout: YUYV, sizes: vec![(size("1280x720"), Rates::List(Vec::new()))] }];
    let choice = chosen(&offers, &config(), MIDDLING);
    assert!(choice.why.contains("no size in time"), "{}", choice.why);
    assert_eq!(choice.modes[0].rate, None);
    let board = Board { encoders: &mut Vec::new, cost: &mut |_| FAST };
    assert_eq!(choose(&[], &config(), board), None);
}

#[test]
fn a_size_that_is_not_delivered_is_followed_by_a_smaller_one_another_layout_and_the_smallest() {
    let names = |offers: &[Offer]| {
        others(&chosen(offers, &config(), FAST).modes).iter().map(name).collect::<Vec<_>>()
    };
    assert_eq!(names(&c920()), ["mjpeg 1024x576 30", "yuyv 1280x720 10", "mjpeg 640x480 30"]);
    assert_eq!(names(&[offer(MJPEG, &[("640x480", &[30])])]), Vec::<String>::new());
    assert_eq!(names(&c270())[0], "mjpeg 960x720 30");
}
