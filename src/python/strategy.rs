//! `RetryStrategy`.

use crate::presets::Preset;
use crate::strategy::{self, Strategy};
use chrono::{DateTime, Utc};
use pyo3::exceptions::{PyOverflowError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDateTime, PyDict, PyInt, PyString, PyTuple};
use std::sync::{PoisonError, RwLock};

use super::error_type::Verdict;

/// How often a job is tried and how long it waits between two attempts.
///
/// Frozen for Rust and writable for Python: a lock around plain numbers, held for a copy, so that a setter in one
/// thread never meets a borrow in another.
#[pyclass(module = "job_retry._native", subclass, dict, weakref, frozen)]
#[derive(Default)]
pub(super) struct RetryStrategy {
    strategy: RwLock<Strategy>,
}

impl RetryStrategy {
    pub(super) fn preset(preset: &Preset) -> PyResult<Self> {
        let made = Self::default();
        made.edit(|strategy| {
            strategy.set_max_attempts(preset.max_attempts)?;
            strategy.set_base_delay(preset.base_delay)?;
            strategy.set_max_delay(preset.max_delay)
        })?;
        Ok(made)
    }

    fn get(&self) -> Strategy {
        *self.strategy.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn edit(&self, change: impl FnOnce(&mut Strategy) -> Result<(), crate::error::Error>) -> PyResult<()> {
        Ok(change(&mut self.strategy.write().unwrap_or_else(PoisonError::into_inner))?)
    }
}

/// The delay as Python sees it: a subclass may have a formula of its own.
fn delay_seconds(slf: &Bound<'_, RetryStrategy>, attempt_count: i64) -> PyResult<f64> {
    if slf.get_type().is(slf.py().get_type::<RetryStrategy>()) {
        return Ok(slf.get().get().delay_seconds(attempt_count));
    }
    slf.call_method1("get_retry_delay", (attempt_count,))?.extract()
}

#[pymethods]
impl RetryStrategy {
    /// Take anything, so that a subclass may have a constructor of its own.
    #[new]
    #[pyo3(signature = (*_args, **_kwargs))]
    fn new(_args: &Bound<'_, PyTuple>, _kwargs: Option<&Bound<'_, PyDict>>) -> Self {
        Self::default()
    }

    #[pyo3(signature = (max_attempts = None, base_delay = None, max_delay = None, backoff_factor = None, *, jitter = None))]
    fn __init__(
        &self,
        max_attempts: Option<&Bound<'_, PyAny>>,
        base_delay: Option<&Bound<'_, PyAny>>,
        max_delay: Option<&Bound<'_, PyAny>>,
        backoff_factor: Option<&Bound<'_, PyAny>>,
        jitter: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        let mut made = Strategy::default();
        if let Some(value) = max_attempts {
            made.set_max_attempts(whole("max_attempts", value)?)?;
        }
        if let Some(value) = base_delay {
            made.set_base_delay(number("base_delay", value)?)?;
        }
        if let Some(value) = max_delay {
            made.set_max_delay(number("max_delay", value)?)?;
        }
        if let Some(value) = backoff_factor {
            made.set_backoff_factor(number("backoff_factor", value)?)?;
        }
        if let Some(value) = jitter {
            made.set_jitter(number("jitter", value)?)?;
        }
        self.edit(|strategy| {
            *strategy = made;
            Ok(())
        })
    }

    #[getter]
    fn max_attempts(&self) -> i64 {
        self.get().max_attempts()
    }

    #[setter]
    fn set_max_attempts(&self, value: &Bound<'_, PyAny>) -> PyResult<()> {
        let value = whole("max_attempts", value)?;
        self.edit(|strategy| strategy.set_max_attempts(value))
    }

    #[getter]
    fn base_delay(&self) -> f64 {
        self.get().base_delay()
    }

    #[setter]
    fn set_base_delay(&self, value: &Bound<'_, PyAny>) -> PyResult<()> {
        let value = number("base_delay", value)?;
        self.edit(|strategy| strategy.set_base_delay(value))
    }

    #[getter]
    fn max_delay(&self) -> f64 {
        self.get().max_delay()
    }

    #[setter]
    fn set_max_delay(&self, value: &Bound<'_, PyAny>) -> PyResult<()> {
        let value = number("max_delay", value)?;
        self.edit(|strategy| strategy.set_max_delay(value))
    }

