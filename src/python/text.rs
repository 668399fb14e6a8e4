//! Texts as bytes, and places in them as Python counts them.

use super::utf8;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};
use std::ops::Range;

const CAPITAL_I_WITH_DOT: &[u8] = "\u{130}".as_bytes();

/// A text as UTF-8 in which lone surrogates may stand.
pub(super) enum Text<'a, 'py> {
    /// That of the object itself.
    Own(&'a str),
    Encoded(Bound<'py, PyBytes>),
}

impl<'a, 'py> Text<'a, 'py> {
    pub(super) fn of(text: &'a Bound<'py, PyString>) -> PyResult<Self> {
        text.to_str().map_or_else(|_| utf8(text).map(Self::Encoded), |own| Ok(Self::Own(own)))
    }

    pub(super) fn bytes(&self) -> &[u8] {
        match self {
            Self::Own(text) => text.as_bytes(),
            Self::Encoded(bytes) => bytes.as_bytes(),
        }
    }
}

/// Python's own `str.lower()` of the text itself, whatever a subclass makes of the method.
pub(super) fn lower<'py>(message: &Bound<'py, PyString>) -> PyResult<Bound<'py, PyString>> {
    let lowered = message.py().get_type::<PyString>().call_method1("lower", (message,))?;
    Ok(lowered.cast_into::<PyString>()?)
}

/// The text itself where it is Unicode; else with the escapes that Python prints for lone surrogates in their place.
pub(super) fn unicode<'py>(text: &Bound<'py, PyString>) -> PyResult<Bound<'py, PyString>> {
    if text.to_str().is_ok() {
        return Ok(text.clone());
    }
    let arguments = (text, "utf-8", "backslashreplace");
    let bytes = text.py().get_type::<PyString>().call_method1("encode", arguments)?;
    PyString::from_bytes(text.py(), bytes.cast::<PyBytes>()?.as_bytes())
}

/// How many characters `text` has, in UTF-8 in which lone surrogates may stand.
pub(super) fn characters(text: &[u8]) -> usize {
    text.iter().filter(|byte| **byte & 0xC0 != 0x80).count()
}

/// Where a span of the lower-cased text, in characters, stands in `original`.
///
/// Lower-casing makes two characters of U+0130, and one of every other.
pub(super) fn in_original(original: &[u8], lowered: &Range<usize>) -> Range<usize> {
    let place = |lowered: usize| {
        let mut seen = 0;
        let starts = (0..original.len()).filter(|index| original[*index] & 0xC0 != 0x80);
        starts
            .take_while(|index| {
                seen += 1 + usize::from(original[*index..].starts_with(CAPITAL_I_WITH_DOT));
                seen <= lowered
            })
            .count()
    };
    let end = if lowered.end > lowered.start { place(lowered.end - 1) + 1 } else { place(lowered.end) };
    place(lowered.start)..end
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_of_the_lower_cased_text_is_found_in_the_original() {
        // The lower-cased texts are "i\u{307}mage", "xi\u{307}i\u{307}y" and "kill".
        for (original, lowered, expected) in [
            ("\u{130}MAGE", 2..6, 1..5),
            ("\u{130}MAGE", 0..1, 0..1),
            ("\u{130}MAGE", 1..3, 0..2),
            ("x\u{130}\u{130}y", 5..6, 3..4),
            ("\u{212a}ILL", 0..4, 0..4),
            ("\u{1f600}ab", 1..3, 1..3),
            ("ab", 1..1, 1..1),
        ] {
            assert_eq!(in_original(original.as_bytes(), &lowered), expected, "{original}");
        }
    }
}
