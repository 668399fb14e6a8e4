//! `RetryStrategy`.

use super::error_type::Verdict;
use super::{Given, shown, utf8, wrong_type};
use crate::presets::Preset;
use crate::strategy::{self, Strategy};
use chrono::{DateTime, Utc};
use pyo3::exceptions::{PyOverflowError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDateTime, PyDict, PyFloat, PyInt, PyTuple};
use std::sync::{PoisonError, RwLock};

/// How often a job is tried and how long it waits between two attempts.
///
/// Args:
///     `max_attempts`: attempts in all, the first included; a whole number, 0 or more.
///     `base_delay`: seconds to wait after the second attempt, the first that is followed by a wait.
///     `max_delay`: longest delay, in seconds.
///     `backoff_factor`: what each further delay is multiplied by.
///     `jitter`: fraction from 0 to 1 by which `jittered_delay` may lengthen a delay.
///
/// All are attributes that can be set. Strategies of one class with the same parameters are equal; as they can change,
/// they have no hash. They can be pickled, copied and subclassed, also with a constructor of another signature.
///
/// Raises:
///     TypeError: a parameter is no number; the error names it.
///     ValueError: a parameter is negative, infinite, not a number or out of range; the error names it.
// Frozen for Rust and writable for Python: a lock around plain numbers, held for a copy, so that a setter in one thread
// never meets a borrow in another.
#[pyclass(module = "job_retry._native", subclass, dict, weakref, frozen)]
#[derive(Default)]
pub(super) struct RetryStrategy {
    strategy: RwLock<Strategy>,
}

/// Attempts, base, cap, factor and jitter, as they are pickled.
type Parameters = (i64, f64, f64, f64, f64);

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

/// The delay as Python sees it: a subclass or a program may have put another formula in its place.
fn delay_seconds(slf: &Bound<'_, RetryStrategy>, attempt_count: &Bound<'_, PyAny>) -> PyResult<f64> {
    let delay = slf.call_method1("get_retry_delay", (attempt_count,))?;
    let seconds = number("what get_retry_delay returns", &delay)?;
    if seconds >= 0.0 {
        return Ok(seconds);
    }
    Err(PyValueError::new_err(format!(
        "get_retry_delay of {} must return seconds, 0 or more, not {seconds}",
        slf.get_type().name()?
    )))
}

