//! `ErrorTextCleaner`.

use crate::error_text;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};
use std::borrow::Cow;

/// Makes error texts safe to store, to log and to send.
#[pyclass(module = "job_retry._native", frozen)]
pub(super) struct ErrorTextCleaner {
    cleaner: error_text::ErrorTextCleaner,
}

#[pymethods]
impl ErrorTextCleaner {
    #[new]
    #[pyo3(signature = (mask = Vec::new()))]
    #[expect(clippy::needless_pass_by_value, reason = "extracted from a Python sequence")]
    fn new(mask: Vec<String>) -> PyResult<Self> {
        Ok(Self { cleaner: error_text::ErrorTextCleaner::new(mask.iter().map(String::as_str))? })
    }

    /// Return text without NUL, lone surrogates and secrets, of at most 64 KiB in UTF-8.
    fn clean<'py>(&self, py: Python<'py>, text: &Bound<'py, PyString>) -> PyResult<Bound<'py, PyString>> {
        let escaped: Bound<'py, PyString>;
        let (original, unicode) = match text.to_str() {
            Ok(unicode) => (text, unicode),
            Err(_) => {
                // Lone surrogates become the escapes that Python itself would print for them.
                let bytes = text.call_method1("encode", ("utf-8", "backslashreplace"))?;
                let decoded = String::from_utf8_lossy(bytes.cast::<PyBytes>()?.as_bytes()).into_owned();
                escaped = PyString::new(py, &decoded);
                (&escaped, escaped.to_str()?)
            }
        };
        let cleaned = py.detach(|| self.cleaner.clean(unicode));
        Ok(match cleaned {
            Cow::Borrowed(_) => original.clone(),
            Cow::Owned(cleaned) => PyString::new(py, &cleaned),
        })
    }
}
