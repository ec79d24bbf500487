//! `/metrics`: how everything is, for Prometheus and what reads its text format (version 0.0.4,
//! prometheus.io/docs/instrumenting/exposition_formats). Names are part of what we promise to other programs.
//!
//! Series have labels of which there is a bounded number: cameras, reasons, thermal zones; never viewers. Counters
//! begin at 0 with the program and only grow.

use std::fmt::{Display, Write};
use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rouille::Response;

use super::{AppState, RequestContext};
use crate::feed::histogram::{BOUNDS, Histogram};
use crate::feed::{CaptureState, Feed};
use crate::host::board::Throttling;
use crate::host::process::Usage;

const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// A camera, and what is counted elsewhere of it.
struct Camera<'a> {
    feed: &'a Feed,
    viewers: usize,
    variants: usize,
}

/// Numbers of each camera: name, help, and where it comes from. Those that end in `_total` are counters.
type PerCamera = (&'static str, &'static str, fn(&Camera<'_>) -> f64);

const CAMERA: &[PerCamera] = &[
    ("boardcam_camera_up", "Whether the camera delivers.", |camera| {
        f64::from(u8::from(matches!(camera.feed.status().state, CaptureState::Live(_))))
    }),
    ("boardcam_frames_captured_total", "Frames that the camera delivered.", |camera| {
        load(&camera.feed.counters.captured)
    }),
    ("boardcam_frames_mended_total", "Frames passed on with something added or taken away.", |camera| {
        load(&camera.feed.counters.mended)
    }),
    ("boardcam_frames_encoded_total", "Frames encoded here; none while nobody watches.", |camera| {
        load(&camera.feed.counters.encoded)
    }),
    ("boardcam_frames_published_total", "Frames offered to viewers; none while nobody watches.", |camera| {
        load(&camera.feed.counters.published)
    }),
    ("boardcam_frames_sent_total", "Frames sent to viewers of streams, each viewer's counted.", |camera| {
        load(&camera.feed.delivery.frames)
    }),
    ("boardcam_frames_skipped_total", "Frames that viewers missed, still taking an earlier one.", |camera| {
        load(&camera.feed.delivery.skipped)
    }),
    ("boardcam_snapshots_sent_total", "Single pictures sent.", |camera| {
        load(&camera.feed.delivery.snapshots)
    }),
    ("boardcam_sent_bytes_total", "Bytes that viewers took, of streams and snapshots.", |camera| {
        load(&camera.feed.delivery.bytes)
    }),
    ("boardcam_viewers", "Viewers of streams, those of smaller pictures included.", |camera| {
        camera.viewers as f64
    }),
    ("boardcam_variants", "Kinds of smaller pictures that are being made.", |camera| camera.variants as f64),
    ("boardcam_variant_frames_total", "Smaller pictures made.", |camera| load(&camera.feed.delivery.smaller)),
    ("boardcam_variant_cpu_seconds_total", "CPU time that smaller pictures cost.", |camera| {
        camera.feed.delivery.smaller_cost().as_secs_f64()
    }),
];

/// Delays of each camera: name, help, and where it comes from.
type PerCameraDelay = (&'static str, &'static str, fn(&Feed) -> &Histogram);

const DELAYS: &[PerCameraDelay] = &[
    ("boardcam_frame_publish_delay_seconds", "From a frame's capture until viewers could have it.", |feed| {
        &feed.counters.delay
    }),
    (
        "boardcam_frame_send_delay_seconds",
        "From a frame's capture until a viewer's socket had taken all of it.",
        |feed| &feed.delivery.delay,
    ),
];

fn load(counter: &std::sync::atomic::AtomicU64) -> f64 {
    counter.load(Ordering::Relaxed) as f64
}

/// Text in Prometheus' format.
#[derive(Default)]
struct Page(String);

impl Page {
    /// Begins the samples of one name. `help` is one of our own texts: one line without backslashes.
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        self.line(format_args!("# HELP {name} {help}\n# TYPE {name} {kind}"));
    }

    /// The same, a counter or a gauge as its name says.
    fn number(&mut self, name: &str, help: &str) {
        self.family(name, if name.ends_with("_total") { "counter" } else { "gauge" }, help);
    }

    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) {
        let text = &mut self.0;
        text.push_str(name);
        for (place, (label, value)) in labels.iter().enumerate() {
            text.push_str(if place == 0 { "{" } else { "," });
            text.push_str(label);
            text.push_str("=\"");
            for c in value.chars() {
                match c {
                    '\\' => text.push_str("\\\\"),
                    '"' => text.push_str("\\\""),
                    '\n' => text.push_str("\\n"),
                    c => text.push(c),
                }
            }
            text.push('"');
        }
        if !labels.is_empty() {
            text.push('}');
        }
        self.line(format_args!(" {value}"));
    }

    /// A number of the whole program.
    fn one(&mut self, name: &str, help: &str, value: impl Display) {
        self.number(name, help);
        self.sample(name, &[], value);
    }

    /// The same where the system tells.
    fn some(&mut self, name: &str, help: &str, value: Option<u64>) {
        if let Some(value) = value {
            self.one(name, help, value);
        }
    }

    fn histogram(&mut self, name: &str, camera: &str, histogram: &Histogram) {
        let counts = histogram.cumulative();
        let bounds = BOUNDS.iter().map(|bound| bound.as_secs_f64().to_string());
        for (bound, count) in bounds.chain(["+Inf".to_owned()]).zip(counts) {
            self.sample(&format!("{name}_bucket"), &[("camera", camera), ("le", &bound)], count);
        }
        let [.., total] = counts;
        self.sample(&format!("{name}_sum"), &[("camera", camera)], histogram.sum().as_secs_f64());
        self.sample(&format!("{name}_count"), &[("camera", camera)], total);
    }

    fn line(&mut self, text: std::fmt::Arguments<'_>) {
        let _ = self.0.write_fmt(text); // a String takes everything
        self.0.push('\n');
    }
}

