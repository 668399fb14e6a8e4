//! The classifier's DEBUG lines on the logger `job_retry`, and on the one that a subclass names.

use super::error_type::Verdict;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBool, PyDict, PyString, PyType};

const DEBUG: i32 = 10;

/// The attribute of a class by which it names a further logger.
pub(super) const DEBUG_LOGGER: &str = "DEBUG_LOGGER";

struct Logger {
    own: Py<PyAny>,
    memory: Option<Py<PyDict>>,
    /// The key of [`DEBUG`] in the memory.
    level: Py<PyAny>,
}

fn logger(py: Python<'_>) -> PyResult<&Logger> {
    static LOGGER: PyOnceLock<Logger> = PyOnceLock::new();
    LOGGER.get_or_try_init(py, || {
        let logger = py.import("logging")?.call_method1("getLogger", ("job_retry",))?;
        let memory = memory(&logger)?.map(Bound::unbind);
        let level = DEBUG.into_pyobject(py)?.into_any().unbind();
        Ok(Logger { own: logger.unbind(), memory, level })
    })
}

/// `logging.Logger` remembers per level whether it is enabled; asking that dictionary costs a tenth of asking the method.
/// `setLevel` and `logging.disable` clear it and never replace it. None for another class of logger.
fn memory<'py>(logger: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyDict>>> {
    static PLAIN: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    let py = logger.py();
    if !logger.get_type().is(PLAIN.import(py, "logging", "Logger")?) {
        return Ok(None);
    }
    Ok(logger.getattr(pyo3::intern!(py, "_cache")).ok().and_then(|memory| memory.cast_into::<PyDict>().ok()))
}

fn remembers_off(memory: &Bound<'_, PyDict>, level: &Bound<'_, PyAny>) -> PyResult<bool> {
    Ok(memory.get_item(level)?.is_some_and(|known| known.is(&*PyBool::new(memory.py(), false))))
}

/// Whether a logger takes DEBUG lines.
fn takes(logger: &Bound<'_, PyAny>, memory: Option<&Bound<'_, PyDict>>, level: &Bound<'_, PyAny>) -> PyResult<bool> {
    if let Some(memory) = memory {
        if remembers_off(memory, level)? {
            return Ok(false);
        }
    }
    logger.call_method1("isEnabledFor", (level,))?.is_truthy()
}

/// The loggers that take the DEBUG lines of `class`; `names_logger` tells whether it may name a further one.
fn each_taking(
    class: &Bound<'_, PyType>,
    names_logger: bool,
    mut then: impl FnMut(&Bound<'_, PyAny>) -> PyResult<()>,
) -> PyResult<()> {
    let py = class.py();
    let Logger { own, memory: known, level } = logger(py)?;
    let (own, level) = (own.bind(py), level.bind(py));
    if takes(own, known.as_ref().map(|known| known.bind(py)), level)? {
        then(own)?;
    }
    if !names_logger {
        return Ok(());
    }
    let further = class.getattr(DEBUG_LOGGER)?;
    if !further.is_none() && takes(&further, memory(&further)?.as_ref(), level)? {
        then(&further)?;
    }
    Ok(())
}

/// Whether anybody takes the DEBUG lines of `class`.
pub(super) fn is_on(class: &Bound<'_, PyType>) -> PyResult<bool> {
    let mut on = false;
    each_taking(class, true, |_| {
        on = true;
        Ok(())
    })?;
    Ok(on)
}

/// Log a verdict and the pattern that decided it, if DEBUG is on. `pattern` is only asked for then; `names_logger` tells
/// whether the class may name a further logger.
pub(super) fn verdict<'py>(
    class: &Bound<'py, PyType>,
    names_logger: bool,
    verdict: Verdict,
    pattern: impl Fn() -> Option<Bound<'py, PyString>>,
) -> PyResult<()> {
    each_taking(class, names_logger, |logger| {
        match pattern() {
            Some(pattern) => logger.call_method1("debug", ("Classified as %s: %s", verdict.name(), pattern))?,
            None => logger.call_method1("debug", ("Classified as %s", verdict.name()))?,
        };
        Ok(())
    })
}
