//! What is known of one failure.

use super::codes::Code;
use std::borrow::Cow;

/// What is known of one failure: its text, and what an exception object says beside it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Evidence<'a> {
    /// The message as it stands, in UTF-8 in which lone surrogates may stand.
    pub text: Cow<'a, [u8]>,
    /// Dotted names of the exception's class and of its bases, by method resolution order; none for a message.
    pub classes: Vec<String>,
    /// Codes that the exception itself holds; those in the text are found by whoever asks.
    pub codes: Vec<Code>,
}

impl<'a> Evidence<'a> {
    /// The evidence of a message alone.
    #[must_use]
    pub fn of_text(text: &'a [u8]) -> Self {
        Self { text: Cow::Borrowed(text), ..Self::default() }
    }
}
