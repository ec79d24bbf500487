//! Whether motion is found where a person sees it and only there, and what a look costs, beside Debian's `motion` with its
//! defaults on the same pictures: `cargo bench --bench motion`. Prints tables in Markdown.
//!
//! The scenes are drawn, encoded as a camera's JPEGs of 1280x720 at 15 a second, and looked at 5 times a second, which is
//! the default. Debian's motion (package motion) gets them in real time as the MJPEG stream of a network camera; where it
//! is not installed, its columns are empty. `cargo bench --bench motion -- TEXT` takes only scenes with TEXT in the name.

mod debian;
mod scenes;

use std::error::Error;
use std::thread;
use std::time::Duration;

use boardcam::feed::motion::Sensitivity;
use boardcam::motion::detector::{Detector, threshold};
use coefficients::dc::DcGrid;
use coefficients::pixels::{Encoder, Layout, Pixels, Plane, Settings};
use coefficients::{Quality, Sampling, Transform};
use rustix::time::{ClockId, clock_gettime};
use scenes::{BEGIN, END, Painter, SCENES, SECONDS, Says, Scene};

const SIZE: (u32, u32) = (1280, 720);

/// Pictures a second, and each how many of them is looked at.
const RATE: f32 = 15.0;
const EVERY: usize = 3;

const QUALITY: u8 = 80;

/// Motion ends when nothing has moved for so many seconds; for both.
const QUIET: f32 = 3.0;

/// How late after [`END`] motion may begin and still be what a person sees.
const LATE: f32 = 1.0;

/// Scenes that play at the same time.
const AT_ONCE: usize = 2;

const SENSITIVITIES: [(&str, Sensitivity); 3] =
    [("low", Sensitivity::Low), ("medium", Sensitivity::Medium), ("high", Sensitivity::High)];

/// When motion began, and what that cost.
struct Watched {
    begins: Vec<f32>,
    /// Milliseconds of CPU time for each picture that was looked at.
    ms: f64,
}

/// What all scenes together came to.
#[derive(Default)]
struct Total {
    found: usize,
    missed: usize,
    alarms: usize,
    ms: f64,
    scenes: usize,
}

impl Total {
    /// Counts a scene; returns the cell of the table.
    fn add(&mut self, says: Says, watched: &Watched) -> String {
        let is_hit = |begin: &f32| says == Says::Moves && (BEGIN..END + LATE).contains(begin);
        let hit = watched.begins.iter().find(|begin| is_hit(begin));
        let alarms = watched.begins.iter().filter(|begin| !is_hit(begin)).count();
        self.found += usize::from(hit.is_some());
        self.missed += usize::from(says == Says::Moves && hit.is_none());
        self.alarms += alarms;
        self.ms += watched.ms;
        self.scenes += 1;
        let cell = match (says, hit) {
            (Says::Moves, Some(begin)) => format!("found, {:.1} s", begin - BEGIN),
            (Says::Moves, None) => "**missed**".into(),
            (Says::Still, _) => String::new(),
        };
        match (alarms, cell.is_empty()) {
            (0, true) => "quiet".into(),
            (0, false) => cell,
            (_, true) => format!("**{alarms} false**"),
            (_, false) => format!("{cell}; **{alarms} false**"),
        }
    }

    fn row(&self) -> String {
        format!("{} found, {} missed, {} false", self.found, self.missed, self.alarms)
    }
}

fn cpu_time() -> Duration {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(now.tv_sec as u64, now.tv_nsec as u32)
}

