//! A plane at a smaller size: each new sample is the mean of the area that it covers.

/// Scales planes. Keeps its memory from one to the next.
#[derive(Debug, Default)]
pub(crate) struct Scaler {
    /// For each new column, the old ones that it covers.
    columns: Vec<Span>,
    /// A new row, not yet made narrower.
    row: Vec<f32>,
}

/// A run of old samples that a new one covers, the first and the last in part. The weights of all add up to 1.
#[derive(Debug, Clone, Copy)]
struct Span {
    first: usize,
    /// At least one.
    count: usize,
    first_weight: f32,
    last_weight: f32,
    inner_weight: f32,
}

impl Span {
    /// What the new sample `n` of `to` covers of `from` old ones.
    fn new(n: usize, from: usize, to: usize) -> Self {
        // In units of which an old sample has `to` and a new one `from`.
        let (begin, end) = (n * from, (n + 1) * from);
        let (first, last) = (begin / to, (end - 1) / to);
        let weight = |units: usize| units as f32 / from as f32;
        let covered = |old: usize| weight(end.min((old + 1) * to) - begin.max(old * to));
        Span {
            first,
            count: last - first + 1,
            first_weight: covered(first),
            last_weight: covered(last),
            inner_weight: weight(to),
        }
    }

    /// The weight of the old sample `n` of those that are covered.
    fn weight(&self, n: usize) -> f32 {
        match n {
            0 => self.first_weight,
            n if n + 1 == self.count => self.last_weight,
            _ => self.inner_weight,
        }
    }
}

impl Scaler {
    /// Scales a plane with rows `stride` bytes apart, from one size to another that is not larger, both at least 1x1.
    pub(crate) fn scale(
        &mut self,
        plane: &[u8],
        stride: usize,
        (from_width, from_height): (usize, usize),
        (width, height): (usize, usize),
        out: &mut Vec<u8>,
    ) {
        self.columns.clear();
        self.columns.extend((0..width).map(|n| Span::new(n, from_width, width)));
        out.resize(width * height, 0);
        for (y, line) in out.chunks_exact_mut(width).enumerate() {
            let span = Span::new(y, from_height, height);
            self.row.clear();
            self.row.resize(from_width, 0.0);
            for n in 0..span.count {
                let weight = span.weight(n);
                let samples = &plane[(span.first + n) * stride..][..from_width];
                for (sum, sample) in self.row.iter_mut().zip(samples) {
                    *sum += f32::from(*sample) * weight;
                }
            }
            for (out, span) in line.iter_mut().zip(&self.columns) {
                let samples = &self.row[span.first..][..span.count];
                let mut sum = samples[0] * span.first_weight;
                if let [_, inner @ .., last] = samples {
                    sum += inner.iter().sum::<f32>() * span.inner_weight + last * span.last_weight;
                }
                *out = (sum + 0.5) as u8;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scaled(plane: &[u8], from: (usize, usize), to: (usize, usize)) -> Vec<u8> {
        let mut out = Vec::new();
        Scaler::default().scale(plane, from.0, from, to, &mut out);
        out
    }

    #[test]
    fn a_new_sample_is_the_mean_of_the_area_that_it_covers() {
        // 3 to 2: a whole sample and half of its neighbour each.
        assert_eq!(scaled(&[0, 90, 240], (3, 1), (2, 1)), [30, 190]);
        assert_eq!(scaled(&[0, 90, 240], (1, 3), (1, 2)), [30, 190]);
        assert_eq!(scaled(&[10, 20, 30, 40], (2, 2), (1, 1)), [25]);
        assert_eq!(scaled(&[7, 8, 9], (3, 1), (3, 1)), [7, 8, 9]);
    }

    #[test]
    fn an_even_grey_stays_exactly_that_grey_at_any_size() {
        for (from, to) in
            [((1280, 720), (641, 359)), ((1000, 3), (7, 2)), ((4000, 2), (1, 1)), ((9, 9), (8, 8))]
        {
            for shade in [0, 1, 128, 255] {
                let plane = vec![shade; from.0 * from.1];
                assert!(scaled(&plane, from, to).iter().all(|sample| *sample == shade), "{shade} {from:?}");
            }
        }
    }

    #[test]
    fn a_gradient_stays_a_gradient() {
        let plane: Vec<u8> = (0..999u32).map(|x| ((x * 255 + 499) / 998) as u8).collect();
        for (x, sample) in scaled(&plane, (999, 1), (100, 1)).into_iter().enumerate() {
            let wanted = (x as f64 + 0.5) * 2.55;
            assert!((f64::from(sample) - wanted).abs() <= 1.0, "{sample} at {x}, not {wanted}");
        }
    }
}
