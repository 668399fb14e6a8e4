//! A text as it is searched: in lower case, and with room behind it.

/// Places that are looked at together, one for each bit of a word.
pub(super) const CHUNK: usize = 64;

/// Bytes that are read at once.
pub(super) const WORD: usize = 8;

/// Zeros behind a text, so that each whole chunk and the words that begin in it can be read.
const ROOM: usize = CHUNK + WORD;

/// A text in lower case, as far as it is ASCII.
#[derive(Debug, Default)]
pub(super) struct Lowered {
    bytes: Vec<u8>,
    length: usize,
}

impl Lowered {
    /// Take the place of the text before.
    pub(super) fn set(&mut self, text: &[u8]) {
        self.bytes.clear();
        self.bytes.reserve(text.len() + ROOM);
        self.bytes.extend_from_slice(text);
        self.bytes.make_ascii_lowercase();
        self.bytes.extend_from_slice(&[0; ROOM]);
        self.length = text.len();
    }

    /// The text itself.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }

    /// The text and the zeros behind it.
    pub(super) fn padded(&self) -> &[u8] {
        &self.bytes
    }

    /// Let go of a buffer larger than this.
    pub(super) fn shrink(&mut self, most_bytes: usize) {
        if self.bytes.capacity() > most_bytes {
            *self = Self::default();
        }
    }
}

/// The first bytes of a padded text as a number, the first one the lowest.
#[inline]
pub(super) fn word(padded: &[u8]) -> u64 {
    padded.first_chunk::<WORD>().map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

/// The bytes, of which there are at most eight, as such a number; zeros for those that are missing.
pub(super) fn short_word(bytes: &[u8]) -> u64 {
    let mut word = [0; WORD];
    word[..bytes.len()].copy_from_slice(bytes);
    u64::from_le_bytes(word)
}