/// The JPEGs of a scene, in 4:2:2 as webcams make them.
fn film(scene: Scene) -> Vec<Vec<u8>> {
    let (width, height) = SIZE;
    let mut painter = Painter::new(scene, SIZE);
    let chroma: [Vec<u8>; 2] = [17u32, 23].map(|part| {
        let places = (0..height).flat_map(|y| (0..width / 2).map(move |x| (x, y)));
        places.map(|(x, y)| (118 + (x / part + y / part) % 20 + (x ^ y) % 2) as u8).collect()
    });
    let (mut encoder, mut luma, mut out) = (Encoder::default(), Vec::new(), vec![0; 1 << 22]);
    let settings =
        Settings { quality: Quality::new(QUALITY), sampling: Sampling::Across, transform: Transform::NONE };
    let picture = |number| {
        painter.draw(number, RATE, &mut luma);
        let stride = width as usize;
        let [cb, cr] = &chroma;
        let planes = [(&luma, stride), (cb, stride / 2), (cr, stride / 2)];
        let planes = planes.map(|(bytes, stride)| Plane { bytes, stride });
        let pixels =
            Pixels { width, height, layout: Layout::Planar(Sampling::Across), planes, limited: false };
        let length = encoder.encode(&pixels, settings, &mut out).expect("room enough");
        out[..length].to_vec()
    };
    (0..(SECONDS * RATE) as u32).map(picture).collect()
}

/// Looks at a film as the program does.
fn look(film: &[Vec<u8>], sensitivity: Sensitivity) -> Watched {
    let (mut grid, mut detector) = (DcGrid::default(), Detector::default());
    let since_last = Duration::from_secs_f32(EVERY as f32 / RATE);
    let (mut begins, mut moved) = (Vec::new(), f32::MIN);
    let mut times = Vec::new();
    for (number, jpeg) in film.iter().enumerate().step_by(EVERY) {
        let start = cpu_time();
        grid.read(jpeg).expect("a JPEG of ours");
        let luma = grid.component(0).expect("luma");
        let look = detector.look(luma, since_last, sensitivity, &[]);
        times.push((cpu_time() - start).as_secs_f64() * 1e3);
        let now = number as f32 / RATE;
        if look.is_motion {
            if now - moved > QUIET {
                begins.push(now);
            }
            moved = now;
        }
    }
    Watched { begins, ms: times.iter().sum::<f64>() / times.len() as f64 }
}

/// A scene, seen by ours at each sensitivity, and by Debian's.
fn watch(scene: Scene) -> Result<([Watched; 3], Option<Watched>), String> {
    let film = film(scene);
    let ours = SENSITIVITIES.map(|(_, sensitivity)| look(&film, sensitivity));
    let theirs = debian::watch(&film, RATE, QUIET).map_err(|error| error.to_string())?;
    Ok((ours, theirs))
}

pub fn main() -> Result<(), Box<dyn Error>> {
    // Cargo adds options of its own.
    let wanted = std::env::args().skip(1).find(|argument| !argument.starts_with('-')).unwrap_or_default();
    let scenes: Vec<Scene> = SCENES.into_iter().filter(|scene| scene.name.contains(&wanted)).collect();
    let [low, medium, high] = SENSITIVITIES
        .map(|(name, sensitivity)| format!("{name}, {:.1}% of the picture", 100.0 * threshold(sensitivity)));
    println!(
        "| scene | a person says | {low} | {medium} | {high} | Debian's motion |\n|---|---|---|---|---|---|"
    );
    let mut totals: [Total; 4] = Default::default();
    for some in scenes.chunks(AT_ONCE) {
        let started: Vec<_> = some.iter().map(|&scene| thread::spawn(move || watch(scene))).collect();
        for (scene, thread) in some.iter().zip(started) {
            let (ours, theirs) = thread.join().expect("a scene")?;
            let says = if scene.says == Says::Moves { "moves" } else { "nothing moves" };
            let watched = ours.iter().map(Some).chain([theirs.as_ref()]);
            let cells: Vec<String> = watched
                .zip(&mut totals)
                .map(|(watched, total)| watched.map(|it| total.add(scene.says, it)).unwrap_or_default())
                .collect();
            println!("| {} | {says} | {} |", scene.name, cells.join(" | "));
        }
    }
    println!("| **all** | | {} |\n", totals.each_ref().map(Total::row).join(" | "));
    let [_, ours, _, theirs] = totals.map(|total| total.ms / total.scenes.max(1) as f64);
    println!(
        "CPU time for each picture of 1280x720 that is looked at: {ours:.3} ms; Debian's motion {theirs:.2} ms."
    );
    Ok(())
}
