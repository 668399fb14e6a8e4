//! Buffers of a search, which the next one of the same thread uses again.

use super::super::text::Lowered;
use super::super::trigrams::Trigrams;
use super::finds::Finds;
use super::search::Candidate;
use std::cell::Cell;

/// Larger buffers are not kept.
const MOST_BYTES: usize = 64 * 1024;

/// Buffers of a search.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    pub(super) text: Lowered,
    pub(super) trigrams: Trigrams,
    pub(super) evidence: Finds,
    pub(super) conditions: Finds,
    pub(super) candidates: Vec<Candidate>,
}

/// Call `search` with the buffers of this thread.
pub(super) fn with_scratch<T>(search: impl FnOnce(&mut Scratch) -> T) -> T {
    thread_local! {
        static SCRATCH: Cell<Option<Box<Scratch>>> = const { Cell::new(None) };
    }
    let mut scratch = SCRATCH.take().unwrap_or_default();
    let found = search(&mut scratch);
    scratch.clear();
    SCRATCH.set(Some(scratch));
    found
}

impl Scratch {
    fn clear(&mut self) {
        self.text.shrink(MOST_BYTES);
        self.trigrams.clear();
        self.evidence.clear(MOST_BYTES);
        self.conditions.clear(MOST_BYTES);
        self.candidates.clear();
        self.candidates.shrink_to(MOST_BYTES / size_of::<Candidate>());
    }
}
