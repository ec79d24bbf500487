//! Says from the means of a picture's blocks whether something moves: not light, weather or noise.
//!
//! Called by the thread that looks for motion, for each picture that it looks at. Knows nothing of threads, cameras or
//! JPEGs. Its memory depends on the grid's shape alone and is bounded by [`MOST_CELLS`]; after the first look at a size
//! nothing is allocated.
//!
//! How it decides:
//!
//! - It compares logarithms: more light adds the same everywhere, whatever is seen.
//! - From the change of each cell it takes the mean change of its neighbourhood, so that clouds, lamps and the camera's
//!   exposure change nothing. What moves has edges.
//! - It compares with a background that follows slowly, and with what was seen half a second ago: what only stands there
//!   does not move.
//! - Each cell has its own noise, which is learned: leaves, water and a sensor in the dark.
//! - What counts is the largest connected piece of cells that changed; drops and flakes are in many.

use std::time::Duration;

use coefficients::dc::DcPlane;

use crate::feed::motion::Sensitivity;

mod pieces;
mod smooth;

use pieces::Pieces;
use smooth::Smooth;

/// The most cells in a row or column. Blocks are put together until there are no more: what is seen so does not depend
/// on the size of the picture, nor does its cost.
const MOST_CELLS: u32 = 96;

/// The value of a black block, and how many values there are, in eighths of a sample's.
const DARKEST: i32 = -1024;
const BRIGHTNESSES: i32 = 2048;

/// How long the picture must be looked at before anything can move in it.
const WARM_UP: Duration = Duration::from_secs(3);

/// How long nothing can move after the light has jumped: cameras adapt meanwhile.
const DAZZLED: Duration = Duration::from_millis(800);

/// A pause between looks after which the picture is looked at anew.
const FORGETS: Duration = Duration::from_secs(10);

/// The share of cells that must get brighter or darker from one look to the next for a jump of light.
const JUMP_SHARE: f32 = 0.5;

/// By how much, as a logarithm.
const JUMP: f32 = 0.25;

/// How fast the background follows what does not move, and what does.
const FOLLOWS: f32 = 6.0;
const FOLLOWS_MOVING: f32 = 20.0;

/// How fast noise is learned and forgotten.
const LEARNS: f32 = 4.0;
const LEARNS_MOVING: f32 = 30.0;
const UNLEARNS: f32 = 30.0;

/// How much faster noise is learned while nothing can move.
const HURRY: f32 = 4.0;

/// What moves differs from what was seen so many seconds ago, about.
const LATELY: f32 = 0.5;

/// The share of a piece's cells that must have changed lately.
const MOVING_SHARE: f32 = 0.25;

/// The most noise that is learned; a person changes a cell by more.
const MOST_NOISE: f32 = 0.12;

/// The least noise of a cell: that of a camera in daylight.
const LEAST_NOISE: f32 = 0.006;

/// How many looks in a row must see it, if they are no more than a second apart.
const LOOKS: u32 = 2;

/// The neighbourhood of a cell reaches over this part of the longer side, on each side.
const REACH: usize = 14;

/// A difference counts no more than so much for its neighbourhood, so that what moves does not stand for light.
const MOST_LIGHT: f32 = 0.5;

/// What moves has edges: how much its cells differ from those beside them, as a part of how much they differ from the
/// background. Light has soft ones.
const EDGES: f32 = 0.12;

/// What a look says.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Look {
    /// The share of the picture that the largest moving thing covers, 0 to 1, about.
    pub level: f32,
    /// Whether that is motion.
    pub is_motion: bool,
}

/// The share of the picture from which on a moving thing is motion.
pub fn threshold(sensitivity: Sensitivity) -> f32 {
    match sensitivity {
        Sensitivity::Low => 0.010,
        Sensitivity::Medium => 0.003,
        Sensitivity::High => 0.001,
    }
}

/// By how many times its noise a cell must differ.
fn multiple(sensitivity: Sensitivity) -> f32 {
    match sensitivity {
        Sensitivity::Low => 7.0,
        Sensitivity::Medium => 5.0,
        Sensitivity::High => 4.0,
    }
}

/// A cell and what is known of it. All brightness is in logarithms.
#[derive(Debug, Clone, Copy, Default)]
struct Cell {
    now: f32,
    background: f32,
    /// What was seen lately.
    lately: f32,
    /// The mean of how much it differs from the background while nothing moves.
    noise: f32,
    is_left_out: bool,
}

