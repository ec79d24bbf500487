//! Blocks to another JPEG: turned, mirrored, and quantized more coarsely.

use super::{Coefficients, Colours, Component, Stored};
use crate::block::{Block, LEN, SIDE};
use crate::geometry::{self, MAX_COMPONENTS};
use crate::head::write::{self, Application, Head};
use crate::huffman::encode::{Tables, Writer};
use crate::round::nearest;
use crate::{Quality, TooLarge, Transform};

/// What becomes of the coefficients of a component.
#[derive(Debug, Clone, Copy)]
struct Change {
    /// By a coefficient's place in natural order.
    moves: [Move; LEN],
    /// The quantization table of the result.
    quantization: [u16; LEN],
}

/// Where a coefficient goes.
#[derive(Debug, Clone, Copy, Default)]
struct Move {
    /// What it is multiplied with: the old step by the new one, negative if its sign changes.
    factor: f32,
    /// Its new place in natural order.
    to: u8,
}

/// A component of the result.
#[derive(Debug, Clone, Copy)]
struct Plan {
    source: Component,
    change: Change,
    tables: Tables,
    /// Sampling factors.
    factors: (u32, u32),
    /// Blocks that hold something of the picture, across and down.
    blocks: (u32, u32),
    /// Blocks in whole MCUs, across and down.
    padded: (u32, u32),
}

/// Coefficients that are coded again.
struct Job<'a> {
    coefficients: &'a Coefficients,
    /// For each component.
    plans: [Option<Plan>; MAX_COMPONENTS],
    transform: Transform,
}

impl Coefficients {
    /// The size in pixels of the transformed picture: [`Transform::trimmed_size`].
    pub fn transformed_size(&self, transform: Transform) -> (u32, u32) {
        transform.trimmed_size(self.size(), self.mcu())
    }

    /// Whether encoding with this quality would change anything: coefficients are never quantized more finely than they
    /// are.
    pub fn is_finer_than(&self, quality: Quality) -> bool {
        let wanted = quality.tables();
        self.components().iter().enumerate().any(|(number, component)| {
            let wanted = &wanted[usize::from(self.is_chroma(number))];
            component.quantization.iter().zip(wanted).any(|(step, wanted)| step < wanted)
        })
    }

    /// Makes a JPEG of them, turned and mirrored, and with `quality` quantized more coarsely where they are finer, in the
    /// beginning of `out`; returns its length in bytes. It has one scan and the standard Huffman tables.
    ///
    /// # Errors
    /// `out` is too small.
    pub fn encode(
        &self,
        transform: Transform,
        quality: Option<Quality>,
        out: &mut [u8],
    ) -> Result<usize, TooLarge> {
        let mut plans = [None; MAX_COMPONENTS];
        for (number, plan) in plans.iter_mut().enumerate().take(self.components().len()) {
            *plan = Some(self.plan(number, transform, quality));
        }
        let job = Job { coefficients: self, plans, transform };
        write::whole(out, |out| job.write_head(out), |out| job.code(out))
    }

    fn is_chroma(&self, component: usize) -> bool {
        component > 0 && self.colours() == Colours::YCbCr
    }

    fn plan(&self, number: usize, transform: Transform, quality: Option<Quality>) -> Plan {
        let source = self.components()[number];
        let is_chroma = self.is_chroma(number);
        let (width, height) = self.transformed_size(transform);
        let (largest_across, largest_down) = transform.size(self.frame.largest_factors());
        let (across, down) = transform.size(source.factors);
        let blocks =
            |pixels: u32, factor: u32, largest: u32| (pixels * factor).div_ceil(largest * SIDE as u32);
        let mcus = |pixels: u32, largest: u32| pixels.div_ceil(largest * SIDE as u32);
        Plan {
            source,
            change: Change::new(
                &source.quantization,
                transform,
                quality.map(|q| q.tables()[usize::from(is_chroma)]),
            ),
            tables: if is_chroma { Tables::Chrominance } else { Tables::Luminance },
            factors: (across, down),
            blocks: (blocks(width, across, largest_across), blocks(height, down, largest_down)),
            padded: (mcus(width, largest_across) * across, mcus(height, largest_down) * down),
        }
    }
}

