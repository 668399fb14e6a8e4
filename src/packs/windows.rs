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
    window_start(text, place)..window_end(text, place)
}

/// Where the window around a place begins.
fn window_start(text: &[u8], place: usize) -> usize {
    let from = block_of(place).saturating_sub(REACH_BYTES);
    memrchr(b'\n', &text[from..place]).map_or(from, |found| from + found + 1)
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
    /// Where the next place of each literal goes while many are sorted, and the places then.
    next: Vec<u32>,
    sorted: Vec<(u32, usize)>,
}

/// Places are thinned out when there are so many; ordinary texts have fewer.
const GATHERED: usize = 2048;

/// To count the places of so many literals takes as long as to compare one place with others.
const COUNTED: usize = 8;

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
        for buffer in [&mut self.found, &mut self.sorted] {
            buffer.clear();
            buffer.shrink_to(most_bytes / size_of::<(u32, usize)>());
        }
        self.limit = 0;
    }

    /// Sort the places, and leave out those that the last windows of their literals do not need.
    pub(super) fn finish(&mut self, text: &[u8]) {
        self.sort();
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
                from = window_start(text, start).max(block_of(start));
            }
            kept -= 1;
            self.found[kept] = (other, start);
        }
        self.found.drain(..kept);
    }

    /// Sort the places; those of one literal are in order already.
    fn sort(&mut self) {
        let literals = self.found.iter().map(|(literal, _)| *literal as usize + 1).max().unwrap_or(0);
        if COUNTED * self.found.len() <= literals {
            self.found.sort_unstable();
            return;
        }
        self.next.clear();
        self.next.resize(literals + 1, 0);
        for (literal, _) in &self.found {
            self.next[*literal as usize + 1] += 1;
        }
        for literal in 1..literals {
            self.next[literal] += self.next[literal - 1];
        }
        self.sorted.clear();
        self.sorted.resize(self.found.len(), (0, 0));
        for place in &self.found {
            let next = &mut self.next[place.0 as usize];
            self.sorted[*next as usize] = *place;
            *next += 1;
        }
        std::mem::swap(&mut self.found, &mut self.sorted);
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    proptest! {
        #[test]
        fn of_each_literal_the_last_place_in_its_last_windows_is_kept(
            steps in proptest::collection::vec((0_usize..40, 0_u32..4, 0_usize..6), 0..200),
            repeated in 1_usize..60,
            spread in prop_oneof![Just(1_u32), Just(3000)],
        ) {
            let (mut text, mut places) = (Vec::new(), Places::default());
            let mut added = Vec::new();
            for (length, literal, kind) in std::iter::repeat_n(&steps, repeated).flatten() {
                added.push((literal * spread, text.len()));
                text.resize(text.len() + length, b'x');
                text.push(if *kind == 0 { b'\n' } else { b'x' });
            }
            let mut expected: BTreeMap<u32, BTreeMap<usize, usize>> = BTreeMap::new();
            for (literal, start) in added {
                places.add(&text, literal, start);
                let window = window_start(&text, start).max(block_of(start));
                expected.entry(literal).or_default().insert(window, start);
            }
            places.finish(&text);
            let last = |(literal, windows): (u32, BTreeMap<usize, usize>)| {
                let skipped = windows.len().saturating_sub(WINDOWS);
                windows.into_values().skip(skipped).map(move |start| (literal, start)).collect::<Vec<_>>()
            };
            let expected: Vec<(u32, usize)> = expected.into_iter().flat_map(last).collect();
            prop_assert_eq!(places.found, expected);
        }
    }
}
