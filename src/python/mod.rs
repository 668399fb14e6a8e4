//! The Python module: conversion between Python objects and the core, nothing else.

mod batch;
mod classifier;
mod current;
mod debug_log;
mod detached;
mod error_text;
mod error_type;
mod exception;
mod fingerprint;
mod judge;
mod lists;
mod marks;
mod packs;
mod retry_after;
mod strategy;
mod text;

use crate::error::Error;
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};
use std::convert::Infallible;

impl From<Error> for PyErr {
    fn from(error: Error) -> Self {
        PyValueError::new_err(error.to_string())
    }
}

/// How much of a value an error message shows, in characters.
const SHOWN_CHARACTERS: usize = 200;

/// The `repr` of a value for an error message.
fn shown(value: &Bound<'_, PyAny>) -> String {
    let Ok(text) = value.repr() else {
        return String::from("an object whose repr() fails");
    };
    let text = text.to_string_lossy();
    let end = text.char_indices().nth(SHOWN_CHARACTERS).map_or(text.len(), |(end, _)| end);
    let more = if end < text.len() { "..." } else { "" };
    format!("{}{more}", &text[..end])
}

/// An argument, or none: None is a value like any other, and a wrong one.
struct Given<'py>(Option<Bound<'py, PyAny>>);

impl<'py> FromPyObject<'_, 'py> for Given<'py> {
    type Error = Infallible;

    fn extract(value: Borrowed<'_, 'py, PyAny>) -> Result<Self, Infallible> {
        Ok(Self(Some(value.to_owned())))
    }
}

/// What came, where another type was expected.
fn wrong_type(name: &str, expected: &str, value: &Bound<'_, PyAny>) -> PyErr {
    PyTypeError::new_err(format!("{name} must be {expected}, not {} ({})", kind(value), shown(value)))
}

/// The name of a value's type for an error message.
fn kind(value: &Bound<'_, PyAny>) -> String {
    value.get_type().name().map_or_else(|_| String::from("?"), |name| name.to_string())
}

/// UTF-8 in which lone surrogates may stand, whatever a subclass makes of `encode`.
fn utf8<'py>(text: &Bound<'py, PyString>) -> PyResult<Bound<'py, PyBytes>> {
    let bytes = text.py().get_type::<PyString>().call_method1("encode", (text, "utf-8", "surrogatepass"))?;
    Ok(bytes.cast_into::<PyBytes>()?)
}

/// Native classes of `job_retry`: error classification, retry strategies, cleaning of error texts.
#[pymodule(gil_used = false)]
mod _native {
    use crate::presets::PRESETS;
    use pyo3::prelude::*;
    use pyo3::types::PyDict;

    #[pymodule_export]
    use super::classifier::ErrorClassifier;
    #[pymodule_export]
    use super::error_text::ErrorTextCleaner;
    #[pymodule_export]
    use super::fingerprint::fingerprint;
    #[pymodule_export]
    use super::packs::{check_rules, rule_packs};
    #[pymodule_export]
    use super::strategy::RetryStrategy;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        let strategies = PyDict::new(module.py());
        for preset in PRESETS {
            strategies.set_item(preset.name, Bound::new(module.py(), RetryStrategy::preset(preset)?)?)?;
        }
        module.add("RETRY_STRATEGIES", strategies)?;
        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }
}
