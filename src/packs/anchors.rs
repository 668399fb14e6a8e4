//! Finding where any of thousands of literals stands in a text.

use super::commonness::Model;
use std::collections::HashMap;

/// Bytes that are read at once.
const WORD: usize = 8;

/// 2 to the power of 64, divided by the golden ratio.
const FIBONACCI: u64 = 0x9E37_79B9_7F4A_7C15;

/// Places that are looked at together, one for each bit of a word.
const CHUNK: usize = 64;

/// Literals, compiled.
///
/// Of each literal some bytes that are rare in messages stand for it, its gram. At each place of a text one bit for each
/// width tells whether a gram may begin there; only then are literals compared. The steps depend on nothing before them, so
/// that the processor takes several at once, which no automaton lets it do; and nothing changes while texts are searched,
/// so that none can slow the ones after it.
#[derive(Debug)]
pub(super) struct Anchors {
    // Most literals are long, and wide grams are rare in any text. The filters take 32 KiB and little more, which a
    // processor keeps near at hand.
    wide: Grams<6, 4096>,
    middle: Grams<4, 512>,
    narrow: Grams<3, 128>,
    literals: Box<[Box<[u8]>]>,
}

/// Literals with grams of `WIDTH` bytes, and a filter of `WORDS` words of 64 bits.
#[derive(Debug)]
struct Grams<const WIDTH: usize, const WORDS: usize> {
    filter: Box<[u64; WORDS]>,
    /// By the same hash, shortened: where the entries of a bucket begin; one more for where the last ones end.
    starts: Box<[u32]>,
    entries: Box<[Entry]>,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    gram: u64,
    /// Where the gram stands in the literal.
    offset: u32,
    literal: u32,
}

/// Filters have so many bits for each bucket, as a binary logarithm.
const BUCKET_SHIFT: u32 = 4;

impl<const WIDTH: usize, const WORDS: usize> Grams<WIDTH, WORDS> {
    const HASH_BITS: u32 = WORDS.trailing_zeros() + 6;

    fn new(literals: &[(u32, &[u8])]) -> Self {
        let mut grams = Self {
            filter: Box::new([0; WORDS]),
            starts: vec![0; ((64 * WORDS) >> BUCKET_SHIFT) + 1].into(),
            entries: Box::default(),
        };
        let model = Model::shipped();
        let mut crowds: HashMap<u64, f32> = HashMap::new();
        let mut entries = Vec::with_capacity(literals.len());
        for (literal, bytes) in literals {
            // A crowded gram is worth avoiding too: all its literals are compared.
            let cost = |start: usize| {
                let crowd = crowds.get(&Self::gram(word(&bytes[start..]))).copied().unwrap_or(0.0);
                model.chance(&bytes[start..start + WIDTH]) * (1.0 + crowd)
            };
            let costs = (0..=bytes.len() - WIDTH).map(|start| (start, cost(start)));
            let start = costs.min_by(|left, right| left.1.total_cmp(&right.1)).map_or(0, |(start, _)| start);
            let gram = Self::gram(word(&bytes[start..]));
            *crowds.entry(gram).or_default() += 1.0;
            let hash = Self::hash(gram);
            grams.filter[hash / 64] |= 1 << (hash % 64);
            entries.push(Entry { gram, offset: u32::try_from(start).unwrap_or(0), literal: *literal });
        }
        entries.sort_by_key(|entry| Self::hash(entry.gram));
        for entry in &entries {
            grams.starts[(Self::hash(entry.gram) >> BUCKET_SHIFT) + 1] += 1;
        }
        for index in 1..grams.starts.len() {
            grams.starts[index] += grams.starts[index - 1];
        }
        grams.entries = entries.into();
        grams
    }

    /// The gram that a word begins with, alone in it.
    #[inline]
    fn gram(word: u64) -> u64 {
        word << (8 * (WORD - WIDTH))
    }