/// Looks at the pictures of one camera, one after the other.
#[derive(Debug, Default)]
pub struct Detector {
    /// Blocks across and down.
    size: (u32, u32),
    /// Blocks across and down in a cell.
    side: u32,
    /// Cells across and down.
    cells_size: (usize, usize),
    cells: Vec<Cell>,
    /// Of each brightness that a block can have.
    logarithms: Vec<f32>,
    /// Over the blocks of the cells in a row.
    sums: Vec<i32>,
    /// How each cell differs from its background, and from lately, less its neighbourhood.
    difference: Vec<f32>,
    step: Vec<f32>,
    /// How the difference of each cell differs from those around it.
    edges: Vec<f32>,
    light: Smooth,
    beside: Smooth,
    pieces: Pieces,
    /// How long until anything can move.
    blind: Duration,
    /// Looks in a row that saw enough.
    streak: u32,
}

impl Detector {
    /// Looks at a picture, `since_last` after the one before. `ignored` has a value for each block, true where nothing
    /// counts, or is empty. Another size than before begins anew.
    pub fn look(
        &mut self,
        plane: DcPlane<'_>,
        since_last: Duration,
        sensitivity: Sensitivity,
        ignored: &[bool],
    ) -> Look {
        let is_new = self.size != (plane.width, plane.height);
        if is_new {
            self.begin(plane);
        }
        self.see(plane, ignored);
        if is_new || since_last > FORGETS {
            self.forget();
            self.blind = WARM_UP;
            return Look::default();
        }
        let seconds = since_last.as_secs_f32().max(0.001);
        self.compare();
        if self.has_light_jumped() {
            self.forget_background();
            self.blind = self.blind.max(DAZZLED);
            return Look::default();
        }
        let share = self.find(sensitivity);
        self.learn(seconds);
        self.blind = self.blind.saturating_sub(since_last);
        let level = if self.blind.is_zero() { share } else { 0.0 };
        self.streak = if level >= threshold(sensitivity) { self.streak + 1 } else { 0 };
        let needed = if since_last < Duration::from_secs(1) { LOOKS } else { 1 };
        Look { level, is_motion: self.streak >= needed }
    }

    /// Makes room for a grid of this size.
    fn begin(&mut self, plane: DcPlane<'_>) {
        self.size = (plane.width, plane.height);
        self.side = plane.width.max(plane.height).div_ceil(MOST_CELLS).max(1);
        let cells = |blocks: u32| blocks.div_ceil(self.side) as usize;
        self.cells_size = (cells(plane.width), cells(plane.height));
        // In the dark, where noise is much of what is seen, differences count less.
        self.logarithms.clear();
        self.logarithms.extend((0..BRIGHTNESSES).map(|eighths| (eighths as f32 / 8.0 + 16.0).ln()));
        let count = self.cells_size.0 * self.cells_size.1;
        self.cells.clear();
        self.cells.resize(count, Cell::default());
        self.sums.resize(self.cells_size.0, 0);
        self.difference.resize(count, 0.0);
        self.step.resize(count, 0.0);
        self.edges.resize(count, 0.0);
        let reach = self.cells_size.0.max(self.cells_size.1) / REACH;
        self.light.begin(self.cells_size, reach.max(1), MOST_LIGHT);
        self.beside.begin(self.cells_size, 1, f32::MAX);
        self.pieces.begin(self.cells_size);
    }

    /// Takes the brightness of each cell.
    fn see(&mut self, plane: DcPlane<'_>, ignored: &[bool]) {
        let (width, side) = (plane.width as usize, self.side as usize);
        let has_ignored = ignored.len() == plane.values.len();
        let area = (side * width).max(1);
        let rows = self.cells.chunks_exact_mut(self.cells_size.0.max(1));
        for (row, (cells, blocks)) in rows.zip(plane.values.chunks(area)).enumerate() {
            add_up(&mut self.sums, blocks.chunks_exact(width), side, |&dc| i32::from(dc));
            let lines = blocks.len() / width;
            let count = |column: usize| (lines * side.min(width - column * side)) as i32;
            for (column, (cell, sum)) in cells.iter_mut().zip(&self.sums).enumerate() {
                let mean = sum / count(column).max(1) - DARKEST;
                cell.now = self.logarithms[mean.clamp(0, BRIGHTNESSES - 1) as usize];
                cell.is_left_out = false;
            }
            if has_ignored {
                let ignored = &ignored[row * area..][..blocks.len()];
                add_up(&mut self.sums, ignored.chunks_exact(width), side, |&is_ignored| {
                    i32::from(is_ignored)
                });
                for (column, (cell, sum)) in cells.iter_mut().zip(&self.sums).enumerate() {
                    cell.is_left_out = 2 * sum > count(column);
                }
            }
        }
    }

