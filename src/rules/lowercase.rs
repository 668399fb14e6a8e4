//! Lower-casing as Python's `str.lower()` does it, as far as rules of ASCII characters can tell.

use memchr::memmem::Finder;
use once_cell::sync::OnceCell;
use std::borrow::Cow;

const KELVIN_SIGN: &str = "\u{212a}";
const CAPITAL_I_WITH_DOT: &str = "\u{130}";

/// Return `message` with the two characters replaced that `str.lower()` turns into ASCII ones.
///
/// U+212A becomes `k` and U+0130 becomes `i` with a combining dot; of all other characters only A to Z have a lower
/// case with ASCII in it. The engine folds those itself, so most messages are not copied at all. `message` is UTF-8 in
/// which lone surrogates may stand.
#[must_use]
pub fn fold(message: &[u8]) -> Cow<'_, [u8]> {
    static KELVIN: OnceCell<Finder<'static>> = OnceCell::new();
    static DOTTED: OnceCell<Finder<'static>> = OnceCell::new();
    if message.is_ascii() {
        return Cow::Borrowed(message);
    }
    let kelvin = KELVIN.get_or_init(|| Finder::new(KELVIN_SIGN));
    let dotted = DOTTED.get_or_init(|| Finder::new(CAPITAL_I_WITH_DOT));
    let mut folded = Cow::Borrowed(message);
    for (finder, replacement) in [(kelvin, "k"), (dotted, "i\u{307}")] {
        if finder.find(&folded).is_some() {
            folded = Cow::Owned(replace(&folded, finder, replacement.as_bytes()));
        }
    }
    folded
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
    fn they_are_replaced_and_nothing_else_is() {
        for (text, folded) in [
            ("plain ASCII", "plain ASCII"),
            ("\u{212a}ill ſ ß", "kill ſ ß"),
            ("\u{130}MAGE \u{130}", "i\u{307}MAGE i\u{307}"),
            ("\u{212a}\u{130}\u{212a}", "ki\u{307}k"),
        ] {
            assert_eq!(fold(text.as_bytes()), folded.as_bytes(), "{text}");
        }
    }
}
