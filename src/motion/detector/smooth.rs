//! The mean of each cell's neighbourhood.

/// Takes the mean of its neighbourhood from each cell. Keeps its memory.
#[derive(Debug, Default)]
pub(super) struct Smooth {
    size: (usize, usize),
    reach: usize,
    /// A value counts no more than so much for its neighbours.
    most: f32,
    /// Sums over rows, from the beginning of each row.
    sums: Vec<f32>,
    /// Sums over parts of rows, then over parts of columns.
    columns: Vec<f32>,
    line: Vec<f32>,
}

impl Smooth {
    /// For grids of `size`, neighbourhoods that reach over so many cells on each side, and values that count no more than
    /// `most` for their neighbours.
    pub(super) fn begin(&mut self, size: (usize, usize), reach: usize, most: f32) {
        self.most = most;
        self.size = size;
        self.reach = reach;
        self.sums.resize(size.0 + 1, 0.0);
        self.line.resize(size.0, 0.0);
        self.columns.resize(size.0 * size.1, 0.0);
    }

    /// `values` has one for each cell, row by row.
    pub(super) fn take_neighbourhood(&mut self, values: &mut [f32]) {
        let (width, height) = self.size;
        let (reach, most) = (self.reach, self.most);
        for (row, out) in values.chunks_exact(width.max(1)).zip(self.columns.chunks_exact_mut(width.max(1))) {
            let mut sum = 0.0;
            for (value, at) in row.iter().zip(&mut self.sums[1..]) {
                sum += value.clamp(-most, most);
                *at = sum;
            }
            for (x, out) in out.iter_mut().enumerate() {
                let (from, until) = (x.saturating_sub(reach), (x + reach + 1).min(width));
                *out = (self.sums[until] - self.sums[from]) / (until - from) as f32;
            }
        }
        let rows = |y: usize| y * width..(y + 1) * width;
        self.line.fill(0.0);
        for y in 0..reach.min(height) {
            add(&mut self.line, &self.columns[rows(y)], 1.0);
        }
        for y in 0..height {
            if y + reach < height {
                add(&mut self.line, &self.columns[rows(y + reach)], 1.0);
            }
            if y > reach {
                add(&mut self.line, &self.columns[rows(y - reach - 1)], -1.0);
            }
            let count = (y + reach + 1).min(height) - y.saturating_sub(reach);
            add(&mut values[rows(y)], &self.line, -1.0 / count as f32);
        }
    }
}

fn add(to: &mut [f32], values: &[f32], factor: f32) {
    to.iter_mut().zip(values).for_each(|(to, value)| *to += factor * value);
}