    /// Fibonacci hashing.
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "far fewer bits than any pointer has are left")]
    fn hash(gram: u64) -> usize {
        (gram.wrapping_mul(FIBONACCI) >> (u64::BITS - Self::HASH_BITS)) as usize
    }

    /// 1 where a gram may begin, else 0; of a word its product with [`FIBONACCI`].
    ///
    /// To shift a factor is to shift the product, so all widths share one multiplication.
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "far fewer bits than any pointer has are left")]
    fn may_begin(&self, product: u64) -> u64 {
        let hash = (Self::gram(product) >> (u64::BITS - Self::HASH_BITS)) as usize;
        (self.filter[hash / 64] >> (hash % 64)) & 1
    }

    fn at(&self, word: u64) -> impl Iterator<Item = &Entry> {
        let gram = Self::gram(word);
        let bucket = Self::hash(gram) >> BUCKET_SHIFT;
        let entries = &self.entries[self.starts[bucket] as usize..self.starts[bucket + 1] as usize];
        entries.iter().filter(move |entry| entry.gram == gram)
    }
}

/// The first bytes as a number, the first one the lowest; zeros for those that are missing.
fn word(bytes: &[u8]) -> u64 {
    let mut word = [0; WORD];
    let length = bytes.len().min(WORD);
    word[..length].copy_from_slice(&bytes[..length]);
    u64::from_le_bytes(word)
}

impl Anchors {
    /// Compile `literals`, distinct and of three bytes or more each.
    pub(super) fn new(literals: &[&[u8]]) -> Self {
        let (mut wide, mut middle, mut narrow) = (Vec::new(), Vec::new(), Vec::new());
        for (number, bytes) in (0..).zip(literals.iter().copied()) {
            match bytes.len() {
                0..4 => narrow.push((number, bytes)),
                4..6 => middle.push((number, bytes)),
                _ => wide.push((number, bytes)),
            }
        }
        Self {
            wide: Grams::new(&wide),
            middle: Grams::new(&middle),
            narrow: Grams::new(&narrow),
            literals: literals.iter().map(|bytes| Box::from(*bytes)).collect(),
        }
    }

    /// Call `found` with the number of a literal and where it begins, for each place of each; the places of one literal
    /// come in order.
    pub(super) fn each(&self, text: &[u8], mut found: impl FnMut(usize, usize)) {
        let whole = text.len().saturating_sub(WORD - 1);
        for from in (0..whole).step_by(CHUNK) {
            let mut places = self.places(&text[from..text.len().min(from + CHUNK + WORD - 1)]);
            while places != 0 {
                let position = from + places.trailing_zeros() as usize;
                self.look(text, position, &mut found);
                places &= places - 1;
            }
        }
        for position in whole..text.len() {
            self.look(text, position, &mut found);
        }
    }

    /// A bit for each place of a part of a text at which a gram may begin. Branches are what takes time here, so it has none.
    #[inline(never)]
    fn places(&self, text: &[u8]) -> u64 {
        let mut places = 0;
        for (index, bytes) in text.windows(WORD).enumerate() {
            let product = u64::from_le_bytes(bytes.try_into().unwrap_or_default()).wrapping_mul(FIBONACCI);
            let begins = self.wide.may_begin(product) | self.middle.may_begin(product) | self.narrow.may_begin(product);
            places |= begins << index;
        }
        places
    }

    fn look(&self, text: &[u8], position: usize, found: &mut impl FnMut(usize, usize)) {
        let word = word(&text[position..]);
        let product = word.wrapping_mul(FIBONACCI);
        if self.wide.may_begin(product) != 0 {
            self.compare(self.wide.at(word), text, position, found);
        }
        if self.middle.may_begin(product) != 0 {
            self.compare(self.middle.at(word), text, position, found);
        }
        if self.narrow.may_begin(product) != 0 {
            self.compare(self.narrow.at(word), text, position, found);
        }
    }

    fn compare<'a>(
        &self,
        entries: impl Iterator<Item = &'a Entry>,
        text: &[u8],
        position: usize,
        found: &mut impl FnMut(usize, usize),
    ) {
        for entry in entries {
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
