//! The Python module: conversion between Python objects and the core, nothing else.

mod classifier;
mod debug_log;
mod error_text;
mod error_type;
mod strategy;

use crate::error::Error;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

impl From<Error> for PyErr {
    fn from(error: Error) -> Self {
        PyValueError::new_err(error.to_string())
    }
}

/// Native classes of job_retry.
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
