//! Finding where any of thousands of literals stands in a text.

use super::commonness::Model;
use super::text::{CHUNK, Lowered, WORD, short_word, word};

/// 2 to the power of 64, divided by the golden ratio.
const FIBONACCI: u64 = 0x9E37_79B9_7F4A_7C15;

/// Literals, compiled.
///
/// Of each literal some bytes that are rare in messages stand for it, its gram. At each place of a text a filter tells
/// whether a gram may begin there; only then are literals compared. The steps depend on nothing before them, so that the
/// processor takes several at once, which no automaton lets it do; and nothing changes while texts are searched, so that
/// none can slow the ones after it.
#[derive(Debug)]
pub(super) struct Anchors {
    /// Literals of more than [`WIDE`] bytes have two grams, one byte apart, so that every second place is enough.
    wide: Grams<WIDE>,
    narrow: Grams<NARROW>,
    // One bit for each hash of a gram. The filters take 36 KiB, which a processor keeps near at hand.
    wide_filter: Box<[u64; 4096]>,
    narrow_filter: Box<[u64; 512]>,
    literals: Box<[Box<[u8]>]>,
}

/// Bytes of a gram of most literals.
const WIDE: usize = 6;

/// Bytes of a gram of those that are shorter.
const NARROW: usize = 3;

/// Bits of hashes that the filters tell apart.
const WIDE_BITS: u32 = 18;
const NARROW_BITS: u32 = 15;

/// Literals by grams of `WIDTH` bytes.
#[derive(Debug)]
struct Grams<const WIDTH: usize> {
    /// By hashes of a number of bits: where the entries of a bucket begin; one more for where the last ones end.
    starts: Box<[u32]>,
    bits: u32,
    entries: Box<[Entry]>,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    gram: u64,
    /// What the literal begins with, and which bits of a word that is.
    head: u64,
    head_bits: u64,
    /// Where the gram stands in the literal.
    offset: u32,
    literal: u32,
}

impl Entry {
    fn new(gram: u64, offset: usize, literal: u32, bytes: &[u8]) -> Self {
        let head = &bytes[..bytes.len().min(WORD)];
        Self {
            gram,
            head: short_word(head),
            head_bits: short_word(&[0xFF; WORD][..head.len()]),
            offset: u32::try_from(offset).unwrap_or(0),
            literal,
        }
    }
}

/// What a find of a gram costs, as so many comparisons with a literal.
const FIND_COST: f32 = 12.0;

/// Fibonacci hashing of the first `width` bytes of a word, by the word's product with [`FIBONACCI`], which all widths share:
/// of the bits of the product that these bytes alone decide the highest ones, which all of them do.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "far fewer bits than any pointer has are left")]
fn hash(product: u64, width: usize, bits: u32) -> usize {
    (product >> (8 * width as u32 - bits)) as usize & ((1 << bits) - 1)
}

/// The first bytes of a word, alone in it.
#[inline]
fn gram(word: u64, width: usize) -> u64 {
    word & (u64::MAX >> (8 * (WORD - width)))
}

impl<const WIDTH: usize> Grams<WIDTH> {
    /// Compile literals by `count` grams each, one byte apart.
    fn new(literals: &[(u32, &[u8])], count: usize, bits: u32) -> Self {
        let bucket = |gram: u64| hash(gram.wrapping_mul(FIBONACCI), WIDTH, bits);
        let mut crowds = vec![0_u16; 1 << bits];
        let mut entries = Vec::with_capacity(literals.len() * count);
        for (literal, bytes) in literals {
            let crowd = |gram: &[u8]| f32::from(crowds[bucket(short_word(gram))]);
            let first = rarest(bytes, WIDTH, count, crowd);
            for offset in first..first + count {
                let gram = short_word(&bytes[offset..offset + WIDTH]);
                let crowd = &mut crowds[bucket(gram)];
                *crowd = crowd.saturating_add(1);
                entries.push(Entry::new(gram, offset, *literal, bytes));
            }
        }
        entries.sort_by_key(|entry| bucket(entry.gram));
        let mut starts = vec![0; (1 << bits) + 1];
        for entry in &entries {
            starts[bucket(entry.gram) + 1] += 1;
        }
        for index in 1..starts.len() {
            starts[index] += starts[index - 1];
        }
        Self { starts: starts.into(), bits, entries: entries.into() }
    }

    /// The entries whose gram a word begins with; `product` is the word's with [`FIBONACCI`].
    #[inline]
    fn at(&self, word: u64, product: u64) -> impl Iterator<Item = &Entry> {
        let gram = gram(word, WIDTH);
        let bucket = hash(product, WIDTH, self.bits);
        let entries = &self.entries[self.starts[bucket] as usize..self.starts[bucket + 1] as usize];
        entries.iter().filter(move |entry| entry.gram == gram)
    }
}

/// A filter that lets nothing through.
fn empty<const WORDS: usize>() -> [u64; WORDS] {
    [0; WORDS]
}

