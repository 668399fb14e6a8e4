//! Finding where any of thousands of literals stands in a text.

use std::collections::HashMap;

/// Words of the filter. With 64 bits each, 32 KiB: what a processor keeps nearest at hand.
const FILTER_BITS: u32 = 12;

/// Literals, compiled.
///
/// Of each literal four bytes that are rare among all of them stand for it, its gram (of a literal of three bytes all of
/// it). At each place of a text one bit tells whether any gram may begin there; only then are literals compared. The
/// steps depend on nothing before them, so that the processor takes several at once, which no automaton lets it do; and
/// nothing changes while texts are searched, so that none can slow the ones after it.
#[derive(Debug)]
pub(super) struct Anchors {
    /// The three first bytes of a gram choose a word, the fourth a bit of it.
    filter: Box<[u64]>,
    /// For each word where its entries begin; one more for where the last ones end.
    starts: Box<[u32]>,
    entries: Box<[Entry]>,
    literals: Box<[Box<[u8]>]>,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    gram: u32,
    /// Which bytes of the gram count.
    mask: u32,
    /// Where the gram stands in the literal.
    offset: u32,
    literal: u32,
}

/// The gram at the beginning of `bytes`, which are three or more; of three the fourth is taken for zero.
fn gram(bytes: &[u8]) -> u32 {
    let fourth = bytes.get(3).copied().unwrap_or(0);
    u32::from_le_bytes([bytes[0], bytes[1], bytes[2], fourth])
}

/// The word of a gram's first three bytes: Fibonacci hashing.
fn word(gram: u32) -> usize {
    ((gram << 8).wrapping_mul(0x9E37_79B1) >> (u32::BITS - FILTER_BITS)) as usize
}

fn bit(gram: u32) -> u64 {
    1 << ((gram >> 24) & 63)
}

impl Anchors {
    /// Compile `literals`, distinct and of three bytes or more each.
    pub(super) fn new(literals: &[&[u8]]) -> Self {
        let rarity = Rarity::new(literals);
        let mut load: HashMap<usize, u64> = HashMap::new();
        let mut entries = Vec::with_capacity(literals.len());
        for (literal, bytes) in (0..).zip(literals) {
            let entry = if bytes.len() < 4 {
                Entry { gram: gram(bytes), mask: 0x00FF_FFFF, offset: 0, literal }
            } else {
                // A crowded word is worth avoiding too: all its entries are looked at.
                let cost = |start: &usize| {
                    let crowd = load.get(&word(gram(&bytes[*start..]))).copied().unwrap_or(0);
                    rarity.commonness(&bytes[*start..*start + 4]).saturating_mul(1 + crowd)
                };
                let start = (0..=bytes.len() - 4).min_by_key(cost).unwrap_or(0);
                let offset = u32::try_from(start).unwrap_or(0);
                Entry { gram: gram(&bytes[start..]), mask: u32::MAX, offset, literal }
            };
            *load.entry(word(entry.gram)).or_default() += 1;
            entries.push(entry);
        }
        entries.sort_by_key(|entry: &Entry| word(entry.gram));
        let mut filter = vec![0; 1 << FILTER_BITS];
        let mut starts = vec![0; (1 << FILTER_BITS) + 1];
        for entry in &entries {
            filter[word(entry.gram)] |= if entry.mask == u32::MAX { bit(entry.gram) } else { u64::MAX };
            starts[word(entry.gram) + 1] += 1;
        }
        for index in 1..starts.len() {
            starts[index] += starts[index - 1];
        }
        Self {
            filter: filter.into(),
            starts: starts.into(),
            entries: entries.into(),
            literals: literals.iter().map(|bytes| Box::from(*bytes)).collect(),
        }
    }

    /// The literal of this number.
    pub(super) fn literal(&self, number: usize) -> &[u8] {
        &self.literals[number]
    }

    /// Call `found` with the number of a literal and where it begins, for each place of each; the places of one literal
    /// come in order.
    pub(super) fn each(&self, text: &[u8], mut found: impl FnMut(usize, usize)) {
        let Some(last) = text.len().checked_sub(3) else { return };
        for (position, bytes) in text.windows(4).enumerate() {
            let gram = u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
            if self.filter[word(gram)] & bit(gram) != 0 {
                self.compare(text, position, gram, &mut found);
            }
        }
        // A literal of three bytes may end the text.
        self.compare(text, last, gram(&text[last..]), &mut found);
    }

    #[inline(never)]
    fn compare(&self, text: &[u8], position: usize, gram: u32, found: &mut impl FnMut(usize, usize)) {
        let word = word(gram);
        for entry in &self.entries[self.starts[word] as usize..self.starts[word + 1] as usize] {
            if (gram ^ entry.gram) & entry.mask != 0 {
                continue;
            }
            let Some(start) = position.checked_sub(entry.offset as usize) else { continue };
            if text[start..].starts_with(&self.literals[entry.literal as usize]) {
                found(entry.literal as usize, start);
            }
        }
    }
}

/// How often two bytes stand side by side in the literals, which are much like the texts they are looked for in.
struct Rarity {
    pairs: HashMap<[u8; 2], u64>,
}

impl Rarity {
    fn new(literals: &[&[u8]]) -> Self {
        let mut pairs = HashMap::new();
        for pair in literals.iter().flat_map(|literal| literal.windows(2)) {
            *pairs.entry([pair[0], pair[1]]).or_default() += 1;
        }
        Self { pairs }
    }

    fn commonness(&self, gram: &[u8]) -> u64 {
        gram.windows(2).map(|pair| self.pairs.get(&[pair[0], pair[1]]).copied().unwrap_or(1)).product()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn found(literals: &[&[u8]], text: &[u8]) -> Vec<(usize, usize)> {
        let mut found = Vec::new();
        Anchors::new(literals).each(text, |literal, start| found.push((literal, start)));
        found.sort_unstable();
        found
    }

    #[test]
    fn literals_are_found_at_either_end_of_a_text_and_inside_each_other() {
        let literals: Vec<&[u8]> = vec![b"abc", b"abcd", b"bcd", b"abcdefgh", b"xyz"];
        assert_eq!(found(&literals, b"abcdefgh abc"), [(0, 0), (0, 9), (1, 0), (2, 1), (3, 0)]);
        assert_eq!(found(&literals, b"abc"), [(0, 0)]);
        assert_eq!(found(&literals, b"efgh ab"), []);
        assert_eq!(found(&[], b"abc"), []);
    }

    proptest! {
        #[test]
        fn finds_what_a_search_for_each_finds(
            literals in proptest::collection::btree_set("[ab]{3,6}|[abc\u{e9}]{3,9}", 0..60),
            text in "[abc]{0,8}|[abcd\u{e9}]{0,60}",
        ) {
            let literals: Vec<&[u8]> = literals.iter().map(String::as_bytes).collect();
            let text = text.as_bytes();
            let mut naive = Vec::new();
            for (number, literal) in literals.iter().enumerate() {
                naive.extend((0..text.len()).filter(|start| text[*start..].starts_with(literal)).map(|start| (number, start)));
            }
            prop_assert_eq!(found(&literals, text), naive);
        }
    }
}
