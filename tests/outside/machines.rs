//! What monitoring reads: metrics, the state in ustreamer's format, and log lines in JSON.

use std::collections::BTreeMap;

use serde_json::Value;

use client::{Outcome, ensure, wait_for};

use crate::boardcam::{Boardcam, goes_on, run};
use crate::recording::Place;

/// Every sample of /metrics, by its name and labels.
fn metrics(boardcam: &Boardcam) -> Outcome<BTreeMap<String, f64>> {
    let answer = boardcam.get("/metrics")?;
    ensure!(answer.status == 200, "/metrics: {}", answer.status);
    let content_type = &answer.headers["content-type"];
    ensure!(content_type == "text/plain; version=0.0.4; charset=utf-8", "{content_type}");
    let text = answer.text();
    let samples = text.lines().filter(|line| !line.starts_with('#'));
    let split = |line: &str| -> Outcome<_> {
        let (name, value) = line.rsplit_once(' ').ok_or_else(|| line.to_owned())?;
        Ok((name.to_owned(), value.parse()?))
    };
    samples.map(split).collect()
}

/// The value of a metric of the one camera.
fn of_camera(metrics: &BTreeMap<String, f64>, name: &str) -> Outcome<f64> {
    let value = metrics.get(&format!("boardcam_{name}{{camera=\"camera\"}}"));
    value.copied().ok_or_else(|| format!("no {name} in {metrics:#?}").into())
}

#[test]
fn metrics_count_what_was_captured_encoded_and_sent_and_outlive_viewers_and_variants() -> Outcome {
    let boardcam = Boardcam::pattern()?;
    let before = metrics(&boardcam)?;
    ensure!(of_camera(&before, "frames_sent_total")? == 0.0, "{before:#?}");
    let viewers = [boardcam.watch("/stream")?, boardcam.watch("/stream?size=64x48")?];
    for viewer in &viewers {
        goes_on(viewer, 5)?;
    }
    ensure!(boardcam.get("/snapshot")?.status == 200, "no snapshot");
    let during = metrics(&boardcam)?;
    for (name, expected) in
        [("camera_up", 1.0), ("viewers", 2.0), ("variants", 1.0), ("snapshots_sent_total", 1.0)]
    {
        let value = of_camera(&during, name)?;
        ensure!(value == expected, "{name} is {value}");
    }
    let received: usize = viewers.iter().map(|viewer| viewer.received()).sum();
    drop(viewers);
    let after = wait_for("viewers and variants to be gone", || {
        let now = metrics(&boardcam)?;
        Ok((of_camera(&now, "viewers")? + of_camera(&now, "variants")? == 0.0).then_some(now))
    })?;
    let value = |name: &str| of_camera(&after, name);
    ensure!(value("frames_sent_total")? >= received as f64, "{received} were received: {after:#?}");
    ensure!(value("sent_bytes_total")? > 1000.0 * value("frames_sent_total")?, "{after:#?}");
    ensure!(value("frames_encoded_total")? >= value("frames_published_total")?, "{after:#?}");
    ensure!(value("frame_publish_delay_seconds_count")? == value("frames_published_total")?, "{after:#?}");
    let whole = value("frame_send_delay_seconds_count")?;
    ensure!(received as f64 <= whole && whole <= value("frames_sent_total")?, "{after:#?}");
    ensure!(value("variant_frames_total")? >= 5.0 && value("variant_cpu_seconds_total")? > 0.0, "{after:#?}");
    for (name, value) in &during {
        let grows =
            ["_total", "_bucket", "_count", "_sum"].iter().any(|end| name.contains(&format!("{end}{{")));
        ensure!(!grows || after[name] >= *value, "{name} fell from {value} to {}", after[name]);
    }
    Ok(())
}

