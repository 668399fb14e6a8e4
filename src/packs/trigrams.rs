//! Which runs of three bytes a text has, as far as hashes of them tell.

use super::text::{Lowered, WORD, word};
use std::cell::RefCell;

/// Slots for hashes; of the runs of a message few share one.
const SLOTS: usize = 2048;

/// Longer texts have so many runs that nothing is ruled out.
const LONGEST_BYTES: usize = 1024;

/// A factor whose products scatter well, and whose lower bits decide about theirs.
const FACTOR: u32 = 0x9E37_79B1;

/// The runs of the text that was looked at last, and whether it has digits.
#[derive(Debug, Default)]
pub(super) struct Trigrams(RefCell<State>);

#[derive(Debug)]
struct State {
    /// In each slot the text that last had a run of this hash.
    slots: Box<[u8; SLOTS]>,
    text: u8,
    looked_at: bool,
    digits: bool,
}

/// Some runs of a literal, by their slots: a text without one of these does not have the literal.
#[derive(Debug, Clone, Copy)]
pub(super) struct Trace([u16; 3]);

impl Trace {
    /// Of a literal of three bytes or more.
    pub(super) fn new(literal: &[u8]) -> Self {
        let last = literal.len() - 3;
        Self([0, last / 2, last].map(|start| {
            let run = &literal[start..start + 3];
            slot(u64::from(run[0]) | u64::from(run[1]) << 8 | u64::from(run[2]) << 16)
        }))
    }
}

/// By the lowest 24 bits of a word alone.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "the bits above do not count")]
fn slot(word: u64) -> u16 {
    ((word as u32).wrapping_mul(FACTOR) >> 13) as u16 % SLOTS as u16
}

impl Trigrams {
    /// Forget the text before.
    pub(super) fn clear(&mut self) {
        self.0.get_mut().looked_at = false;
    }

    /// Whether a text is short enough for its runs to tell anything.
    pub(super) fn tell_of(text: &Lowered) -> bool {
        text.bytes().len() <= LONGEST_BYTES
    }

    /// Whether `text` may have one of these literals.
    pub(super) fn may_have(&self, text: &Lowered, literals: &[Trace]) -> bool {
        let state = self.of(text);
        state.is_none_or(|state| literals.iter().any(|trace| trace.0.iter().all(|slot| state.has(*slot))))
    }

    /// Whether `text` may have a digit.
    pub(super) fn may_have_digits(&self, text: &Lowered) -> bool {
        self.of(text).is_none_or(|state| state.digits)
    }

    /// What is known of a text; None for one that is too long.
    fn of(&self, text: &Lowered) -> Option<std::cell::Ref<'_, State>> {
        if !Self::tell_of(text) {
            return None;
        }
        if !self.0.borrow().looked_at {
            self.0.borrow_mut().look_at(text);
        }
        Some(self.0.borrow())
    }
}

impl Default for State {
    fn default() -> Self {
        Self { slots: Box::new([0; SLOTS]), text: 0, looked_at: false, digits: false }
    }
}

impl State {
    fn has(&self, slot: u16) -> bool {
        self.slots[usize::from(slot)] == self.text
    }

    fn look_at(&mut self, text: &Lowered) {
        self.text = self.text.wrapping_add(1);
        if self.text == 0 {
            self.slots.fill(0);
            self.text = 1;
        }
        self.looked_at = true;
        let runs = text.padded().windows(WORD).take(text.bytes().len());
        runs.for_each(|bytes| self.slots[usize::from(slot(word(bytes)))] = self.text);
        self.digits = text.bytes().iter().fold(false, |found, byte| found | byte.is_ascii_digit());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn lowered(text: &str) -> Lowered {
        let mut lowered = Lowered::default();
        lowered.set(text.as_bytes());
        lowered
    }

    #[test]
    fn what_a_text_lacks_is_ruled_out_and_each_text_starts_anew() {
        let mut trigrams = Trigrams::default();
        for round in 0..600 {
            trigrams.clear();
            let (text, other) = if round % 2 == 0 { ("connection lost", "refused") } else { ("refused", "lost") };
            assert!(trigrams.may_have(&lowered(text), &[Trace::new(b"refused"), Trace::new(b"lost")]));
            assert!(!trigrams.may_have(&lowered(text), &[Trace::new(other.as_bytes())]), "{round}");
            assert!(!trigrams.may_have_digits(&lowered(text)));
        }
        trigrams.clear();
        assert!(trigrams.may_have_digits(&lowered("error 5")));
        let long = lowered(&"x".repeat(LONGEST_BYTES + 1));
        assert!(Trigrams::default().may_have(&long, &[Trace::new(b"abc")]));
    }

    proptest! {
        #[test]
        fn nothing_that_a_text_has_is_ruled_out(text in "[a-c\u{e9}]{3,40}", from in 0_usize..40, length in 3_usize..20) {
            let lowered = lowered(&text);
            let from = from.min(lowered.bytes().len() - 3);
            let literal = &lowered.bytes()[from..lowered.bytes().len().min(from + length)];
            prop_assert!(Trigrams::default().may_have(&lowered, &[Trace::new(literal)]));
        }
    }
}
