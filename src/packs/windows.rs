//! The parts of a text that patterns are tried on.

use memchr::{memchr, memrchr};
use std::ops::Range;

/// How far a pattern sees to either side of its literal, at the least, in bytes.
const REACH_BYTES: usize = 2048;

/// So many windows are kept of each literal, the last ones: the cause stands at the end.
pub(super) const WINDOWS: usize = 8;

/// Return the line around a place; of a longer line the blocks around the one it stands in, so that all places in one
/// block have the same window.
pub(super) fn window(text: &[u8], place: usize) -> Range<usize> {
    let block = block_of(place);
    let from = block.saturating_sub(REACH_BYTES);
    let start = memrchr(b'\n', &text[from..place]).map_or(from, |found| from + found + 1);
    start..window_end(text, place)
}

/// Where the window around a place ends.
pub(super) fn window_end(text: &[u8], place: usize) -> usize {
    let to = text.len().min(block_of(place) + 2 * REACH_BYTES);
    memchr(b'\n', &text[place..to]).map_or(to, |found| place + found)
}

/// Where the block of a place begins.
fn block_of(place: usize) -> usize {
    place / REACH_BYTES * REACH_BYTES
}

/// Where literals stand in a text: of each the last place in each of its last windows.
#[derive(Debug, Default)]
pub(super) struct Places {
    /// Numbers of literals and where they begin, in that order once [`Places::finish`] is called.
    found: Vec<(u32, usize)>,
    /// How many to gather before they are thinned out.
    limit: usize,
}

/// Places are thinned out when there are so many; ordinary texts have fewer.
const GATHERED: usize = 256;

impl Places {
    /// Add a place behind all others of its literal.
    pub(super) fn add(&mut self, text: &[u8], literal: u32, start: usize) {
        if self.found.len() >= self.limit.max(GATHERED) {
            self.finish(text);
            self.limit = 2 * self.found.len();
        }
        self.found.push((literal, start));
    }

    /// Forget what was found, and let go of a buffer larger than this.
    pub(super) fn clear(&mut self, most_bytes: usize) {
        self.found.clear();
        self.found.shrink_to(most_bytes / size_of::<(u32, usize)>());
        self.limit = 0;
    }

    /// Sort the places, and leave out those that the last windows of their literals do not need.
    pub(super) fn finish(&mut self, text: &[u8]) {
        self.found.sort_unstable();
        // Those that are kept move to the end, the last one first.
        let mut kept = self.found.len();
        let (mut literal, mut windows, mut from) = (None, 0, 0);
        for index in (0..self.found.len()).rev() {
            let (other, start) = self.found[index];
            if literal != Some(other) {
                (literal, windows, from) = (Some(other), 0, usize::MAX);
            }
            if start >= from || windows == WINDOWS {
                continue;
            }
            windows += 1;
            let alone = index == 0 || self.found[index - 1].0 != other;
            if !alone {
                from = window(text, start).start.max(block_of(start));
            }
            kept -= 1;
            self.found[kept] = (other, start);
        }
        self.found.drain(..kept);
    }

    /// The literals that were found, each with its last place.
    pub(super) fn last_of_each(&self) -> impl Iterator<Item = (u32, usize)> {
        self.found.chunk_by(|left, right| left.0 == right.0).map(|places| places[places.len() - 1])
    }

    /// Where a literal begins, in order.
    pub(super) fn of(&self, literal: u32) -> &[(u32, usize)] {
        let from = self.found.partition_point(|(other, _)| *other < literal);
        let count = self.found[from..].partition_point(|(other, _)| *other == literal);
        &self.found[from..from + count]
    }
}
