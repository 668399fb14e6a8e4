//! Finding literals by four rare bytes of each.

use super::anchors::Finds;
use super::nibbles::{BLOCK, LANES, Nibbles, WIDTH};

/// With more literals than these nearly every place of a text may begin one by its four bytes.
const MOST_LITERALS: usize = 1000;

/// What is done for the literals of a text of this many bytes may cost as much as looking at a byte by an automaton.
const BYTES_PER_CHECK: usize = 4;

/// What may be done before that is asked: short texts have room for hardly any.
const FREE_CHECKS: usize = 64;

/// From the most common byte of English to the rarest; what is not here is rarer.
const COMMON: &[u8] = b" etaonirslcdmupfhgbyvwkxqjz";

/// No entry.
const NONE: u16 = u16::MAX;

/// Literals of lower-case characters, each with a run of four bytes that it is looked for by, its gram.
///
/// Where a gram may stand is found 32 places at a time; what stands there is looked up in a hash table.
#[derive(Debug)]
pub(super) struct Grams {
    nibbles: Nibbles,
    /// For each hash the first entry.
    heads: Vec<u16>,
    /// How far a hash is shifted to fit.
    shift: u32,
    entries: Vec<Entry>,
    /// How far at most a literal begins before its gram, in bytes.
    reach: usize,
}

#[derive(Debug)]
struct Entry {
    gram: u32,
    literal: usize,
    text: Box<[u8]>,
    /// Where in the literal its gram stands.
    offset: usize,
    /// The next entry of the same hash.
    next: u16,
}

impl Grams {
    /// Compile `literals`; None where they are too many, one is too short, or the processor cannot do it.
    pub(super) fn new(literals: &[&str]) -> Option<Self> {
        if literals.is_empty() || literals.len() > MOST_LITERALS {
            return None;
        }
        let size = (literals.len() * 4).next_power_of_two();
        let mut heads = vec![NONE; size];
        let shift = u32::BITS - size.trailing_zeros();
        let mut entries: Vec<Entry> = Vec::new();
        let mut runs = Vec::new();
        for (literal, text) in literals.iter().enumerate() {
            let text = text.as_bytes();
            if text.iter().any(u8::is_ascii_uppercase) {
                // Never found in a text that counts as lower-case.
                continue;
            }
            let (offset, run) = rarest(text, &runs)?;
            let gram = folded(run);
            let head = &mut heads[hash(gram, shift)];
            let next = std::mem::replace(head, u16::try_from(entries.len()).ok()?);
            entries.push(Entry { gram, literal, text: text.into(), offset, next });
            runs.push(run);
        }
        let reach = entries.iter().map(|entry| entry.offset).max().unwrap_or(0);
        Some(Self { nibbles: Nibbles::new(runs)?, heads, shift, entries, reach })
    }

    /// Add to `finds` the literals that `text`, its letters lower-cased, contains.
    ///
    /// Return None when all are found; where too much looks like one of them, the place from which on another engine has
    /// to look for them.
    pub(super) fn search(&self, text: &[u8], finds: &mut Finds<impl FnMut(usize, usize)>) -> Option<usize> {
        let mut padded = [0; BLOCK];
        let blocks = if let Some(short) = padded.get_mut(..text.len()) {
            short.copy_from_slice(text);
            &padded
        } else {
            text
        };
        let mut checks = 0;
        let mut from = 0;
        while let Some((start, mut places)) = self.nibbles.next(blocks, from) {
            while places != 0 {
                checks += self.check(text, start + places.trailing_zeros() as usize, finds);
                places &= places - 1;
            }
            from = start + LANES;
            if checks > FREE_CHECKS + from / BYTES_PER_CHECK {
                return Some(from.saturating_sub(self.reach));
            }
        }
        None
    }

    /// Add the literals whose gram stands at `place`; return what that cost.
    fn check(&self, text: &[u8], place: usize, finds: &mut Finds<impl FnMut(usize, usize)>) -> usize {
        let Some(run) = text.get(place..).and_then(<[u8]>::first_chunk::<WIDTH>) else { return 1 };
        let gram = folded(*run);
        let mut checks = 1;
        let mut next = self.heads[hash(gram, self.shift)];
        while let Some(entry) = self.entries.get(usize::from(next)) {
            next = entry.next;
            checks += 1;
            if entry.gram == gram && place >= entry.offset && !finds.has(entry.literal) {
                checks += entry.text.len() / BYTES_PER_CHECK;
                let start = place - entry.offset;
                let found = text.get(start..start + entry.text.len());
                if found.is_some_and(|found| is_lower_case_of(&entry.text, found)) {
                    finds.add(entry.literal, start);
                }
            }
        }
        checks
    }
}

/// Four bytes as a number, the same for letters of either case; other bytes may become the same, too.
fn folded(run: [u8; WIDTH]) -> u32 {
    u32::from_le_bytes(run) | 0x2020_2020
}

fn hash(gram: u32, shift: u32) -> usize {
    (gram.wrapping_mul(0x9E37_79B1) >> shift) as usize
}

fn is_lower_case_of(lower: &[u8], text: &[u8]) -> bool {
    // As messages have it most often.
    lower == text || lower.iter().zip(text).all(|(lower, byte)| *lower == byte.to_ascii_lowercase())
}

/// The run of ASCII that is rarest in texts and least taken by other literals, and where it stands in `literal`.
fn rarest(literal: &[u8], taken: &[[u8; WIDTH]]) -> Option<(usize, [u8; WIDTH])> {
    let rarity = |byte: &u8| COMMON.iter().position(|common| common == byte).unwrap_or(COMMON.len());
    let runs = literal.windows(WIDTH).filter_map(|run| run.first_chunk().copied()).enumerate();
    runs.filter(|(_, run)| run.is_ascii()).max_by_key(|(_, run)| {
        let times = taken.iter().filter(|other| *other == run).count();
        (std::cmp::Reverse(times), run.iter().map(rarity).sum::<usize>())
    })
}
