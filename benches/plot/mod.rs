//! Draws a bench's figures as bars, one SVG for each plot, into the folder that `BENCH_PLOTS` names.
//!
//! Colours suit a light and a dark page. Every bar carries its value, so that small ones can be read, too.

use std::fmt::Write;
use std::path::Path;
use std::{env, fs, io};

/// Sides of the picture and what surrounds the bars, in pixels.
const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 340.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = 12.0;
const TOP: f64 = 64.0;
const BOTTOM: f64 = 52.0;

/// Of the space for a group of bars, the part that they fill.
const FILLED: f64 = 0.82;

/// One colour for each series.
const COLOURS: [&str; 4] = ["#3b82c4", "#c9772b", "#7d8590", "#a58a6b"];

const STYLE: &str = "text{font:12px sans-serif;fill:#4b5563}.title{font-size:15px;font-weight:bold}\
    .value{font-size:10px}.grid{stroke:#9ca3af;stroke-opacity:.4}\
    @media(prefers-color-scheme:dark){text{fill:#b6bec8}}";

pub struct Plot<'a> {
    pub title: &'a str,
    pub x_label: &'a str,
    /// With the unit.
    pub y_label: &'a str,
    pub series: &'a [&'a str],
    /// A label on the x axis, and the value of each series there. A value that is missing gets no bar.
    pub groups: Vec<(String, Vec<Option<f64>>)>,
}

impl Plot<'_> {
    /// Writes `NAME.svg`, unless `BENCH_PLOTS` is not set.
    ///
    /// # Errors
    /// When the folder or the file cannot be written.
    pub fn write(&self, name: &str) -> io::Result<()> {
        let Some(folder) = env::var_os("BENCH_PLOTS") else { return Ok(()) };
        fs::create_dir_all(&folder)?;
        fs::write(Path::new(&folder).join(format!("{name}.svg")), self.svg())
    }

    fn svg(&self) -> String {
        let title = escaped(self.title);
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\">\n\
             <title>{title}</title>\n<style>{STYLE}</style>\n"
        );
        text(&mut svg, "class=\"title\"", LEFT, 20.0, self.title);
        self.legend(&mut svg);
        let values = self.groups.iter().flat_map(|(_, values)| values.iter().flatten());
        let step = step(values.copied().filter(|value| value.is_finite()).fold(0.0, f64::max));
        self.axes(&mut svg, step);
        self.bars(&mut svg, step * TICKS);
        svg.push_str("</svg>\n");
        svg
    }

    fn legend(&self, svg: &mut String) {
        let mut x = LEFT;
        for (name, colour) in self.series.iter().zip(COLOURS) {
            rect(svg, colour, [x, 32.0, 11.0, 11.0]);
            text(svg, "", x + 16.0, 42.0, name);
            x += 40.0 + 7.0 * name.len() as f64;
        }
    }

    fn axes(&self, svg: &mut String, step: f64) {
        let height = HEIGHT - TOP - BOTTOM;
        let digits = (-step.log10().floor()).max(0.0) as usize;
        for tick in 0..=TICKS as u32 {
            let y = HEIGHT - BOTTOM - height * f64::from(tick) / TICKS;
            let end = WIDTH - RIGHT;
            let _ = writeln!(svg, "<path class=\"grid\" d=\"M{LEFT} {y:.1}H{end}\"/>");
            text(
                svg,
                "text-anchor=\"end\"",
                LEFT - 6.0,
                y + 4.0,
                &format!("{:.digits$}", step * f64::from(tick)),
            );
        }
        text(svg, "text-anchor=\"middle\"", LEFT.midpoint(WIDTH - RIGHT), HEIGHT - 10.0, self.x_label);
        let middle = TOP + height / 2.0;
        let turned = format!("text-anchor=\"middle\" transform=\"rotate(-90 14 {middle})\"");
        text(svg, &turned, 14.0, middle, self.y_label);
    }

    fn bars(&self, svg: &mut String, top: f64) {
        let space = (WIDTH - LEFT - RIGHT) / self.groups.len().max(1) as f64;
        let wide = space * FILLED / self.series.len().max(1) as f64;
        for (place, (label, values)) in self.groups.iter().enumerate() {
            let start = LEFT + space * place as f64;
            text(svg, "text-anchor=\"middle\"", start + space / 2.0, HEIGHT - BOTTOM + 17.0, label);
            for (index, (value, colour)) in values.iter().zip(COLOURS).enumerate() {
                let Some(value) = value.filter(|value| value.is_finite()) else { continue };
                let x = start + space * (1.0 - FILLED) / 2.0 + wide * index as f64;
                let height = (HEIGHT - TOP - BOTTOM) * value / top;
                let y = HEIGHT - BOTTOM - height;
                rect(svg, colour, [x, y, wide - 2.0, height]);
                text(
                    svg,
                    "class=\"value\" text-anchor=\"middle\"",
                    x + wide / 2.0 - 1.0,
                    y - 3.0,
                    &number(value),
                );
            }
        }
    }
}

/// Lines of the grid above the axis.
const TICKS: f64 = 5.0;

/// A round distance of the grid's lines, so that the highest one is not below `most`.
fn step(most: f64) -> f64 {
    let least = most.max(1e-9) / TICKS;
    let power = 10f64.powf(least.log10().floor());
    [1.0, 2.0, 4.0, 5.0, 10.0]
        .into_iter()
        .map(|factor| factor * power)
        .find(|step| *step >= least)
        .unwrap_or(least)
}

/// Three digits that count, or all digits before the point.
fn number(value: f64) -> String {
    let digits = match value {
        0.0 => 0,
        value if value < 0.1 => 3,
        value if value < 10.0 => 2,
        value if value < 100.0 => 1,
        _ => 0,
    };
    format!("{value:.digits$}")
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

fn text(svg: &mut String, attributes: &str, x: f64, y: f64, text: &str) {
    let _ = writeln!(svg, "<text {attributes} x=\"{x:.1}\" y=\"{y:.1}\">{}</text>", escaped(text));
}

fn rect(svg: &mut String, colour: &str, [x, y, width, height]: [f64; 4]) {
    let _ = writeln!(
        svg,
        "<rect fill=\"{colour}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\"/>"
    );
}
