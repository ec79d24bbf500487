//! Finds a time in a recording: by its index, or else by probing for clusters.

use std::time::Duration;

use super::super::id;
use super::element::{ElementHead, elements, number};
use super::source::{Source, fill};
use super::{CLUSTER_HEAD, CLUSTER_MAX, Cluster, Place, ReadError, Reader};

/// The longest index that is read, in bytes: that of weeks.
const INDEX_MAX: u64 = 16 << 20;

/// Bytes that are read at once of an index, or to find a cluster.
const PIECE: usize = 64 << 10;

/// The most places that are probed in one seek: halving alone needs no more.
const PROBES_MAX: usize = 64;

/// The most bytes that are searched for clusters in one seek.
const SEARCHED_MAX: u64 = 64 << 20;

/// The most blocks that a seek passes from the beginning of the cluster that it found.
const PASSED_MAX: usize = 4096;

impl<S: Source> Reader<S> {
    /// Makes the last block at or before this time the next one; without one, the first.
    ///
    /// # Errors
    /// When the system does not read it. Damage is no error: the block before it is found.
    pub fn seek(&mut self, to: Duration) -> Result<(), ReadError> {
        let ms = u64::try_from(to.as_millis()).unwrap_or(u64::MAX);
        self.go_near(ms)?;
        self.pass(|block_ms| block_ms <= ms)
    }

    /// The time of the last frame: as the file says if it was closed, else as the last cluster does. `None` if there is no
    /// frame. The next block stays the next one.
    ///
    /// # Errors
    /// When the system does not read it.
    pub fn duration(&mut self) -> Result<Option<Duration>, ReadError> {
        if self.header.duration.is_some() {
            return Ok(self.header.duration);
        }
        self.length = self.source.length()?;
        let before = self.place;
        self.go_near(u64::MAX)?;
        self.pass(|_| true)?;
        let last = self.next_block();
        self.place = before;
        match last {
            Ok(block) => Ok(block.map(|block| block.at)),
            Err(ReadError::Io(error)) => Err(error.into()),
            Err(_) => Ok(None),
        }
    }

    /// Goes to the beginning of the cluster that holds the last block at or before `ms`, or of one before it.
    fn go_near(&mut self, ms: u64) -> Result<(), ReadError> {
        let start = Place { at: self.header.clusters, cluster: None, ms: 0 };
        let of = |found: Option<Cluster>| found.map_or(start, |cluster| Place { at: cluster.at, ..start });
        let found = self.find_cluster(ms)?;
        self.place = of(found);
        if let (Some(cut), false) = (found, matches!(self.next_block(), Ok(Some(_)))) {
            // None of its blocks is whole.
            let before = self.find_cluster(cut.ms.saturating_sub(1))?;
            self.place = of(before);
        } else {
            self.place = of(found);
        }
        Ok(())
    }

    /// Makes the last block the next one of those that follow and whose time, in ms, is `wanted`.
    fn pass(&mut self, wanted: impl Fn(u64) -> bool) -> Result<(), ReadError> {
        let mut last = self.place;
        for _ in 0..PASSED_MAX {
            let before = self.place;
            match self.next_block() {
                Ok(Some(_)) if wanted(self.place.ms) => last = before,
                Err(ReadError::Io(error)) => return Err(error.into()),
                Ok(_) | Err(_) => break,
            }
        }
        self.place = last;
        Ok(())
    }

    /// The cluster that holds the last frame at or before `ms`, or one not far before it; `None` if there is none.
    fn find_cluster(&mut self, ms: u64) -> Result<Option<Cluster>, ReadError> {
        self.length = self.source.length()?;
        // A damaged index may lead anywhere.
        let by_index = match self.header.index.filter(|index| *index < self.length) {
            Some(index) => self.look_up(index, ms)?,
            None => None,
        };
        if let Some(at) = by_index.filter(|at| *at < self.length)
            && let Some(cluster) = self.cluster_at(at)?.filter(|cluster| cluster.ms <= ms)
        {
            return Ok(Some(cluster));
        }
        self.probe(ms)
    }

    /// Where the index says that the last cluster at or before `ms` begins.
    fn look_up(&mut self, index: u64, ms: u64) -> Result<Option<u64>, ReadError> {
        let head = ElementHead::of(self.peek(index, 12)?).filter(|head| head.id == id::CUES);
        let Some((head, size)) = head.and_then(|head| Some((head, head.size?))) else { return Ok(None) };
        let mut at = index + head.length as u64;
        let end = at.saturating_add(size.min(INDEX_MAX));
        let (mut piece, mut found) = (vec![0; PIECE], None);
        while at < end {
            let filled = fill(&self.source, &mut piece, at)?;
            let mut used = 0;
            for (id, point) in elements(&piece[..filled]) {
                let cue = cue(point).filter(|_| id == id::CUE_POINT);
                match cue {
                    Some((time, position)) if time <= ms => found = Some(position),
                    _ => return Ok(found.and_then(|position| self.header.segment.checked_add(position))),
                }
                used = point.as_ptr_range().end as usize - piece.as_ptr() as usize;
            }
            if used == 0 {
                break; // cut off
            }
            at += used as u64;
        }
        Ok(found.and_then(|position| self.header.segment.checked_add(position)))
    }

