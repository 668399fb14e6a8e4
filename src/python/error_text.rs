//! `ErrorTextCleaner`.

use super::text::unicode;
use super::{Given, wrong_type};
use crate::error_text;
use pyo3::prelude::*;
use pyo3::types::PyString;
use std::borrow::Cow;

/// Makes error texts safe to store, to log and to send.
///
/// Args:
///     `mask`: further patterns of what is to be masked, in the syntax of Rust's regex crate. What such a pattern matches
///         is masked, or its group named ``secret`` where it has one.
///
/// Raises:
///     TypeError: `mask` is no sequence of str.
///     ValueError: a pattern cannot be compiled; the error names it.
#[pyclass(module = "job_retry._native", frozen)]
pub(super) struct ErrorTextCleaner {
    cleaner: error_text::ErrorTextCleaner,
}

#[pymethods]
impl ErrorTextCleaner {
    #[new]
    #[pyo3(signature = (mask = Given(None)), text_signature = "(mask=())")]
    #[expect(clippy::needless_pass_by_value, reason = "the shape of arguments")]
    fn new(mask: Given<'_>) -> PyResult<Self> {
        let patterns = mask.0.as_ref().map_or_else(|| Ok(Vec::new()), patterns)?;
        Ok(Self { cleaner: error_text::ErrorTextCleaner::new(patterns.iter().map(String::as_str))? })
    }

    /// Return the text without NUL, lone surrogates and secrets, of at most 64 KiB in UTF-8.
    ///
    /// NUL and lone surrogates become escapes such as ``\x00``. Passwords and tokens in URLs, bearer tokens, values of
    /// keys such as ``password`` and private keys become ``***``. Of a longer text the first 48 KiB and the last 16 are
    /// kept, with a line between them that names the length of the original.
    ///
    /// Raises:
    ///     TypeError: `text` is no str.
    fn clean<'py>(&self, py: Python<'py>, text: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyString>> {
        let text = text.cast::<PyString>().map_err(|_| wrong_type("text", "a str", text))?;
        let characters = text.len()?;
        let original = unicode(text)?;
        let given = original.to_str()?;
        let cleaned = py.detach(|| self.cleaner.clean(given, characters));
        Ok(match cleaned {
            Cow::Borrowed(_) => original,
            Cow::Owned(cleaned) => PyString::new(py, &cleaned),
        })
    }
}

fn patterns(mask: &Bound<'_, PyAny>) -> PyResult<Vec<String>> {
    // A str is a sequence of str, too.
    if mask.is_instance_of::<PyString>() || mask.try_iter().is_err() {
        return Err(wrong_type("mask", "a sequence of str", mask));
    }
    let pattern = |entry: PyResult<Bound<'_, PyAny>>| {
        let entry = entry?;
        let text = entry.cast::<PyString>().map_err(|_| wrong_type("a pattern in mask", "a str", &entry))?;
        Ok(text.to_str()?.to_owned())
    };
    mask.try_iter()?.map(pattern).collect()
}
