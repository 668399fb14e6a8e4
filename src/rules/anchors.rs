//! Finding which of many literals occur in a text.

#[cfg(target_arch = "x86_64")]
use super::grams::Grams;
use super::lowercase::ascii_letters;
use aho_corasick::automaton::Automaton;
use aho_corasick::dfa::DFA;
use aho_corasick::nfa::contiguous::NFA;
use aho_corasick::{Anchored, MatchKind, Span, packed};
use memchr::memmem;

/// Literals of this many bytes in all get a DFA, of about 150 bytes each; more get an automaton that is a tenth of the
/// size and half as fast.
const DFA_BYTES: usize = 256 * 1024;

/// After so many finds the packed searcher hands over to the automaton, whose pace does not depend on finds.
const PACKED_FINDS: usize = 16;

/// Distinct literals, compiled.
///
/// Texts without any are the most common, and a filter leaves them fastest. Finds slow it down, so an automaton takes
/// over where they are many.
#[derive(Debug)]
pub(super) struct Anchors {
    count: usize,
    filter: Filter,
    automaton: Engine,
}

#[derive(Debug)]
enum Filter {
    #[cfg(target_arch = "x86_64")]
    Grams(Grams),
    Packed(Packed),
    /// The literals are too many for any.
    None,
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
    /// No automaton can be built: there are no literals, or absurdly many. Each is searched for.
    Each(Vec<memmem::Finder<'static>>),
}

impl Anchors {
    /// Compile `literals`, distinct and not empty.
    pub(super) fn new(literals: &[&str]) -> Self {
        let bytes: usize = literals.iter().map(|literal| literal.len()).sum();
        let automaton = if literals.is_empty() {
            None
        } else if bytes <= DFA_BYTES {
            Engine::dfa(literals)
        } else {
            Engine::nfa(literals)
        };
        let automaton = automaton.unwrap_or_else(|| Engine::each(literals));
        Self { count: literals.len(), filter: Filter::new(literals), automaton }
    }

    /// Call `found` once for each literal that occurs in `text` when its letters of ASCII are lower-cased, with a place
    /// before which it does not occur; in no particular order.
    pub(super) fn each_present(&self, text: &[u8], found: impl FnMut(usize, usize)) {
        let mut finds = Finds::new(self.count, found);
        let handed_over = match &self.filter {
            #[cfg(target_arch = "x86_64")]
            Filter::Grams(grams) => grams.search(text, &mut finds),
            Filter::Packed(packed) => packed.search(text, &mut finds),
            Filter::None => Some(0),
        };
        let Some(from) = handed_over else { return };
        match &self.automaton {
            Engine::Dfa(dfa) => walk(dfa, text, from, &mut finds),
            Engine::Nfa(nfa) => walk(nfa, text, from, &mut finds),
            Engine::Each(literals) => {
                let lowered = ascii_letters(text);
                for (number, literal) in literals.iter().enumerate() {
                    if let Some(start) = literal.find(&lowered) {
                        finds.add(number, start);
                    }
                }
            }
        }
    }
}

impl Engine {
    fn dfa(literals: &[&str]) -> Option<Self> {
        DFA::builder().match_kind(MatchKind::Standard).prefilter(false).build(literals).ok().map(Self::Dfa)
    }

    fn nfa(literals: &[&str]) -> Option<Self> {
        NFA::builder().match_kind(MatchKind::Standard).prefilter(false).build(literals).ok().map(Self::Nfa)
    }

    fn each(literals: &[&str]) -> Self {
        Self::Each(literals.iter().map(|literal| memmem::Finder::new(literal.as_bytes()).into_owned()).collect())
    }
}

impl Filter {
    fn new(literals: &[&str]) -> Self {
        #[cfg(target_arch = "x86_64")]
        if let Some(grams) = Grams::new(literals) {
            return Self::Grams(grams);
        }
        Packed::new(literals).map_or(Self::None, Self::Packed)
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

    /// Add to `finds` what `text` contains; return None when all is found, else the place from which on to go on.
    fn search(&self, text: &[u8], finds: &mut Finds<impl FnMut(usize, usize)>) -> Option<usize> {
        let lowered = ascii_letters(text);
        let mut from = 0;
        for _ in 0..PACKED_FINDS {
            let leftmost = self.searcher.find_in(&lowered, Span { start: from, end: text.len() })?;
            for literal in &self.prefixes[leftmost.pattern().as_usize()] {
                finds.add(*literal, leftmost.start());
            }
            from = leftmost.start() + 1;
        }
        Some(from)
    }
}

/// Walk over all of `text` from `from` on, one step a byte.
///
/// The literals of a state are the longest one that ends there and the ends of that one that are literals themselves.
/// So where the first is known, all are, and the walk is linear however many end at the same place.
fn walk(automaton: &impl Automaton, text: &[u8], from: usize, finds: &mut Finds<impl FnMut(usize, usize)>) {
    let Ok(mut state) = automaton.start_state(Anchored::No) else { return };
    for (index, byte) in text.iter().enumerate().skip(from) {
        state = automaton.next_state(Anchored::No, state, byte.to_ascii_lowercase());
        if automaton.is_special(state) && automaton.is_match(state) {
            for number in 0..automaton.match_len(state) {
                let literal = automaton.match_pattern(state, number);
                if !finds.add(literal.as_usize(), index + 1 - automaton.pattern_len(literal)) {
                    break;
                }
            }
        }
    }
}

/// The literals whose bits need no memory of their own.
const NEAR: usize = 256;

/// Literals found so far.
pub(super) struct Finds<F> {
    /// A bit for each of the first literals.
    near: [u64; NEAR / 64],
    /// Those of all literals; empty until one that is not near is found.
    all: Vec<u64>,
    count: usize,
    found: F,
}

impl<F: FnMut(usize, usize)> Finds<F> {
    fn new(count: usize, found: F) -> Self {
        Self { near: [0; NEAR / 64], all: Vec::new(), count, found }
    }

