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
            let whole = 2 * reach + 1;
            let inner = out.iter_mut().skip(reach).zip(self.sums.iter().skip(whole).zip(&self.sums));
            inner.for_each(|(out, (until, from))| *out = (until - from) / whole as f32);
            // Those that an edge cuts off.
            let left = reach.min(width);
            let right = left.max(width - left);
            for x in (0..left).chain(right..width) {
                let (from, until) = (x.saturating_sub(reach), (x + reach + 1).min(width));
                out[x] = (self.sums[until] - self.sums[from]) / (until - from) as f32;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_cell_loses_the_mean_of_its_neighbourhood_however_small_the_grid_is() {
        for (width, height) in [(1, 1), (2, 3), (4, 4), (5, 1), (6, 5), (13, 9)] {
            let value = |x: usize, y: usize| ((x * 7 + y * 5) % 11) as f32 - 3.0;
            let mut values: Vec<f32> =
                (0..height).flat_map(|y| (0..width).map(move |x| value(x, y))).collect();
            let mut smooth = Smooth::default();
            smooth.begin((width, height), 2, 4.0);
            smooth.take_neighbourhood(&mut values);
            for (n, left) in values.iter().enumerate() {
                let (x, y) = (n % width, n / width);
                let near = |at: usize, side: usize| at.saturating_sub(2)..(at + 3).min(side);
                let cells: Vec<f32> = near(y, height)
                    .flat_map(|y| near(x, width).map(move |x| value(x, y).clamp(-4.0, 4.0)))
                    .collect();
                let mean = cells.iter().sum::<f32>() / cells.len() as f32;
                assert!((left - (value(x, y) - mean)).abs() < 1e-4, "{x}, {y} of {width}x{height}: {left}");
            }
        }
    }
}
