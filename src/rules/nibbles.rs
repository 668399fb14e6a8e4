//! Which places of a text may begin one of several runs of four bytes, 32 places at a time, with AVX2.
//!
//! A run stands in one of eight buckets, which are the bits of a byte. For each of the four places of a run two tables
//! say which buckets have a run with that half of a byte there; the bits that are left when all eight tables are asked
//! are buckets that may have a run here. A letter is entered in both cases, so that the case of the text costs nothing.
//!
//! This is all the code of the crate that asks the processor for more than Rust does. It says where to look; what
//! stands there is for [`super::grams`] to find out, in safe code.

use std::arch::x86_64::{
    __m256i, _mm256_and_si256, _mm256_cmpeq_epi8, _mm256_loadu_si256, _mm256_movemask_epi8, _mm256_set1_epi8,
    _mm256_setzero_si256, _mm256_shuffle_epi8, _mm256_srli_epi16,
};

/// Bytes of a run.
pub(super) const WIDTH: usize = 4;

/// Places that one step looks at.
pub(super) const LANES: usize = 32;

/// Bytes that one step looks at; shorter texts have to be padded.
pub(super) const BLOCK: usize = LANES + WIDTH - 1;

const BUCKETS: usize = 8;

/// For each value of half a byte the buckets that have a run with it, twice: AVX2 shuffles by halves of a register.
type Table = [u8; LANES];

/// Runs of four bytes, compiled.
#[derive(Debug)]
pub(super) struct Nibbles {
    low: [Table; WIDTH],
    high: [Table; WIDTH],
}

impl Nibbles {
    /// Compile runs of lower-case ASCII; None on a processor without AVX2.
    pub(super) fn new(mut runs: Vec<[u8; WIDTH]>) -> Option<Self> {
        if !is_x86_feature_detected!("avx2") {
            return None;
        }
        let mut nibbles = Self { low: [[0; LANES]; WIDTH], high: [[0; LANES]; WIDTH] };
        // Runs that begin alike share a bucket, which then lets less through that is none of them.
        runs.sort_unstable();
        for (index, run) in runs.iter().enumerate() {
            let bucket = 1 << (index * BUCKETS / runs.len());
            for (place, lower) in run.iter().enumerate() {
                for byte in [*lower, lower.to_ascii_uppercase()] {
                    for half in [0, LANES / 2] {
                        nibbles.low[place][half + usize::from(byte & 0x0F)] |= bucket;
                        nibbles.high[place][half + usize::from(byte >> 4)] |= bucket;
                    }
                }
            }
        }
        Some(nibbles)
    }

    /// The first step from `from` on that has a place where a run may begin: its start, and a bit for each such place.
    ///
    /// None where there is none. The last step of a text overlaps the one before it, so that it ends with the text.
    pub(super) fn next(&self, text: &[u8], from: usize) -> Option<(usize, u32)> {
        // SAFETY: the processor has AVX2, or `new` would not have made this.
        #[expect(unsafe_code, reason = "a function for AVX2 is called from one for any processor")]
        unsafe {
            self.scan(text, from)
        }
    }

    #[target_feature(enable = "avx2")]
    fn scan(&self, text: &[u8], from: usize) -> Option<(usize, u32)> {
        let last = text.len().checked_sub(BLOCK)?;
        let [low_0, low_1, low_2, low_3] = [0, 1, 2, 3].map(|place| load(&self.low[place]));
        let [high_0, high_1, high_2, high_3] = [0, 1, 2, 3].map(|place| load(&self.high[place]));
        let mut start = from;
        while start < last + LANES {
            start = start.min(last);
            let block = text[start..].first_chunk::<BLOCK>()?;
            let [bytes_0, bytes_1, bytes_2, bytes_3] = windows(block);
            let pair = _mm256_and_si256(buckets(low_0, high_0, load(bytes_0)), buckets(low_1, high_1, load(bytes_1)));
            let other = _mm256_and_si256(buckets(low_2, high_2, load(bytes_2)), buckets(low_3, high_3, load(bytes_3)));
            let none = _mm256_cmpeq_epi8(_mm256_and_si256(pair, other), _mm256_setzero_si256());
            let places = !_mm256_movemask_epi8(none).cast_unsigned();
            if places != 0 {
                return Some((start, places));
            }
            start += LANES;
        }
        None
    }
}

