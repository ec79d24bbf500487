//! What was found, for programs. The form is described in docs/api.md; names are never removed or changed in meaning.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::{Value, json};

use super::found::{Camera, Format, Input, Other, Report};
use super::table;
use crate::camera::v4l2::modes::{Rate, Rates, Sizes};
use crate::picture::Size;

/// Writes one JSON object, and a line end.
pub fn write(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, &value(report)).map_err(io::Error::from)?;
    writeln!(out)
}

/// The whole as JSON.
pub fn value(report: &Report) -> Value {
    let cameras: Vec<Value> = report.cameras.iter().map(|found| camera(found)).collect();
    let others: Vec<Value> = report.others.iter().map(other).collect();
    let has_sensors = report.others.iter().any(|other| other.kind.advice().is_some());
    let problem = report.cameras.is_empty().then(|| table::nothing(report, has_sensors).0);
    let usable = report.cameras.iter().any(|camera| camera.tried.is_ok());
    json!({
        "version": 1,
        "usable": usable,
        "problem": problem,
        "cameras": cameras,
        "others": others,
        "hardware_encoder": report.encoder,
    })
}

#[derive(Serialize)]
struct Mode {
    format: &'static str,
    width: u32,
    height: u32,
    rate: Option<f64>,
}

fn camera(camera: &Camera) -> Value {
    let usable = camera.tried.as_ref().ok();
    let info = usable.map(|usable| &usable.info);
    let mode = info.map(|info| {
        let Size { width, height } = info.size;
        Mode { format: info.layout.name(), width, height, rate: info.fps() }
    });
    let problem = camera.tried.as_ref().err().map(|problem| {
        let text = |text: &crate::problem::Text| text.to_string();
        json!({ "what": text(&problem.what), "why": text(&problem.why), "advice": text(&problem.advice) })
    });
    json!({
        "source": camera.source,
        "name": camera.name,
        "stable_names": camera.stable_names,
        "driver": camera.driver,
        "bus": camera.bus,
        "formats": camera.formats.iter().map(format).collect::<Vec<_>>(),
        "inputs": camera.inputs.iter().map(input).collect::<Vec<_>>(),
        "controls": camera.controls.controls,
        "controls_left_out": camera.controls.left_out.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "control_problems": camera.controls.problems.iter().map(|it| it.problem.to_string()).collect::<Vec<_>>(),
        "usable": usable.is_some(),
        "mode": mode,
        "chosen": info.and_then(|info| info.chosen.as_ref()),
        "compromises": info.map(|info| info.compromises.as_slice()).unwrap_or_default(),
        "first_picture_ms": usable.map(|usable| u64::try_from(usable.took.as_millis()).unwrap_or(u64::MAX)),
        "problem": problem,
    })
}

fn input(input: &Input) -> Value {
    json!({ "index": input.index, "name": input.name, "chosen": input.is_chosen })
}

fn format(format: &Format) -> Value {
    let sizes: Vec<Value> = match format.sizes {
        Sizes::List(_) => format.rates.iter().map(|(size, rates)| with_rates(*size, rates)).collect(),
        Sizes::Range { .. } => Vec::new(),
    };
    let range = match &format.sizes {
        Sizes::List(_) => None,
        Sizes::Range { min, max, step } => Some(json!({
            "min": { "width": min.width, "height": min.height },
            "max": format.rates.first().map(|(_, rates)| with_rates(*max, rates)),
            "step": { "width": step.0.max(1), "height": step.1.max(1) },
        })),
    };
    json!({
        "code": format.code,
        "description": format.description,
        "format": format.layout,
        "sizes": sizes,
        "size_range": range,
    })
}

fn with_rates(Size { width, height }: Size, rates: &Rates) -> Value {
    let number = |rate: &Rate| (rate.per_second() * 1e3).round() / 1e3;
    let (list, range) = match rates {
        Rates::List(list) => (list.iter().map(number).collect(), None),
        Rates::Range(slowest, fastest) => {
            (Vec::new(), Some(json!({ "min": number(slowest), "max": number(fastest) })))
        }
    };
    json!({ "width": width, "height": height, "rates": list, "rate_range": range })
}

fn other(other: &Other) -> Value {
    json!({
        "source": other.source,
        "name": other.name,
        "driver": other.driver,
        "kind": other.kind.name(),
        "why": other.why,
        "advice": other.kind.advice(),
    })
}
