//! Connected pieces of a grid's cells.

/// A cell does not differ; differs; differs and has changed lately; is in a piece that moves.
const SAME: u8 = 0;
const DIFFERS: u8 = 1;
const CHANGED: u8 = 2;
const MOVES: u8 = 3;
/// Is in a piece that was counted, and does not move.
const STANDS: u8 = 4;

/// Finds the connected pieces of cells that differ. Keeps its memory.
#[derive(Debug, Default)]
pub(super) struct Pieces {
    width: usize,
    marks: Vec<u8>,
    /// The cells of a piece.
    piece: Vec<u32>,
}

impl Pieces {
    pub(super) fn begin(&mut self, (width, height): (usize, usize)) {
        self.width = width;
        self.marks.resize(width * height, SAME);
        // Each cell is in no more than one piece, once.
        self.piece = Vec::with_capacity(width * height);
    }

    /// Takes for each cell whether it differs, and whether it has changed lately.
    pub(super) fn mark(&mut self, cells: impl Iterator<Item = (bool, bool)>) {
        for (mark, (differs, has_changed)) in self.marks.iter_mut().zip(cells) {
            *mark = match (differs, has_changed) {
                (false, _) => SAME,
                (true, false) => DIFFERS,
                (true, true) => CHANGED,
            };
        }
    }

    /// How many cells the largest piece has of which at least this share has changed lately and `is_thing` says yes to its
    /// cells. Cells are connected with all eight around them.
    pub(super) fn largest(&mut self, share: f32, is_thing: impl Fn(&[u32]) -> bool) -> usize {
        let mut largest = 0;
        for start in 0..self.marks.len() {
            if !matches!(self.marks[start], DIFFERS | CHANGED) {
                continue;
            }
            let changed = self.fill(start);
            let moves = changed as f32 >= share * self.piece.len() as f32 && is_thing(&self.piece);
            let mark = if moves { MOVES } else { STANDS };
            self.piece.iter().for_each(|&cell| self.marks[cell as usize] = mark);
            if moves {
                largest = largest.max(self.piece.len());
            }
        }
        largest
    }

    /// Whether a cell is in a piece that moves.
    pub(super) fn is_moving(&self, cell: usize) -> bool {
        self.marks[cell] == MOVES
    }

    /// Collects the piece with this cell; returns how many of its cells have changed lately.
    fn fill(&mut self, start: usize) -> usize {
        self.piece.clear();
        let mut changed = 0;
        let mut take = |marks: &mut [u8], piece: &mut Vec<u32>, at: usize| {
            if matches!(marks[at], DIFFERS | CHANGED) {
                changed += usize::from(marks[at] == CHANGED);
                marks[at] = STANDS;
                piece.push(at as u32);
            }
        };
        take(&mut self.marks, &mut self.piece, start);
        let mut next = 0;
        while let Some(&cell) = self.piece.get(next) {
            next += 1;
            let (x, y) = (cell as usize % self.width, cell as usize / self.width);
            for row in y.saturating_sub(1)..=(y + 1).min(self.marks.len() / self.width - 1) {
                for column in x.saturating_sub(1)..=(x + 1).min(self.width - 1) {
                    take(&mut self.marks, &mut self.piece, row * self.width + column);
                }
            }
        }
        changed
    }
}