#[test]
fn state_says_in_ustreamers_words_what_means_the_same() -> Outcome {
    let boardcam =
        Boardcam::start(&["--camera", "a=pattern", "--camera", "b=/dev/video-not-here", "--size", "64x48"])?;
    let viewer = boardcam.watch("/stream?id=me-1&advance_headers=0")?;
    // Frames are demanded a moment before their viewer is counted.
    let state = wait_for("rates and the viewer", || {
        let state = boardcam.state()?;
        let (source, stream) = (&state["result"]["source"], &state["result"]["stream"]);
        let rates = [&source["captured_fps"], &stream["queued_fps"]];
        let there = rates.iter().all(|rate| rate.as_u64().is_some_and(|rate| (20..=40).contains(&rate)));
        Ok((there && stream["clients"] == 1).then_some(state))
    })?;
    viewer.next()?;
    let (source, stream) = (&state["result"]["source"], &state["result"]["stream"]);
    ensure!(state["ok"] == true && source["online"] == true && source["desired_fps"] == 30, "{state}");
    ensure!(source["resolution"]["width"] == 64 && source["resolution"]["height"] == 48, "{state}");
    ensure!(
        state["result"]["encoder"]["type"] == "CPU" && state["result"]["encoder"]["quality"] == 85,
        "{state}"
    );
    let clients = stream["clients_stat"].as_object().ok_or("no clients")?;
    let client = clients.values().next().ok_or("no client")?;
    ensure!(clients.len() == 1, "{state}");
    ensure!(
        client["key"] == "me-1" && client["advance_headers"] == false && client["fps"].is_u64(),
        "{state}"
    );
    let other: Value = serde_json::from_slice(&boardcam.get("/cameras/b/state")?.body)?;
    let (source, stream) = (&other["result"]["source"], &other["result"]["stream"]);
    ensure!(source["online"] == false && source["captured_fps"] == 0 && stream["clients"] == 0, "{other}");
    Ok(())
}

/// Each line of the log as an object; fails if anything else is there.
fn objects(log: &str) -> Outcome<Vec<Value>> {
    let object = |line: &str| -> Outcome<Value> {
        let object: Value = serde_json::from_str(line).map_err(|error| format!("{error}: {line}"))?;
        for name in ["time", "level", "target", "message"] {
            ensure!(object[name].is_string(), "no {name} in {line}");
        }
        Ok(object)
    };
    log.lines().map(object).collect()
}

#[test]
fn with_log_format_json_every_line_is_an_object_that_names_its_camera() -> Outcome {
    let place = Place::new()?;
    let folder = place.0.to_str().ok_or("an odd path")?;
    let line = ["--camera", "door=pattern", "--size", "64x48", "--log-format", "json", "-v"];
    let line = [&line[..], &["--record", "always", "--record-folder", folder]].concat();
    let boardcam = Boardcam::start(&line)?;
    let viewer = boardcam.watch("/stream?size=32x24")?;
    viewer.next()?;
    ensure!(boardcam.get("/%22%0a%7b")?.status == 404, "no 404");
    drop(viewer);
    wait_for("the viewer to have left", || {
        Ok(boardcam.log().contains("stopped watching camera door after").then_some(()))
    })?;
    wait_for("a recording", || Ok(boardcam.log().contains("recording into").then_some(())))?;
    let lines = objects(&boardcam.log())?;
    for (told, level) in [
        (": opened ", "info"),
        ("started watching camera door", "info"),
        ("started making smaller pictures", "debug"),
        ("stopped watching camera door", "info"),
        ("recording into", "info"),
    ] {
        let line =
            lines.iter().find(|line| line["message"].as_str().is_some_and(|message| message.contains(told)));
        let line = line.ok_or_else(|| format!("no line with {told:?}"))?;
        ensure!(line["camera"] == "door" && line["level"] == level, "{line}");
    }
    ensure!(lines.iter().any(|line| line.get("camera").is_none()), "all lines are about a camera");
    Ok(())
}

#[test]
fn with_log_format_json_a_fatal_error_is_json_too() -> Outcome {
    // An address for documentation (RFC 5737), which no machine has.
    let output = run(&["--camera", "pattern", "--log-format", "json", "--listen", "192.0.2.1:80"])?;
    ensure!(output.status.code() == Some(1), "{}", output.status);
    let lines = objects(&String::from_utf8(output.stderr)?)?;
    let last = lines.last().ok_or("nothing was said")?;
    ensure!(last["level"] == "error" && last["message"].to_string().contains("192.0.2.1:80"), "{last}");
    Ok(())
}