#[pymethods]
impl RetryStrategy {
    /// Take anything, so that a subclass may have a constructor of its own.
    #[new]
    #[pyo3(
        signature = (*_args, **_kwargs),
        text_signature = "(max_attempts=3, base_delay=1.0, max_delay=300.0, backoff_factor=2.0, *, jitter=0.0)"
    )]
    fn new(_args: &Bound<'_, PyTuple>, _kwargs: Option<&Bound<'_, PyDict>>) -> Self {
        Self::default()
    }

    #[pyo3(signature = (
        max_attempts = Given(None),
        base_delay = Given(None),
        max_delay = Given(None),
        backoff_factor = Given(None),
        *,
        jitter = Given(None)
    ))]
    #[expect(clippy::needless_pass_by_value, reason = "the shape of arguments")]
    fn __init__(
        &self,
        max_attempts: Given<'_>,
        base_delay: Given<'_>,
        max_delay: Given<'_>,
        backoff_factor: Given<'_>,
        jitter: Given<'_>,
    ) -> PyResult<()> {
        let mut made = Strategy::default();
        if let Some(value) = &max_attempts.0 {
            made.set_max_attempts(whole("max_attempts", value)?)?;
        }
        if let Some(value) = &base_delay.0 {
            made.set_base_delay(number("base_delay", value)?)?;
        }
        if let Some(value) = &max_delay.0 {
            made.set_max_delay(number("max_delay", value)?)?;
        }
        if let Some(value) = &backoff_factor.0 {
            made.set_backoff_factor(number("backoff_factor", value)?)?;
        }
        if let Some(value) = &jitter.0 {
            made.set_jitter(number("jitter", value)?)?;
        }
        self.edit(|strategy| {
            *strategy = made;
            Ok(())
        })
    }

    /// Attempts in all, the first included.
    #[getter]
    fn max_attempts(&self) -> i64 {
        self.get().max_attempts()
    }

    #[setter]
    fn set_max_attempts(&self, value: &Bound<'_, PyAny>) -> PyResult<()> {
        let value = whole("max_attempts", value)?;
        self.edit(|strategy| strategy.set_max_attempts(value))
    }

    /// Seconds to wait after the second attempt.
    #[getter]
    fn base_delay(&self) -> f64 {
        self.get().base_delay()
    }

    #[setter]
    fn set_base_delay(&self, value: &Bound<'_, PyAny>) -> PyResult<()> {
        let value = number("base_delay", value)?;
        self.edit(|strategy| strategy.set_base_delay(value))
    }

    /// Longest delay, in seconds.
    #[getter]
    fn max_delay(&self) -> f64 {
        self.get().max_delay()
    }

    #[setter]
    fn set_max_delay(&self, value: &Bound<'_, PyAny>) -> PyResult<()> {
        let value = number("max_delay", value)?;
        self.edit(|strategy| strategy.set_max_delay(value))
    }

    /// What each further delay is multiplied by.
    #[getter]
    fn backoff_factor(&self) -> f64 {
        self.get().backoff_factor()
    }

    #[setter]
    fn set_backoff_factor(&self, value: &Bound<'_, PyAny>) -> PyResult<()> {
        let value = number("backoff_factor", value)?;
        self.edit(|strategy| strategy.set_backoff_factor(value))
    }

    /// Fraction from 0 to 1 by which `jittered_delay` may lengthen a delay.
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
    ///
    /// False for a permanent error, else ``attempt_count < max_attempts``. `error_type` is an `ErrorType`, its value, or
    /// a member of any enum with such a value.
    ///
    /// Raises:
    ///     TypeError: `attempt_count` is no whole number, or `error_type` neither a str nor an enum member.
    ///     ValueError: `error_type` has another value.
    fn should_retry(&self, attempt_count: &Bound<'_, PyAny>, error_type: &Bound<'_, PyAny>) -> PyResult<bool> {
        let verdict = Verdict::read(error_type)?;
        let attempt_count = match Whole::read("attempt_count", attempt_count)? {
            Whole::Fits(number) => number,
            Whole::Below => i64::MIN,
            Whole::Beyond { .. } => i64::MAX,
        };
        Ok(verdict != Verdict::Permanent && attempt_count < self.get().max_attempts())
    }

    /// Return the seconds to wait after attempt number `attempt_count`.
    ///
    /// 0.0 up to the first attempt, then ``min(base_delay * backoff_factor ** (attempt_count - 2), max_delay)``, to the
    /// bit what Python computes; where Python would raise OverflowError, `max_delay`. (Exponential backoff with a cap,
    /// as in Metcalfe and Boggs, "Ethernet: distributed packet switching for local computer networks", 1976.)
    ///
    /// Raises:
    ///     TypeError: `attempt_count` is no whole number.
    fn get_retry_delay(&self, attempt_count: &Bound<'_, PyAny>) -> PyResult<f64> {
        let own = self.get();
        Ok(match Whole::read("attempt_count", attempt_count)? {
            Whole::Fits(number) => own.delay_seconds(number),
            Whole::Below => 0.0,
            Whole::Beyond { double: true } => own.delay_seconds(i64::MAX),
            Whole::Beyond { double: false } => own.max_delay(),
        })
    }

    /// Return the delays after attempts 1 to ``max_attempts - 1``, in seconds.
    ///
    /// Raises:
    ///     ValueError: `max_attempts` is above a million.
    fn schedule(slf: &Bound<'_, Self>) -> PyResult<Vec<f64>> {
        let attempts = slf.get().get().listed_attempts()?;
        attempts.map(|attempt| delay_seconds(slf, attempt.into_pyobject(slf.py())?.as_any())).collect()
    }

    /// Return when the attempt after number `attempt_count` is due, in the time zone of `now`.
    ///
    /// `now` is an aware datetime; the delay is real time, also where the clocks change. At the latest the end of the
    /// year 9999.
    ///
    /// Raises:
    ///     TypeError: `now` is no datetime, or `attempt_count` no whole number.
    ///     ValueError: `now` is naive.
    fn next_retry_at<'py>(
        slf: &Bound<'py, Self>,
        attempt_count: &Bound<'py, PyAny>,
        now: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        if !now.is_instance_of::<PyDateTime>() {
            return Err(wrong_type("now", "an aware datetime", now));
        }
        if now.call_method0("utcoffset")?.is_none() {
            return Err(PyValueError::new_err(format!("now must be an aware datetime, not {}", shown(now))));
        }
        let zone = now.getattr("tzinfo")?;
        let delay = delay_seconds(slf, attempt_count)?;
        let datetime = py.import("datetime")?;
        let utc = datetime.getattr("timezone")?.getattr("utc")?;
        let later = now
            .call_method1("astimezone", (utc,))
            .and_then(|now| now.extract::<DateTime<Utc>>())
            .and_then(|now| strategy::after(now, delay).into_pyobject(py))
            .and_then(|later| later.call_method1("astimezone", (&zone,)));
        match later {
            // At the edge of the calendar a moment may exist in UTC and not in the zone asked for.
            Err(error) if error.is_instance_of::<PyOverflowError>(py) && now.getattr("year")?.gt(1)? => {
                let end = datetime.getattr("datetime")?.getattr("max")?;
                let arguments = PyDict::new(py);
                arguments.set_item("tzinfo", zone)?;
                end.call_method("replace", (), Some(&arguments))
            }
            later => later,
        }
    }

    /// Return the delay after attempt number `attempt_count`, lengthened by a share that `key` decides.
    ///
    /// ``min(delay + u * jitter * max(delay, base_delay), max_delay)`` seconds, where ``u`` in [0, 1) is a hash of
    /// `key`, so the same key always gives the same delay. The bytes of `key` are those of a bytes object, the UTF-8 of
    /// ``str(key)``, or for a tuple its parts' joined by a colon: ``(7, 2)`` is ``b"7:2"``. ``u`` is the 64-bit FNV-1a
    /// of these bytes, put through the finaliser of SplitMix64; its upper 53 bits, divided by 2**53.
    ///
    /// Args:
    ///     `attempt_count`: number of the attempt that failed.
    ///     `key`: what the share depends on, such as the job's primary key and `attempt_count`.
    ///     `jitter`: in place of the strategy's own.
    ///
    /// Raises:
    ///     TypeError: `attempt_count` is no whole number, or `jitter` no number.
    ///     ValueError: `jitter` is no fraction from 0 to 1.
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
        Ok(own.jittered(delay_seconds(slf, attempt_count)?, &key_bytes(key)?, jitter))
    }

    fn __eq__<'py>(slf: &Bound<'py, Self>, other: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        match other.cast::<Self>() {
            Ok(other) if slf.get_type().is(other.get_type()) => {
                Ok((slf.get().get() == other.get().get()).into_pyobject(py)?.to_owned().into_any())
            }
            // The other side may know what it equals, as `unittest.mock.ANY` does.
            _ => Ok(py.NotImplemented().into_bound(py)),
        }
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

    /// Have even the oldest protocols of pickle make the object by its class, as the later ones do.
    fn __reduce_ex__<'py>(slf: &Bound<'py, Self>, protocol: i32) -> PyResult<Bound<'py, PyAny>> {
        slf.py().get_type::<PyAny>().call_method1("__reduce_ex__", (slf, protocol.max(2)))
    }

    /// Return the parameters and the instance's own attributes, for pickle and copy.
    fn __getstate__(slf: &Bound<'_, Self>) -> PyResult<(Parameters, Py<PyAny>)> {
        let own = slf.get().get();
        let numbers = (own.max_attempts(), own.base_delay(), own.max_delay(), own.backoff_factor(), own.jitter());
        Ok((numbers, slf.getattr("__dict__")?.unbind()))
    }

    /// Take what `__getstate__` returned.
    fn __setstate__(slf: &Bound<'_, Self>, state: (Parameters, Bound<'_, PyDict>)) -> PyResult<()> {
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

fn number(name: &'static str, value: &Bound<'_, PyAny>) -> PyResult<f64> {
    value.extract::<f64>().map_err(|error| {
        if error.is_instance_of::<PyOverflowError>(value.py()) {
            return PyValueError::new_err(format!("{name} must be a finite number, not an integer beyond all doubles"));
        }
        wrong_type(name, "a number", value)
    })
}

/// A whole number of any size, as far as the arithmetic can tell them apart.
enum Whole {
    Fits(i64),
    Below,
    Beyond {
        /// Whether a double can hold it.
        double: bool,
    },
}

impl Whole {
    fn read(name: &'static str, value: &Bound<'_, PyAny>) -> PyResult<Self> {
        let number = if value.is_instance_of::<PyInt>() {
            value.clone()
        } else {
            value.call_method0("__index__").map_err(|_| wrong_type(name, "a whole number", value))?
        };
        if let Ok(number) = number.extract() {
            return Ok(Self::Fits(number));
        }
        if number.lt(0)? {
            return Ok(Self::Below);
        }
        // The exponent is what CPython has to convert.
        Ok(Self::Beyond { double: number.sub(2)?.extract::<f64>().is_ok() })
    }
}

fn whole(name: &'static str, value: &Bound<'_, PyAny>) -> PyResult<i64> {
    if let Ok(double) = value.cast::<PyFloat>() {
        let double = double.value();
        if !double.is_finite() {
            return Err(PyValueError::new_err(format!("{name} must be a whole number, 0 or more, not {double:?}")));
        }
    }
    match Whole::read(name, value)? {
        Whole::Fits(number) => Ok(number),
        Whole::Below => Err(PyValueError::new_err(format!("{name} must be a whole number, 0 or more"))),
        Whole::Beyond { .. } => Err(PyValueError::new_err(format!("{name} must be at most 2**63 - 1"))),
    }
}

/// The bytes that are hashed: of bytes themselves, of a tuple its parts' joined by a colon, of anything else the UTF-8
/// of its `str()`.
fn key_bytes(key: &Bound<'_, PyAny>) -> PyResult<Vec<u8>> {
    if let Ok(parts) = key.cast::<PyTuple>() {
        let parts: Vec<Vec<u8>> = parts.iter().map(|part| part_bytes(&part)).collect::<PyResult<_>>()?;
        return Ok(parts.join(&b':'));
    }
    part_bytes(key)
}

fn part_bytes(value: &Bound<'_, PyAny>) -> PyResult<Vec<u8>> {
    if let Ok(bytes) = value.cast::<PyBytes>() {
        return Ok(bytes.as_bytes().to_vec());
    }
    Ok(utf8(&value.str()?)?.as_bytes().to_vec())
}