/// `/metrics`; behind `/cameras/NAME` without the other cameras.
pub(super) fn metrics(visit: &RequestContext<'_>) -> Response {
    let mut page = Page::default();
    cameras(visit, &mut page);
    program(visit.house, &mut page);
    board(visit.house, &mut page);
    Response::from_data(CONTENT_TYPE, page.0).with_no_cache()
}

fn cameras(visit: &RequestContext<'_>, page: &mut Page) {
    let house = visit.house;
    let (seats, running) = (house.audience.list(), house.variants.list());
    let cameras: Vec<_> = (house.feeds.iter().enumerate())
        .filter(|(place, _)| !visit.names_camera || *place == visit.camera)
        .map(|(place, feed)| Camera {
            feed,
            viewers: seats.iter().filter(|seat| seat.order.camera == place).count(),
            variants: running.iter().filter(|one| one.camera == place).count(),
        })
        .collect();
    for (name, help, value) in CAMERA {
        page.number(name, help);
        for camera in &cameras {
            page.sample(name, &[("camera", &camera.feed.name)], value(camera));
        }
    }
    let name = "boardcam_frames_dropped_total";
    page.number(name, "Captured frames that were not published, by reason.");
    for camera in &cameras {
        for (reason, count) in camera.feed.counters.dropped() {
            page.sample(name, &[("camera", &camera.feed.name), ("reason", reason.name())], count);
        }
    }
    for (name, help, histogram) in DELAYS {
        page.family(name, "histogram", help);
        for camera in &cameras {
            page.histogram(name, &camera.feed.name, histogram(camera.feed));
        }
    }
}

/// The program; `process_` are the names that all of Prometheus' own clients use.
fn program(house: &AppState, page: &mut Page) {
    let name = "boardcam_build_info";
    page.number(name, "The version that runs.");
    page.sample(name, &[("version", env!("CARGO_PKG_VERSION"))], 1);
    let count = &house.count;
    page.one("boardcam_connections", "Open connections.", count.open.load(Ordering::Relaxed));
    page.one("boardcam_connections_max", "The most at once.", count.limit.load(Ordering::Relaxed));
    let refused = count.refused.load(Ordering::Relaxed);
    page.one("boardcam_connections_refused_total", "Connections refused as too many.", refused);
    let spill = house.audience.spill.load(Ordering::Relaxed);
    page.one("boardcam_spill_bytes", "Memory for what slow viewers did not take yet.", spill);

    let usage = Usage::now();
    page.one("process_cpu_seconds_total", "CPU time used.", usage.cpu.as_secs_f64());
    page.some("process_resident_memory_bytes", "Memory held.", usage.resident);
    page.some("process_open_fds", "Open descriptors.", usage.files);
    page.some("process_max_fds", "The most of them.", usage.files_max);
    page.some("process_threads", "Threads.", usage.threads);
    // By the clock of now: at the start of a board without one of its own it may have been years off.
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    let started = since.saturating_sub(house.started.elapsed()).as_secs_f64().round();
    page.one("process_start_time_seconds", "When the program started, in seconds since 1970.", started);
}

fn board(house: &AppState, page: &mut Page) {
    let health = house.board.health();
    if !health.zones.is_empty() {
        let name = "boardcam_board_temperature_celsius";
        page.number(name, "Temperature of the board's thermal zones.");
        for zone in &health.zones {
            page.sample(name, &[("zone", &zone.number.to_string()), ("type", &zone.kind)], zone.celsius);
        }
    }
    let name = "boardcam_board_throttled";
    throttling(
        name,
        "Whether this slows the board down, or will.",
        &health.throttling,
        |one| Some(one.now),
        page,
    );
    let name = "boardcam_board_throttled_before";
    throttling(
        name,
        "Whether this was so since the board started.",
        &health.throttling,
        |one| one.before,
        page,
    );
}

