//! Prometheus' text format, version 0.0.4 (prometheus.io/docs/instrumenting/exposition_formats).

use std::fmt::{Display, Write};

use super::table::Metric;
use crate::feed::histogram::{BOUNDS, Histogram};

pub(super) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// An answer in this format.
#[derive(Default)]
pub(super) struct MetricsText(pub(super) String);

impl MetricsText {
    /// Begins the samples of one metric.
    pub(super) fn metric(&mut self, metric: &Metric) {
        let Metric { name, kind, help, .. } = metric;
        self.line(format_args!("# HELP {name} {help}\n# TYPE {name} {}", kind.name()));
    }

    pub(super) fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) {
        let text = &mut self.0;
        text.push_str(name);
        for (index, (label, value)) in labels.iter().enumerate() {
            text.push_str(if index == 0 { "{" } else { "," });
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

    /// The samples of one camera's histogram.
    pub(super) fn histogram(&mut self, name: &str, camera: &str, histogram: &Histogram) {
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
        let _ = self.0.write_fmt(text); // writing to a String cannot fail
        self.0.push('\n');
    }
}