/// The bytes at each of the four places of the runs that begin in a step.
#[inline]
fn windows(block: &[u8; BLOCK]) -> [&[u8; LANES]; WIDTH] {
    const NOTHING: &[u8; LANES] = &[0; LANES];
    std::array::from_fn(|place| block[place..].first_chunk().unwrap_or(NOTHING))
}

/// The buckets that have a run with these bytes at the place of the tables.
///
/// A byte that is not ASCII counts as no value of half a byte here, and so for none of the runs.
#[inline]
#[target_feature(enable = "avx2")]
fn buckets(low: __m256i, high: __m256i, bytes: __m256i) -> __m256i {
    let upper_half = _mm256_and_si256(_mm256_srli_epi16(bytes, 4), _mm256_set1_epi8(0x0F));
    _mm256_and_si256(_mm256_shuffle_epi8(low, bytes), _mm256_shuffle_epi8(high, upper_half))
}

#[inline]
#[target_feature(enable = "avx2")]
fn load(bytes: &[u8; LANES]) -> __m256i {
    // SAFETY: the reference is to as many bytes as are loaded, which need no alignment for this.
    #[expect(unsafe_code, reason = "loading a register takes a pointer")]
    unsafe {
        _mm256_loadu_si256(std::ptr::from_ref(bytes).cast())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The places that the tables let through, one at a time.
    fn naive(nibbles: &Nibbles, text: &[u8]) -> Vec<usize> {
        let may_begin = |run: &[u8]| {
            let buckets = run.iter().enumerate().fold(0xFF, |buckets, (place, byte)| {
                let ascii = if byte.is_ascii() { 0xFF } else { 0 };
                let (low, high) = (usize::from(byte & 0x0F), usize::from(byte >> 4));
                buckets & nibbles.low[place][low] & nibbles.high[place][high] & ascii
            });
            buckets != 0
        };
        let runs = text.windows(WIDTH).enumerate();
        runs.filter(|(_, run)| may_begin(run)).map(|(start, _)| start).collect()
    }

    fn places(nibbles: &Nibbles, text: &[u8]) -> Vec<usize> {
        let mut found = Vec::new();
        let mut from = 0;
        while let Some((start, places)) = nibbles.next(text, from) {
            assert!(start >= from || start + BLOCK == text.len());
            found.extend((0..LANES).filter(|lane| places >> lane & 1 == 1).map(|lane| start + lane));
            from = start + LANES;
        }
        found.sort_unstable();
        found.dedup();
        found
    }

    proptest! {
        #[test]
        fn finds_the_places_that_the_tables_let_through_one_at_a_time(
            runs in proptest::collection::vec("[a-c \n]{4}", 0..20),
            pieces in proptest::collection::vec("[a-cA-C \n]{0,9}|é|x{1,70}", 0..30),
        ) {
            let runs = runs.iter().map(|run| *run.as_bytes().first_chunk().unwrap()).collect();
            if let Some(nibbles) = Nibbles::new(runs) {
                let text = pieces.concat().into_bytes();
                let expected = if text.len() < BLOCK { Vec::new() } else { naive(&nibbles, &text) };
                prop_assert_eq!(places(&nibbles, &text), expected);
            }
        }

        #[test]
        fn lets_every_run_through_in_either_case(
            runs in proptest::collection::vec("[a-z0-9.:_/ -]{4}", 1..100),
            before in "[ -~]{0,70}",
            after in "[ -~]{31,70}",
            upper in any::<bool>(),
        ) {
            let compiled = runs.iter().map(|run| *run.as_bytes().first_chunk().unwrap()).collect();
            if let Some(nibbles) = Nibbles::new(compiled) {
                for run in runs {
                    let run = if upper { run.to_uppercase() } else { run };
                    let text = format!("{before}{run}{after}");
                    prop_assert!(places(&nibbles, text.as_bytes()).contains(&before.len()));
                }
            }
        }
    }
}