impl Job<'_> {
    fn write_head(&self, out: &mut [u8]) -> Result<usize, TooLarge> {
        let (width, height) = self.coefficients.transformed_size(self.transform);
        let mut tables = [[0; LEN]; MAX_COMPONENTS];
        let mut used = 0;
        let mut components = [None; MAX_COMPONENTS];
        for (component, plan) in components.iter_mut().zip(self.plans.iter().flatten()) {
            let table = &plan.change.quantization;
            let known = tables[..used].iter().position(|known| known == table);
            let quantization = known.unwrap_or_else(|| {
                tables[used] = *table;
                used += 1;
                used - 1
            });
            *component = Some(geometry::Component {
                id: plan.source.id,
                across: plan.factors.0 as u8,
                down: plan.factors.1 as u8,
                quantization: quantization as u8,
                tables: plan.tables,
            });
        }
        let [first, ..] = components;
        let Some(first) = first else { return Err(TooLarge { capacity: out.len() }) };
        let components = components.map(|component| component.unwrap_or(first));
        let applications: &[Application] = match self.coefficients.colours() {
            Colours::Grey | Colours::YCbCr => &[Application::Jfif],
            Colours::Rgb | Colours::Cmyk => &[Application::Adobe(0)],
            Colours::Other => &[],
        };
        let head = Head {
            size: (width as u16, height as u16),
            applications,
            quantization: &tables[..used],
            components: &components[..self.coefficients.components().len()],
            restart_interval: 0,
        };
        head.write(out)
    }

    fn code(&self, out: &mut [u8]) -> Result<usize, TooLarge> {
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("bmi1")
            && is_x86_feature_detected!("bmi2")
            && is_x86_feature_detected!("lzcnt")
        {
            /// The same with this processor's instructions for bits.
            #[target_feature(enable = "bmi1,bmi2,lzcnt")]
            fn with_bits(job: &Job<'_>, out: &mut [u8]) -> Result<usize, TooLarge> {
                job.code_anywhere(out)
            }
            // SAFETY: this processor has what the function is compiled for.
            return unsafe { with_bits(self, out) };
        }
        self.code_anywhere(out)
    }

    #[inline(always)]
    fn code_anywhere(&self, out: &mut [u8]) -> Result<usize, TooLarge> {
        let mut writer = Writer::new(out);
        let mut block = Block::ZERO;
        let mut last_dc = [0; MAX_COMPONENTS];
        let first = self.plans.iter().flatten().next();
        let mcus =
            first.map_or((0, 0), |plan| (plan.padded.0 / plan.factors.0, plan.padded.1 / plan.factors.1));
        for (row, column) in (0..mcus.1).flat_map(|row| (0..mcus.0).map(move |column| (row, column))) {
            for (plan, last_dc) in self.plans.iter().flatten().zip(&mut last_dc) {
                let (across, down) = plan.factors;
                for (y, x) in (0..down).flat_map(|y| (0..across).map(move |x| (y, x))) {
                    let (x, y) = (column * across + x, row * down + y);
                    if x >= plan.blocks.0 || y >= plan.blocks.1 {
                        // It only fills the MCU: nothing costs less than the same DC.
                        block.values[0] = *last_dc;
                        writer.block(&block, plan.tables, last_dc)?;
                        continue;
                    }
                    let stored = self.coefficients.blocks[plan.source_of(x, y, self.transform)];
                    self.fill(&mut block, stored, &plan.change);
                    writer.block(&block, plan.tables, last_dc)?;
                    self.clear(&mut block, stored, &plan.change);
                }
            }
        }
        writer.finish()
    }

    #[inline(always)]
    fn fill(&self, block: &mut Block, stored: Stored, change: &Change) {
        block.values[0] = change.moves[0].of(stored.dc);
        block.nonzero = u64::from(block.values[0] != 0);
        for entry in self.coefficients.entries_of(stored) {
            let change = change.moves[usize::from(entry.index) % LEN];
            let value = change.of(entry.value);
            block.values[usize::from(change.to) % LEN] = value;
            block.nonzero |= u64::from(value != 0) << change.to;
        }
    }

    /// Sets what [`Job::fill`] has set back to 0.
    #[inline(always)]
    fn clear(&self, block: &mut Block, stored: Stored, change: &Change) {
        for entry in self.coefficients.entries_of(stored) {
            block.values[usize::from(change.moves[usize::from(entry.index) % LEN].to) % LEN] = 0;
        }
        block.nonzero = 0;
    }
}

impl Plan {
    /// Where the block that comes to column `x` and row `y` is now, among all.
    #[inline(always)]
    fn source_of(&self, x: u32, y: u32, transform: Transform) -> usize {
        let x = if transform.mirror_across { self.padded.0 - 1 - x } else { x };
        let y = if transform.mirror_down { self.padded.1 - 1 - y } else { y };
        let (x, y) = if transform.transpose { (y, x) } else { (x, y) };
        self.source.first + (y * self.source.padded.0 + x) as usize
    }
}

impl Change {
    fn new(steps: &[u16; LEN], transform: Transform, wanted: Option<[u16; LEN]>) -> Self {
        let mut change = Change { moves: [Move::default(); LEN], quantization: [1; LEN] };
        for (n, step) in steps.iter().enumerate() {
            let (to, is_negative) = transform.coefficient(n);
            let new = wanted.map_or(*step, |wanted| wanted[to].max(*step));
            let factor = f32::from(*step) / f32::from(new);
            change.moves[n] = Move { factor: if is_negative { -factor } else { factor }, to: to as u8 };
            change.quantization[to] = new;
        }
        change
    }
}

impl Move {
    /// The new value, rounded to the nearest.
    #[inline(always)]
    fn of(self, value: i16) -> i16 {
        nearest(f32::from(value) * self.factor) as i16
    }
}