    #[getter]
    fn backoff_factor(&self) -> f64 {
        self.get().backoff_factor()
    }

    #[setter]
    fn set_backoff_factor(&self, value: &Bound<'_, PyAny>) -> PyResult<()> {
        let value = number("backoff_factor", value)?;
        self.edit(|strategy| strategy.set_backoff_factor(value))
    }

    #[getter]
    fn jitter(&self) -> f64 {
        self.get().jitter()
    }

    #[setter]
    fn set_jitter(&self, value: &Bound<'_, PyAny>) -> PyResult<()> {
        let value = number("jitter", value)?;
        self.edit(|strategy| strategy.set_jitter(value))
    }

    /// Return whether a job may run again after its failed attempt number `attempt_count`.
    fn should_retry(&self, attempt_count: &Bound<'_, PyAny>, error_type: &Bound<'_, PyAny>) -> PyResult<bool> {
        let verdict = Verdict::read(error_type)?;
        let attempt_count = saturated("attempt_count", attempt_count)?;
        Ok(verdict != Verdict::Permanent && attempt_count < self.get().max_attempts())
    }

    /// Return the seconds to wait after attempt number `attempt_count`.
    fn get_retry_delay(&self, attempt_count: &Bound<'_, PyAny>) -> PyResult<f64> {
        Ok(self.get().delay_seconds(saturated("attempt_count", attempt_count)?))
    }

    /// Return the delays after attempts 1 to `max_attempts - 1`, in seconds.
    fn schedule(slf: &Bound<'_, Self>) -> PyResult<Vec<f64>> {
        let delays = slf.get().get().schedule()?;
        (1i64..).take(delays.len()).map(|attempt| delay_seconds(slf, attempt)).collect()
    }

    /// Return when the attempt after number `attempt_count` is due, in the time zone of `now`.
    fn next_retry_at<'py>(
        slf: &Bound<'py, Self>,
        attempt_count: &Bound<'py, PyAny>,
        now: &Bound<'py, PyDateTime>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        let zone = now.getattr("tzinfo")?;
        if now.call_method0("utcoffset")?.is_none() {
            return Err(PyValueError::new_err(format!("now must be an aware datetime, not {}", now.repr()?)));
        }
        let delay = delay_seconds(slf, saturated("attempt_count", attempt_count)?)?;
        let datetime = py.import("datetime")?;
        let utc = datetime.getattr("timezone")?.getattr("utc")?;
        let later = now
            .call_method1("astimezone", (utc,))
            .and_then(|now| now.extract::<DateTime<Utc>>())
            .and_then(|now| strategy::after(now, delay).into_pyobject(py))
            .and_then(|later| later.call_method1("astimezone", (&zone,)));
        match later {
            // At the edge of the calendar a moment may exist in UTC and not in the zone asked for.
            Err(error) if error.is_instance_of::<PyOverflowError>(py) => {
                let end = datetime.getattr("datetime")?.getattr("max")?;
                let arguments = PyDict::new(py);
                arguments.set_item("tzinfo", zone)?;
                end.call_method("replace", (), Some(&arguments))
            }
            later => later,
        }
    }