    /// The last cluster at or before `ms`, found without an index.
    fn probe(&mut self, ms: u64) -> Result<Option<Cluster>, ReadError> {
        let Some(mut low) = self.cluster_at(self.header.clusters)? else { return Ok(None) };
        let Some(last) = self.last_cluster()? else { return Ok(Some(low)) };
        if last.ms <= ms {
            return Ok(Some(last));
        }
        // No cluster that begins at `high` or behind it is the right one.
        let (mut high, mut high_ms) = (last.at, last.ms);
        let mut left = SEARCHED_MAX;
        for probe in 0..PROBES_MAX {
            if let Some(next) = self.cluster_at(low.end)?.filter(|next| next.ms <= ms && next.at < high) {
                low = next;
            }
            if low.end >= high || left == 0 {
                break;
            }
            let span = high - low.end;
            // As far as the time says, were all frames alike; every other time half, so that it ends.
            let share = (ms.saturating_sub(low.ms)) as f64 / (high_ms.saturating_sub(low.ms)).max(1) as f64;
            let share = if probe % 2 == 0 { share.min(0.98) } else { 0.5 };
            let lead = (low.end - low.at) / 2;
            let from = low.end + ((span as f64 * share) as u64).saturating_sub(lead).min(span - 1);
            match self.search(from, high, &mut left)? {
                Some(found) if found.ms <= ms && found.at > low.at => low = found,
                Some(found) => (high, high_ms) = (from, found.ms),
                None => high = from,
            }
        }
        Ok(Some(low))
    }

    /// The first cluster that begins at `from` or behind it, but before `to`.
    fn search(&mut self, from: u64, to: u64, left: &mut u64) -> Result<Option<Cluster>, ReadError> {
        let (mut piece, mut at) = (vec![0; PIECE], from);
        while at < to && *left > 0 {
            let filled = fill(&self.source, &mut piece, at)?;
            *left = left.saturating_sub(filled as u64);
            for place in places(&piece[..filled]) {
                let found = Cluster::parse(&piece[place..filled], at + place as u64);
                if let Some(cluster) = found.filter(|cluster| cluster.at < to)
                    && self.is_followed(cluster)?
                {
                    return Ok(Some(cluster));
                }
            }
            match filled.checked_sub(CLUSTER_HEAD - 1) {
                Some(step) if filled == PIECE => at += step as u64, // a head may begin in the rest
                _ => break,
            }
        }
        Ok(None)
    }

    /// The last cluster in the file.
    fn last_cluster(&mut self) -> Result<Option<Cluster>, ReadError> {
        let first = self.header.clusters;
        let (mut piece, mut end, mut left) = (vec![0; PIECE], self.length, CLUSTER_MAX);
        while end > first && left > 0 {
            let from = end.saturating_sub((PIECE - CLUSTER_HEAD) as u64).max(first);
            let filled = fill(&self.source, &mut piece, from)?;
            left = left.saturating_sub(filled as u64);
            let heads: Vec<_> = places(&piece[..filled]).collect();
            for place in heads.into_iter().rev() {
                if let Some(cluster) = Cluster::parse(&piece[place..filled], from + place as u64)
                    && self.is_followed(cluster)?
                {
                    return Ok(Some(cluster));
                }
            }
            end = from;
        }
        Ok(None)
    }

    /// Whether behind this cluster stands what may stand there. Bytes of a picture that look like a cluster are not followed
    /// by another one.
    fn is_followed(&mut self, cluster: Cluster) -> Result<bool, ReadError> {
        if cluster.end >= self.length {
            return Ok(true);
        }
        let next = self.peek(cluster.end, CLUSTER_HEAD)?;
        let is_end = next.len() < CLUSTER_HEAD || next.iter().all(|byte| *byte == 0);
        Ok(is_end || next.starts_with(&id::CUES.to_be_bytes()) || Cluster::parse(next, cluster.end).is_some())
    }
}

/// The time of an entry of the index in ms, and the position that it gives.
fn cue(point: &[u8]) -> Option<(u64, u64)> {
    let places = elements(point).find(|(id, _)| *id == id::CUE_TRACK_POSITIONS)?;
    Some((number(point, id::CUE_TIME)?, number(places.1, id::CUE_CLUSTER_POSITION)?))
}

/// Where a cluster's identifier stands in `bytes`.
fn places(bytes: &[u8]) -> impl Iterator<Item = usize> {
    let id = id::CLUSTER.to_be_bytes();
    let last = bytes.len().saturating_sub(id.len() - 1);
    let mut from = 0;
    std::iter::from_fn(move || {
        while from < last {
            let at = from + bytes[from..last].iter().position(|byte| *byte == id[0])?;
            from = at + 1;
            if bytes[at..].starts_with(&id) {
                return Some(at);
            }
        }
        None
    })
}