/// Where `count` grams of `width` bytes, one byte apart, begin that are the cheapest ones to look for: rare, and not those of
/// many literals already, which `crowd` tells.
fn rarest(bytes: &[u8], width: usize, count: usize, crowd: impl Fn(&[u8]) -> f32) -> usize {
    let model = Model::shipped();
    let mut best = (0, f32::INFINITY);
    for (start, window) in bytes.windows(width + count - 1).enumerate() {
        let rarity = window.windows(width).map(|gram| model.logarithm(gram)).fold(f32::NEG_INFINITY, f32::max);
        // Even alone they would cost more.
        if rarity + FIND_COST.log2() < best.1 {
            let crowd = window.windows(width).map(&crowd).fold(0.0, f32::max);
            let cost = rarity + (FIND_COST + crowd).log2();
            if cost < best.1 {
                best = (start, cost);
            }
        }
    }
    best.0
}

impl Anchors {
    /// Compile `literals`, distinct and of three bytes or more each.
    pub(super) fn new(literals: Vec<Vec<u8>>) -> Self {
        let numbered = (0..).zip(literals.iter().map(Vec::as_slice));
        let (wide, narrow): (Vec<_>, Vec<_>) = numbered.partition(|(_, bytes)| bytes.len() > WIDE);
        let (wide, narrow) =
            (Grams::<WIDE>::new(&wide, 2, WIDE_BITS - 2), Grams::<NARROW>::new(&narrow, 1, NARROW_BITS - 2));
        let (mut wide_filter, mut narrow_filter) = (Box::new(empty()), Box::new(empty()));
        for entry in &wide.entries {
            let hash = hash(entry.gram.wrapping_mul(FIBONACCI), WIDE, WIDE_BITS);
            wide_filter[hash / 64] |= 1 << (hash % 64);
        }
        for entry in &narrow.entries {
            let hash = hash(entry.gram.wrapping_mul(FIBONACCI), NARROW, NARROW_BITS);
            narrow_filter[hash / 64] |= 1 << (hash % 64);
        }
        let literals = literals.into_iter().map(Vec::into_boxed_slice).collect();
        Self { wide, narrow, wide_filter, narrow_filter, literals }
    }

    /// A literal by its number.
    pub(super) fn literal(&self, number: u32) -> &[u8] {
        &self.literals[number as usize]
    }

    /// Call `found` with the number of a literal and where it begins, for each place of each; the places of one literal
    /// come in order.
    pub(super) fn each(&self, text: &Lowered, mut found: impl FnMut(u32, usize)) {
        let padded = text.padded();
        for from in (0..text.bytes().len()).step_by(CHUNK) {
            let Some(chunk) = padded[from..].first_chunk() else { return };
            let mut places = self.places(chunk);
            while places != 0 {
                let position = from + places.trailing_zeros() as usize;
                let word = word(&padded[position..]);
                let product = word.wrapping_mul(FIBONACCI);
                if position & 1 == 0 && self.may_be_wide(product) != 0 {
                    self.compare(self.wide.at(word, product), text, position, &mut found);
                }
                if self.may_be_narrow(product) != 0 {
                    self.compare(self.narrow.at(word, product), text, position, &mut found);
                }
                places &= places - 1;
            }
        }
    }

    /// A bit for each place of a part of a text at which a gram may begin. Branches are what takes time here, so it has none.
    #[inline(never)]
    fn places(&self, chunk: &[u8; CHUNK + WORD - 1]) -> u64 {
        let mut places = 0;
        let product = |place: usize| word(&chunk[place..]).wrapping_mul(FIBONACCI);
        for pair in 0..CHUNK / 2 {
            let (even, odd) = (product(2 * pair), product(2 * pair + 1));
            let begins = (self.may_be_wide(even) | self.may_be_narrow(even)) + 2 * self.may_be_narrow(odd);
            places = places >> 2 | begins << (CHUNK - 2);
        }
        places
    }

    /// 1 where a wide gram may begin, else 0.
    #[inline]
    fn may_be_wide(&self, product: u64) -> u64 {
        let hash = hash(product, WIDE, WIDE_BITS);
        (self.wide_filter[hash / 64] >> (hash % 64)) & 1
    }

    /// 1 where a narrow gram may begin, else 0.
    #[inline]
    fn may_be_narrow(&self, product: u64) -> u64 {
        let hash = hash(product, NARROW, NARROW_BITS);
        (self.narrow_filter[hash / 64] >> (hash % 64)) & 1
    }

    #[inline]
    fn compare<'a>(
        &self,
        entries: impl Iterator<Item = &'a Entry>,
        text: &Lowered,
        position: usize,
        found: &mut impl FnMut(u32, usize),
    ) {
        for entry in entries {
            let Some(start) = position.checked_sub(entry.offset as usize) else { continue };
            if word(&text.padded()[start..]) & entry.head_bits != entry.head {
                continue;
            }
            // Of a shorter literal the head is all of it, but for what may have been read behind the text.
            let whole = entry.head_bits != u64::MAX && start + WORD <= text.bytes().len();
            // Behind the text are zeros, which may be what a literal begins with.
            let is_there =
                || text.bytes().get(start..).is_some_and(|rest| rest.starts_with(self.literal(entry.literal)));
            if whole || is_there() {
                found(entry.literal, start);
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
        let mut lowered = Lowered::default();
        lowered.set(text);
        let anchors = Anchors::new(literals.iter().map(|bytes| bytes.to_vec()).collect());
        anchors.each(&lowered, |literal, start| found.push((literal as usize, start)));
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
            literals in proptest::collection::btree_set("[ab\0]{3,6}|[abc\u{e9}]{3,9}", 0..60),
            text in "[abc\0]{0,8}|[abcd\u{e9}\0]{0,60}",
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