    /// Return the delay lengthened by a share that `key` decides.
    #[pyo3(signature = (attempt_count, key, *, jitter = None))]
    fn jittered_delay(
        slf: &Bound<'_, Self>,
        attempt_count: &Bound<'_, PyAny>,
        key: &Bound<'_, PyAny>,
        jitter: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<f64> {
        let own = slf.get().get();
        let jitter = match jitter {
            Some(value) => strategy::checked_jitter(number("jitter", value)?)?,
            None => own.jitter(),
        };
        let delay = delay_seconds(slf, saturated("attempt_count", attempt_count)?)?;
        Ok(own.jittered(delay, &key_bytes(key)?, jitter))
    }

    fn __eq__(slf: &Bound<'_, Self>, other: &Bound<'_, PyAny>) -> bool {
        other
            .cast::<Self>()
            .is_ok_and(|other| slf.get_type().is(other.get_type()) && slf.get().get() == other.get().get())
    }

    fn __repr__(slf: &Bound<'_, Self>) -> PyResult<String> {
        let own = slf.get().get();
        let jitter = if own.jitter() == 0.0 { String::new() } else { format!(", jitter={:?}", own.jitter()) };
        Ok(format!(
            "{}(max_attempts={}, base_delay={:?}, max_delay={:?}, backoff_factor={:?}{jitter})",
            slf.get_type().name()?,
            own.max_attempts(),
            own.base_delay(),
            own.max_delay(),
            own.backoff_factor(),
        ))
    }

    /// Return the parameters and the instance's own attributes, for pickle and copy.
    fn __getstate__(slf: &Bound<'_, Self>) -> PyResult<((i64, f64, f64, f64, f64), Py<PyAny>)> {
        let own = slf.get().get();
        let numbers = (own.max_attempts(), own.base_delay(), own.max_delay(), own.backoff_factor(), own.jitter());
        Ok((numbers, slf.getattr("__dict__")?.unbind()))
    }

    #[expect(clippy::needless_pass_by_value, reason = "the shape of the state that __getstate__ returns")]
    fn __setstate__(slf: &Bound<'_, Self>, state: ((i64, f64, f64, f64, f64), Bound<'_, PyDict>)) -> PyResult<()> {
        let ((max_attempts, base_delay, max_delay, backoff_factor, jitter), attributes) = state;
        slf.get().edit(|strategy| {
            strategy.set_max_attempts(max_attempts)?;
            strategy.set_base_delay(base_delay)?;
            strategy.set_max_delay(max_delay)?;
            strategy.set_backoff_factor(backoff_factor)?;
            strategy.set_jitter(jitter)
        })?;
        slf.getattr("__dict__")?.call_method1("update", (attributes,))?;
        Ok(())
    }
}

fn wrong_type(name: &str, expected: &str, value: &Bound<'_, PyAny>) -> PyErr {
    let kind = value.get_type().name().map_or_else(|_| String::from("?"), |name| name.to_string());
    let shown = value.repr().map_or_else(|_| String::from("?"), |text| text.to_string());
    PyTypeError::new_err(format!("{name} must be {expected}, not {kind} ({shown})"))
}

fn number(name: &'static str, value: &Bound<'_, PyAny>) -> PyResult<f64> {
    value.extract::<f64>().map_err(|error| {
        if error.is_instance_of::<PyOverflowError>(value.py()) {
            return PyValueError::new_err(format!("{name} must be a finite number, not an integer beyond it"));
        }
        wrong_type(name, "a number", value)
    })
}

fn whole(name: &'static str, value: &Bound<'_, PyAny>) -> PyResult<i64> {
    let number = integer(name, value)?;
    number.extract().map_err(|_| PyValueError::new_err(format!("{name} must be at most 2**63 - 1, not {number}")))
}

/// An integer of any size, as far as the arithmetic can tell them apart.
fn saturated(name: &'static str, value: &Bound<'_, PyAny>) -> PyResult<i64> {
    let number = integer(name, value)?;
    match number.extract() {
        Ok(number) => Ok(number),
        Err(_) => Ok(if number.gt(0)? { i64::MAX } else { i64::MIN }),
    }
}

fn integer<'py>(name: &'static str, value: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    if value.is_instance_of::<PyInt>() {
        return Ok(value.clone());
    }
    value.call_method0("__index__").map_err(|_| wrong_type(name, "a whole number", value))
}

/// The bytes that are hashed: of a str its UTF-8, of bytes themselves, of a tuple its parts' texts joined by a colon,
/// of anything else its `str()`.
fn key_bytes(key: &Bound<'_, PyAny>) -> PyResult<Vec<u8>> {
    if let Ok(bytes) = key.cast::<PyBytes>() {
        return Ok(bytes.as_bytes().to_vec());
    }
    if let Ok(parts) = key.cast::<PyTuple>() {
        let parts: Vec<Vec<u8>> = parts.iter().map(|part| text_bytes(&part)).collect::<PyResult<_>>()?;
        return Ok(parts.join(&b':'));
    }
    text_bytes(key)
}

fn text_bytes(value: &Bound<'_, PyAny>) -> PyResult<Vec<u8>> {
    let text: Bound<'_, PyString> = value.str()?;
    let bytes = text.call_method1("encode", ("utf-8", "surrogatepass"))?;
    Ok(bytes.cast::<PyBytes>()?.as_bytes().to_vec())
}
