//! Lower-casing as Python's `str.lower()` does it, as far as rules of ASCII characters can tell.

use memchr::memmem::Finder;
use once_cell::sync::OnceCell;
use smallvec::SmallVec;
use std::borrow::Cow;

const KELVIN_SIGN: &str = "\u{212a}";
const CAPITAL_I_WITH_DOT: &str = "\u{130}";

/// Replace the two characters beyond ASCII that become ASCII in lower case: U+212A becomes `k`, U+0130 becomes `i` with a
/// combining dot.
///
/// With [`ascii_letters`] that is `str.lower()` for whoever looks for ASCII only. `message` is UTF-8 in which lone
/// surrogates may stand.
pub(super) fn ascii_of_two(message: &[u8]) -> Cow<'_, [u8]> {
    static KELVIN: OnceCell<Finder<'static>> = OnceCell::new();
    static DOTTED: OnceCell<Finder<'static>> = OnceCell::new();
    let kelvin = KELVIN.get_or_init(|| Finder::new(KELVIN_SIGN));
    let dotted = DOTTED.get_or_init(|| Finder::new(CAPITAL_I_WITH_DOT));
    let mut replaced = Cow::Borrowed(message);
    for (finder, replacement) in [(kelvin, "k"), (dotted, "i\u{307}")] {
        if finder.find(&replaced).is_some() {
            replaced = Cow::Owned(replace(&replaced, finder, replacement.as_bytes()));
        }
    }
    replaced
}

/// Return `text` with A to Z lower-cased; short ones take no memory of their own.
pub(super) fn ascii_letters(text: &[u8]) -> SmallVec<[u8; 256]> {
    let mut lowered = SmallVec::from_slice(text);
    lowered.make_ascii_lowercase();
    lowered
}

fn replace(text: &[u8], finder: &Finder<'_>, replacement: &[u8]) -> Vec<u8> {
    let mut replaced = Vec::with_capacity(text.len());
    let mut copied = 0;
    for start in finder.find_iter(text) {
        replaced.extend_from_slice(&text[copied..start]);
        replaced.extend_from_slice(replacement);
        copied = start + finder.needle().len();
    }
    replaced.extend_from_slice(&text[copied..]);
    replaced
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_two_characters_become_ascii() {
        // Every scalar value but A-Z whose lower case has an ASCII character in it.
        let found: Vec<char> =
            ('\u{80}'..=char::MAX).filter(|character| character.to_lowercase().any(|lower| lower.is_ascii())).collect();
        assert_eq!(found, ['\u{130}', '\u{212a}']);
    }

    #[test]
    fn they_and_a_to_z_are_replaced_and_nothing_else_is() {
        for (text, lowered) in [
            ("Plain ASCII", "plain ascii"),
            ("\u{212a}ill ſ ß É", "kill ſ ß É"),
            ("\u{130}MAGE \u{130}", "i\u{307}mage i\u{307}"),
            ("\u{212a}\u{130}\u{212a}", "ki\u{307}k"),
        ] {
            assert_eq!(*ascii_letters(&ascii_of_two(text.as_bytes())), *lowered.as_bytes(), "{text}");
        }
    }
}