    /// Knows nothing any more.
    fn forget(&mut self) {
        for cell in &mut self.cells {
            (cell.background, cell.lately, cell.noise) = (cell.now, cell.now, 2.0 * LEAST_NOISE);
        }
        self.streak = 0;
    }

    fn forget_background(&mut self) {
        for cell in &mut self.cells {
            (cell.background, cell.lately) = (cell.now, cell.now);
        }
        self.streak = 0;
    }

    /// How each cell differs from its background and from lately.
    fn compare(&mut self) {
        for ((difference, step), cell) in self.difference.iter_mut().zip(&mut self.step).zip(&self.cells) {
            *difference = cell.now - cell.background;
            *step = cell.now - cell.lately;
        }
    }

    /// Whether most of the picture has become brighter or darker at once. Looks at the steps before their neighbourhood
    /// is taken from them.
    fn has_light_jumped(&self) -> bool {
        let most = JUMP_SHARE * self.step.len() as f32;
        let count =
            |is_beyond: fn(f32) -> bool| self.step.iter().filter(|step| is_beyond(**step)).count() as f32;
        count(|step| step > JUMP) > most || count(|step| step < -JUMP) > most
    }

    /// The share of the largest connected piece of cells that differ and move.
    fn find(&mut self, sensitivity: Sensitivity) -> f32 {
        self.edges.clone_from(&self.difference);
        self.beside.take_neighbourhood(&mut self.edges);
        self.light.take_neighbourhood(&mut self.difference);
        self.light.take_neighbourhood(&mut self.step);
        let multiple = multiple(sensitivity);
        let cells = self.cells.iter().zip(&self.difference).zip(&self.step);
        self.pieces.mark(cells.map(|((cell, difference), step)| {
            let least = multiple * cell.noise.max(LEAST_NOISE);
            let differs = !cell.is_left_out && difference.abs() > least;
            (differs, differs && step.abs() > 0.5 * least)
        }));
        let (difference, edges) = (&self.difference, &self.edges);
        let largest = self.pieces.largest(MOVING_SHARE, |piece| {
            let sum = |of: &[f32]| piece.iter().map(|&cell| of[cell as usize].abs()).sum::<f32>();
            sum(edges) >= EDGES * sum(difference)
        });
        let all = self.cells.iter().filter(|cell| !cell.is_left_out).count();
        largest as f32 / all.max(1) as f32
    }

    /// Lets background and noise follow.
    fn learn(&mut self, seconds: f32) {
        let rate = |time: f32| 1.0 - (-seconds / time).exp();
        let (follows, follows_moving, lately) = (rate(FOLLOWS), rate(FOLLOWS_MOVING), rate(LATELY));
        let hurry = if self.blind.is_zero() { 1.0 } else { HURRY };
        let still = [rate(UNLEARNS), rate(LEARNS / hurry)];
        let moving = [rate(UNLEARNS), rate(LEARNS_MOVING)];
        for (n, cell) in self.cells.iter_mut().enumerate() {
            let is_moving = self.pieces.is_moving(n);
            let difference = self.difference[n].abs();
            cell.background +=
                (cell.now - cell.background) * if is_moving { follows_moving } else { follows };
            cell.lately += (cell.now - cell.lately) * lately;
            let rates = if is_moving { moving } else { still };
            // Looked up, for a processor cannot foresee which one it is.
            let rate = rates[usize::from(difference > cell.noise)];
            cell.noise += (difference.min(MOST_NOISE) - cell.noise) * rate;
        }
    }
}

/// Adds up what `value` says of the blocks in `lines`, `side` of them across for each sum.
fn add_up<'a, T: 'a>(
    sums: &mut [i32],
    lines: impl Iterator<Item = &'a [T]>,
    side: usize,
    value: impl Fn(&T) -> i32,
) {
    sums.fill(0);
    for line in lines {
        for (sum, blocks) in sums.iter_mut().zip(line.chunks(side)) {
            *sum += blocks.iter().map(&value).sum::<i32>();
        }
    }
}