    /// Whether the literal is known to be there.
    pub(super) fn has(&self, literal: usize) -> bool {
        let bits = if literal < NEAR { &self.near[..] } else { &self.all };
        bits.get(literal / 64).is_some_and(|word| word >> (literal % 64) & 1 == 1)
    }

    /// Note that the literal stands at `start`; return whether it is new.
    pub(super) fn add(&mut self, literal: usize, start: usize) -> bool {
        if self.has(literal) {
            return false;
        }
        let bits = if literal < NEAR {
            &mut self.near[..]
        } else {
            self.all.resize(self.count.div_ceil(64), 0);
            &mut self.all
        };
        bits[literal / 64] |= 1 << (literal % 64);
        (self.found)(literal, start);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The literals that are found, each with the place that is named.
    fn found(anchors: &Anchors, text: &str) -> Vec<(usize, usize)> {
        let mut found = Vec::new();
        anchors.each_present(text.as_bytes(), |literal, start| found.push((literal, start)));
        found.sort_unstable();
        found
    }

    fn present(anchors: &Anchors, text: &str) -> Vec<usize> {
        found(anchors, text).into_iter().map(|(literal, _)| literal).collect()
    }

    fn naive(literals: &[&str], text: &str) -> Vec<(usize, usize)> {
        let lowered = text.to_ascii_lowercase();
        let numbered = literals.iter().enumerate();
        numbered.filter_map(|(number, literal)| lowered.find(literal).map(|start| (number, start))).collect()
    }

    /// As compiled for this machine, and with the other engines.
    fn all_engines(literals: &[&str]) -> Vec<Anchors> {
        let packed = || Packed::new(literals).map_or(Filter::None, Filter::Packed);
        let engines = [
            (Filter::new(literals), Engine::dfa(literals).unwrap()),
            (packed(), Engine::nfa(literals).unwrap()),
            (packed(), Engine::each(literals)),
            (Filter::None, Engine::dfa(literals).unwrap()),
        ];
        let count = literals.len();
        engines.into_iter().map(|(filter, automaton)| Anchors { count, filter, automaton }).collect()
    }

    #[test]
    fn no_literals_are_never_found() {
        assert!(present(&Anchors::new(&[]), "text").is_empty());
    }

    #[test]
    fn every_engine_finds_literals_that_hide_each_other() {
        let literals = ["b", "abc", "ab", "bcd", "c", "abcde", "x", "Abc"];
        let many: Vec<String> = (0..200).map(|number| format!("literal {number}")).collect();
        let padded: Vec<&str> = literals.into_iter().chain(many.iter().map(String::as_str)).collect();
        for anchors in all_engines(&literals).into_iter().chain(all_engines(&padded)) {
            assert_eq!(present(&anchors, "ABCD"), [0, 1, 2, 3, 4]);
            assert_eq!(present(&anchors, &"abcD ".repeat(100)), [0, 1, 2, 3, 4]);
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
        // Four engines are compiled for each.
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn every_engine_finds_what_a_search_for_each_finds(
            literals in proptest::collection::btree_set("[ab]{1,4}|[abcA]{3}|[abc\n ]{4,9}|é[ab]{3,5}|[abc]{20}", 1..100),
            pieces in proptest::collection::vec("[abcABC]{0,8}|[abcd ]{0,60}|é|\n", 0..20),
        ) {
            let literals: Vec<&str> = literals.iter().map(String::as_str).collect();
            let text = pieces.concat();
            for anchors in all_engines(&literals) {
                prop_assert_eq!(found(&anchors, &text), naive(&literals, &text));
            }
        }

        #[test]
        fn every_engine_finds_words_in_long_texts(
            words in proptest::collection::btree_set("[a-e]{4,12}", 1..60),
            pieces in proptest::collection::vec(("[a-zA-Z0-9 .:\n]{0,90}", any::<prop::sample::Index>(), any::<bool>()), 0..30),
        ) {
            let literals: Vec<&str> = words.iter().map(String::as_str).collect();
            let text: String = pieces.iter().flat_map(|(between, word, upper)| {
                let word = literals[word.index(literals.len())];
                [between.clone(), if *upper { word.to_uppercase() } else { word.to_owned() }]
            }).collect();
            for anchors in all_engines(&literals) {
                prop_assert_eq!(found(&anchors, &text), naive(&literals, &text));
            }
        }
    }
}
