//! The classifier's DEBUG lines on the logger `job_retry`.

use super::error_type::Verdict;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyString};

const DEBUG: i32 = 10;

struct Logger {
    logger: Py<PyAny>,
    /// `logging.Logger` remembers per level whether it is enabled; asking that dictionary costs a tenth of asking the
    /// method. `setLevel` and `logging.disable` clear it and never replace it. None for another class of logger.
    enabled: Option<Py<PyDict>>,
}

fn logger(py: Python<'_>) -> PyResult<&Logger> {
    static LOGGER: PyOnceLock<Logger> = PyOnceLock::new();
    LOGGER.get_or_try_init(py, || {
        let logging = py.import("logging")?;
        let logger = logging.call_method1("getLogger", ("job_retry",))?;
        let plain = logger.get_type().is(&logging.getattr("Logger")?);
        let enabled =
            if plain { logger.getattr("_cache").ok().and_then(|cache| cache.cast_into::<PyDict>().ok()) } else { None };
        Ok(Logger { logger: logger.unbind(), enabled: enabled.map(Bound::unbind) })
    })
}

/// Log a verdict and the pattern that decided it, if DEBUG is on. `pattern` is only asked for then.
pub(super) fn verdict<'py>(
    py: Python<'py>,
    verdict: Verdict,
    pattern: impl FnOnce() -> Option<Bound<'py, PyString>>,
) -> PyResult<()> {
    let Logger { logger, enabled } = logger(py)?;
    if let Some(enabled) = enabled {
        if enabled.bind(py).get_item(DEBUG)?.is_some_and(|known| matches!(known.extract::<bool>(), Ok(false))) {
            return Ok(());
        }
    }
    let logger = logger.bind(py);
    if logger.call_method1("isEnabledFor", (DEBUG,))?.is_truthy()? {
        match pattern() {
            Some(pattern) => logger.call_method1("debug", ("Classified as %s: %s", verdict.name(), pattern))?,
            None => logger.call_method1("debug", ("Classified as %s", verdict.name()))?,
        };
    }
    Ok(())
}
