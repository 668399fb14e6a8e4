//! Finding which of many literals occur in a text.

use aho_corasick::automaton::Automaton;
use aho_corasick::dfa::DFA;
use aho_corasick::nfa::contiguous::NFA;
use aho_corasick::{Anchored, MatchKind, Span, packed};

/// Literals of this many bytes in all get a DFA, of about 150 bytes each; more get an automaton that is a tenth of the
/// size and half as fast.
const DFA_BYTES: usize = 256 * 1024;

/// After so many finds the packed searcher hands over to the automaton, whose pace does not depend on finds.
const PACKED_FINDS: usize = 16;

/// Distinct literals, compiled.
///
/// Texts without any are the most common, and a packed (SIMD) searcher leaves them fastest. It starts anew after each
/// find, so an automaton takes over where finds are many.
#[derive(Debug)]
pub(super) struct Anchors {
    count: usize,
    /// None where the literals are too many for it.
    packed: Option<Packed>,
    automaton: Engine,
}

#[derive(Debug)]
struct Packed {
    /// Finds the leftmost literal, the longest that begins there.
    searcher: packed::Searcher,
    /// For each literal those that it begins with, itself included: they begin there too.
    prefixes: Vec<Vec<usize>>,
}

#[derive(Debug)]
enum Engine {
    Dfa(DFA),
    Nfa(NFA),
    /// No automaton can be built: there are no literals, or absurdly many. All count as present.
    None,
}

impl Anchors {
    /// Compile `literals`, distinct and not empty.
    pub(super) fn new(literals: &[&str]) -> Self {
        let bytes: usize = literals.iter().map(|literal| literal.len()).sum();
        let dfa = || DFA::builder().match_kind(MatchKind::Standard).prefilter(false).build(literals);
        let nfa = || NFA::builder().match_kind(MatchKind::Standard).prefilter(false).build(literals);
        let automaton = if literals.is_empty() {
            Engine::None
        } else if bytes <= DFA_BYTES {
            dfa().map_or(Engine::None, Engine::Dfa)
        } else {
            nfa().map_or(Engine::None, Engine::Nfa)
        };
        Self { count: literals.len(), packed: Packed::new(literals), automaton }
    }

    /// Call `found` once for each literal that occurs in `text`, in no particular order.
    pub(super) fn each_present(&self, text: &[u8], found: impl FnMut(usize)) {
        let mut finds = Finds { words: self.count.div_ceil(64), present: Vec::new(), found };
        let mut from = 0;
        if let Some(packed) = &self.packed {
            for _ in 0..PACKED_FINDS {
                let rest = Span { start: from, end: text.len() };
                let Some(leftmost) = packed.searcher.find_in(text, rest) else { return };
                for literal in &packed.prefixes[leftmost.pattern().as_usize()] {
                    finds.add(*literal);
                }
                from = leftmost.start() + 1;
            }
        }
        match &self.automaton {
            Engine::Dfa(dfa) => walk(dfa, &text[from..], &mut finds),
            Engine::Nfa(nfa) => walk(nfa, &text[from..], &mut finds),
            Engine::None => (0..self.count).for_each(|literal| {
                finds.add(literal);
            }),
        }
    }
}

impl Packed {
    fn new(literals: &[&str]) -> Option<Self> {
        let mut config = packed::Config::new();
        let builder = &mut config.match_kind(packed::MatchKind::LeftmostLongest).builder();
        let searcher = builder.extend(literals).build()?;
        let prefixes_of = |whole: &&str| {
            let numbered = literals.iter().enumerate();
            numbered.filter(|(_, part)| whole.starts_with(**part)).map(|(number, _)| number).collect()
        };
        Some(Self { searcher, prefixes: literals.iter().map(prefixes_of).collect() })
    }
}

/// Walk over all of `text`, one step a byte.
///
/// The literals of a state are the longest one that ends there and the ends of that one that are literals themselves.
/// So where the first is known, all are, and the walk is linear however many end at the same place.
fn walk(automaton: &impl Automaton, text: &[u8], finds: &mut Finds<impl FnMut(usize)>) {
    let Ok(mut state) = automaton.start_state(Anchored::No) else { return };
    for byte in text {
        state = automaton.next_state(Anchored::No, state, *byte);
        if automaton.is_special(state) && automaton.is_match(state) {
            for index in 0..automaton.match_len(state) {
                if !finds.add(automaton.match_pattern(state, index).as_usize()) {
                    break;
                }
            }
        }
    }
}

/// Literals found so far.
struct Finds<F> {
    words: usize,
    /// A bit for each literal; empty up to the first find.
    present: Vec<u64>,
    found: F,
}

impl<F: FnMut(usize)> Finds<F> {
    /// Return whether the literal is new.
    fn add(&mut self, literal: usize) -> bool {
        self.present.resize(self.words, 0);
        let (word, bit) = (&mut self.present[literal / 64], 1 << (literal % 64));
        if *word & bit != 0 {
            return false;
        }
        *word |= bit;
        (self.found)(literal);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn present(anchors: &Anchors, text: &str) -> Vec<usize> {
        let mut present = Vec::new();
        anchors.each_present(text.as_bytes(), |literal| present.push(literal));
        present.sort_unstable();
        present
    }

    fn naive(literals: &[&str], text: &str) -> Vec<usize> {
        (0..literals.len()).filter(|number| text.contains(literals[*number])).collect()
    }

    #[test]
    fn no_literals_are_never_found() {
        assert!(present(&Anchors::new(&[]), "text").is_empty());
    }

    #[test]
    fn every_engine_finds_literals_that_hide_each_other() {
        let literals = ["b", "abc", "ab", "bcd", "c", "abcde", "x"];
        let many: Vec<String> = (0..200).map(|number| format!("literal {number}")).collect();
        let padded: Vec<&str> = literals.into_iter().chain(many.iter().map(String::as_str)).collect();
        let mut nfa = Anchors::new(&padded);
        nfa.automaton = Engine::Nfa(NFA::builder().match_kind(MatchKind::Standard).build(&padded).unwrap());
        let few = Anchors::new(&literals);
        let dfa = Anchors::new(&padded);
        assert!(dfa.packed.is_none() && matches!(dfa.automaton, Engine::Dfa(_)));
        for anchors in [few, dfa, nfa] {
            assert_eq!(present(&anchors, "abcd"), [0, 1, 2, 3, 4]);
            assert_eq!(present(&anchors, &"abcd ".repeat(100)), [0, 1, 2, 3, 4]);
            assert_eq!(present(&anchors, &format!("{}abcde", "c".repeat(100))), [0, 1, 2, 3, 4, 5]);
        }
    }

    #[test]
    fn literals_that_all_end_at_the_same_places_cost_one_step_a_byte() {
        // A report for each literal at each place would be four thousand million.
        let runs: Vec<String> = (1..=2000).map(|length| "a".repeat(length)).chain(["b".to_owned()]).collect();
        let runs: Vec<&str> = runs.iter().map(String::as_str).collect();
        let found = present(&Anchors::new(&runs), &"a".repeat(2_000_000));
        assert_eq!(found, (0..2000).collect::<Vec<_>>());
    }

    proptest! {
        #[test]
        fn finds_what_a_search_for_each_finds(
            literals in proptest::collection::btree_set("[ab]{1,4}|[abc]{3}", 1..100),
            text in "[abc]{0,8}|[abcd]{0,60}",
        ) {
            let literals: Vec<&str> = literals.iter().map(String::as_str).collect();
            prop_assert_eq!(present(&Anchors::new(&literals), &text), naive(&literals, &text));
        }
    }
}
