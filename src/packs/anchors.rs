//! Finding where any of thousands of literals stands in a text.

use super::commonness::Model;
use std::collections::HashMap;

/// Binary logarithm of the bits of the filter for grams of four bytes: 64 KiB, which a processor keeps near at hand.
const FILTER_BITS: u32 = 19;

/// The same for those of three, which are few.
const SHORT_FILTER_BITS: u32 = 14;

/// Binary logarithm of the number of buckets of entries.
const BUCKET_BITS: u32 = 14;

/// Literals, compiled.
///
/// Of each literal four bytes that are rare in messages stand for it, its gram (of a literal of three bytes all of it). At
/// each place of a text one bit tells whether a gram may begin there; only then are literals compared. The steps depend on
/// nothing before them, so that the processor takes several at once, which no automaton lets it do; and nothing changes
/// while texts are searched, so that none can slow the ones after it.
#[derive(Debug)]
pub(super) struct Anchors {
    filter: Box<[u64]>,
    short_filter: Box<[u64]>,
    /// For each bucket where its entries begin; one more for where the last ones end.
    starts: Box<[u32]>,
    entries: Box<[Entry]>,
    literals: Box<[Box<[u8]>]>,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    gram: u32,
    /// Where the gram stands in the literal.
    offset: u32,
    literal: u32,
}

/// Fibonacci hashing to a number of so many bits.
fn hash(gram: u32, bits: u32) -> usize {
    (gram.wrapping_mul(0x9E37_79B1) >> (u32::BITS - bits)) as usize
}

fn may_begin(filter: &[u64], hash: usize) -> bool {
    filter[hash / 64] & (1 << (hash % 64)) != 0
}

fn note(filter: &mut [u64], hash: usize) {
    filter[hash / 64] |= 1 << (hash % 64);
}

/// The first three bytes of a gram, shifted so that no gram of four is taken for them.
fn short(gram: u32) -> u32 {
    gram << 8
}

fn gram(bytes: &[u8]) -> u32 {
    u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes.get(3).copied().unwrap_or(0)])
}

impl Anchors {
    /// Compile `literals`, distinct and of three bytes or more each.
    pub(super) fn new(literals: &[&[u8]]) -> Self {
        let model = Model::shipped();
        let mut crowds: HashMap<u32, f32> = HashMap::new();
        let mut filter = vec![0; 1 << (FILTER_BITS - 6)];
        let mut short_filter = vec![0; 1 << (SHORT_FILTER_BITS - 6)];
        let mut entries = Vec::with_capacity(literals.len());
        for (literal, bytes) in (0..).zip(literals) {
            if bytes.len() < 4 {
                let gram = short(gram(bytes));
                note(&mut short_filter, hash(gram, SHORT_FILTER_BITS));
                entries.push(Entry { gram, offset: 0, literal });
                continue;
            }
            // A crowded gram is worth avoiding too: all its literals are compared.
            let cost = |start: usize| {
                let crowd = crowds.get(&gram(&bytes[start..])).copied().unwrap_or(0.0);
                model.chance(&bytes[start..start + 4]) * (1.0 + crowd)
            };
            let costs = (0..=bytes.len() - 4).map(|start| (start, cost(start)));
            let start = costs.min_by(|left, right| left.1.total_cmp(&right.1)).map_or(0, |(start, _)| start);
            let gram = gram(&bytes[start..]);
            *crowds.entry(gram).or_default() += 1.0;
            note(&mut filter, hash(gram, FILTER_BITS));
            entries.push(Entry { gram, offset: u32::try_from(start).unwrap_or(0), literal });
        }
        entries.sort_by_key(|entry: &Entry| hash(entry.gram, BUCKET_BITS));
        let mut starts = vec![0; (1 << BUCKET_BITS) + 1];
        for entry in &entries {
            starts[hash(entry.gram, BUCKET_BITS) + 1] += 1;
        }
        for index in 1..starts.len() {
            starts[index] += starts[index - 1];
        }
        Self {
            filter: filter.into(),
            short_filter: short_filter.into(),
            starts: starts.into(),
            entries: entries.into(),
            literals: literals.iter().map(|bytes| Box::from(*bytes)).collect(),
        }
    }

    /// Call `found` with the number of a literal and where it begins, for each place of each; the places of one literal
    /// come in order.
    pub(super) fn each(&self, text: &[u8], mut found: impl FnMut(usize, usize)) {
        let Some(last) = text.len().checked_sub(3) else { return };
        for (position, bytes) in text.windows(4).enumerate() {
            let gram = u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
            if may_begin(&self.filter, hash(gram, FILTER_BITS)) {
                self.compare(text, position, gram, &mut found);
            }
            if may_begin(&self.short_filter, hash(short(gram), SHORT_FILTER_BITS)) {
                self.compare(text, position, short(gram), &mut found);
            }
        }
        // A literal of three bytes may end the text.
        self.compare(text, last, short(gram(&text[last..])), &mut found);
    }

    #[inline(never)]
    fn compare(&self, text: &[u8], position: usize, gram: u32, found: &mut impl FnMut(usize, usize)) {
        let bucket = hash(gram, BUCKET_BITS);
        for entry in &self.entries[self.starts[bucket] as usize..self.starts[bucket + 1] as usize] {
            if gram != entry.gram {
                continue;
            }
            let Some(start) = position.checked_sub(entry.offset as usize) else { continue };
            if text[start..].starts_with(&self.literals[entry.literal as usize]) {
                found(entry.literal as usize, start);
            }
        }
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