fn throttling(
    name: &str,
    help: &str,
    reasons: &[Throttling],
    told: fn(&Throttling) -> Option<bool>,
    page: &mut Page,
) {
    let told: Vec<_> = reasons.iter().filter_map(|one| Some((one.reason, told(one)?))).collect();
    if !told.is_empty() {
        page.number(name, help);
    }
    for (reason, is_so) in told {
        page.sample(name, &[("reason", reason)], u8::from(is_so));
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{house, house_of};
    use super::*;
    use proptest::prelude::*;
    use rouille::Request;
    use std::collections::HashSet;

    fn page(house: &AppState, camera: Option<usize>) -> String {
        let request = Request::fake_http("GET", "/metrics", vec![], vec![]);
        let names_camera = camera.is_some();
        let visit = RequestContext {
            house,
            request: &request,
            visitor: None,
            camera: camera.unwrap_or(0),
            names_camera,
        };
        let (mut reader, _) = metrics(&visit).data.into_reader_and_size();
        let mut text = String::new();
        std::io::Read::read_to_string(&mut reader, &mut text).unwrap();
        text
    }

    /// Name, label values and value of a sample, by the rules of the format and nothing else.
    fn parse(line: &str) -> Option<(&str, Vec<String>, f64)> {
        let Some((name, mut rest)) = line.split_once('{') else {
            let (name, value) = line.split_once(' ')?;
            return Some((name, Vec::new(), value.parse().ok()?));
        };
        let mut labels = Vec::new();
        loop {
            let (label, after) = rest.split_once("=\"")?;
            if label.is_empty() || !label.bytes().all(|b| b.is_ascii_lowercase()) {
                return None;
            }
            let (mut value, mut chars) = (String::new(), after.chars());
            loop {
                match chars.next()? {
                    '"' => break,
                    '\\' => value.push(match chars.next()? {
                        'n' => '\n',
                        c @ ('\\' | '"') => c,
                        _ => return None,
                    }),
                    c => value.push(c),
                }
            }
            labels.push(value);
            rest = chars.as_str();
            match rest.strip_prefix(',') {
                Some(more) => rest = more,
                None => return Some((name, labels, rest.strip_prefix("} ")?.parse().ok()?)),
            }
        }
    }

    #[test]
    fn every_name_is_told_once_with_help_and_type_and_all_its_samples_follow() {
        let house = house();
        house.feeds[1].counters.delay.observe(Duration::from_millis(3));
        let text = page(&house, None);
        let (mut names, mut current) = (HashSet::new(), "");
        for line in text.lines() {
            if let Some(rest) = line.strip_prefix("# HELP ") {
                current = rest.split_once(' ').unwrap().0;
                assert!(names.insert(current), "{current} twice");
            } else if let Some(rest) = line.strip_prefix("# TYPE ") {
                assert_eq!(rest.split_once(' ').unwrap().0, current);
            } else {
                let (name, ..) = parse(line).unwrap_or_else(|| panic!("{line}"));
                let own = ["_bucket", "_sum", "_count", ""].map(|end| name.strip_suffix(end));
                assert!(own.contains(&Some(current)), "{line} behind {current}");
            }
        }
        assert!(
            text.contains("boardcam_frame_publish_delay_seconds_bucket{camera=\"garden\",le=\"0.0025\"} 0\n")
        );
        assert!(
            text.contains("boardcam_frame_publish_delay_seconds_bucket{camera=\"garden\",le=\"0.005\"} 1\n")
        );
        assert!(text.contains("boardcam_frame_publish_delay_seconds_sum{camera=\"garden\"} 0.003\n"));
        assert!(!page(&house, Some(0)).contains("garden"));
    }

    proptest! {
        #[test]
        fn whatever_a_camera_is_called_it_cannot_break_the_format(name in "[a\"\\\\{},= \n\u{0}\r\u{e9}\u{2028}]{1,12}") {
            let text = page(&house_of(&[&name]), None);
            let samples = text.split('\n').filter(|line| !line.is_empty() && !line.starts_with("# "));
            let mut seen = 0;
            for line in samples {
                let (_, labels, _) = parse(line).ok_or_else(|| TestCaseError::fail(line.to_owned()))?;
                seen += usize::from(labels.contains(&name));
            }
            let own = CAMERA.len() + crate::feed::DropReason::all().count() + DELAYS.len() * (BOUNDS.len() + 3);
            prop_assert_eq!(seen, own);
        }
    }
}
