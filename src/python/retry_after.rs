//! How long a message or an exception asks to be left alone.

use super::exception::Step::{self, Attribute, Key};
use super::exception::{all, follow, lenient, text_of, whole_number};
use super::{shown, wrong_type};
use crate::packs::retry_after::{believed, of_header, of_text};
use chrono::{DateTime, TimeDelta, Utc};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDateTime, PyDelta, PyDict, PyFloat, PyString};
use std::time::SystemTime;

/// Where exceptions keep the headers of an answer.
const HEADERS: &[&[Step]] = &[
    // requests, httpx, azure.core
    &[Attribute("response"), Attribute("headers")],
    // botocore
    &[Attribute("response"), Key("ResponseMetadata"), Key("HTTPHeaders")],
    // urllib, aiohttp, kubernetes
    &[Attribute("headers")],
    // googleapiclient, where the answer is itself a dict of its headers
    &[Attribute("resp")],
];

/// Headers, and the seconds of one unit of their numbers. The most precise one stands first.
const NAMES: &[(&str, f64)] = &[
    ("retry-after-ms", 0.001),
    ("x-ms-retry-after-ms", 0.001),
    ("retry-after", 1.0),
    ("x-ratelimit-reset-after", 1.0),
];

/// Most entries of a dict that are looked through for a header, whose name may be written in any case.
const MOST_HEADERS: usize = 200;

/// Attributes of exceptions, and the seconds of one unit of their numbers.
const ATTRIBUTES: &[(&str, f64)] = &[("retry_after_ms", 0.001), ("retry_after", 1.0), ("retry_after_seconds", 1.0)];

/// Return the seconds that a message, or an exception or one behind it, asks for; None where none does.
///
/// Of each exception first the headers of an answer, then an attribute, then the text.
///
/// # Errors
/// `TypeError` for what is neither a str nor an exception; what an attribute raises that is no `Exception`.
pub(super) fn seconds(source: &Bound<'_, PyAny>, now: DateTime<Utc>) -> PyResult<Option<f64>> {
    if let Ok(message) = source.cast::<PyString>() {
        return Ok(of_text(super::utf8(message)?.as_bytes(), now));
    }
    for exception in all(source)? {
        for step in [of_headers, of_attributes] {
            if let Some(seconds) = step(&exception, now)? {
                return Ok(Some(seconds));
            }
        }
        if let Some(seconds) = of_text(&text_of(&exception)?, now) {
            return Ok(Some(seconds));
        }
    }
    Ok(None)
}

/// Read an argument `now`: an aware datetime, or None for the clock.
///
/// # Errors
/// `TypeError` for anything else, `ValueError` for a naive datetime.
pub(super) fn instant(now: Option<&Bound<'_, PyAny>>) -> PyResult<DateTime<Utc>> {
    let Some(now) = now else { return Ok(SystemTime::now().into()) };
    if !now.is_instance_of::<PyDateTime>() {
        return Err(wrong_type("now", "an aware datetime or None", now));
    }
    if now.call_method0("utcoffset")?.is_none() {
        return Err(PyValueError::new_err(format!("now must be an aware datetime, not {}", shown(now))));
    }
    let utc = now.py().import("datetime")?.getattr("timezone")?.getattr("utc")?;
    now.call_method1("astimezone", (utc,))?.extract()
}

fn of_headers(exception: &Bound<'_, PyAny>, now: DateTime<Utc>) -> PyResult<Option<f64>> {
    for path in HEADERS {
        let Some(headers) = follow(exception, path)? else { continue };
        for (name, unit) in NAMES {
            let Some(value) = header(&headers, name)? else { continue };
            if let Some(seconds) = read(&value, *unit, now) {
                return Ok(Some(seconds));
            }
        }
    }
    Ok(None)
}

/// The value of a header: the mappings of clients know that its case means nothing, a dict does not.
fn header<'py>(headers: &Bound<'py, PyAny>, name: &str) -> PyResult<Option<Bound<'py, PyAny>>> {
    if let Ok(headers) = headers.cast_exact::<PyDict>() {
        let mut entries = headers.iter().take(MOST_HEADERS);
        let same = |key: &Bound<'_, PyAny>| {
            key.cast::<PyString>().is_ok_and(|key| key.to_string_lossy().eq_ignore_ascii_case(name))
        };
        return Ok(entries.find(|(key, _)| same(key)).map(|(_, value)| value));
    }
    lenient(headers.py(), headers.call_method1("get", (name,)))
}

fn of_attributes(exception: &Bound<'_, PyAny>, now: DateTime<Utc>) -> PyResult<Option<f64>> {
    for (name, unit) in ATTRIBUTES {
        let Some(value) = follow(exception, &[Attribute(name)])? else { continue };
        if let Some(seconds) = read(&value, *unit, now) {
            return Ok(Some(seconds));
        }
    }
    Ok(None)
}

/// Read a number in units of so many seconds, a span of time, or the text of a header.
fn read(value: &Bound<'_, PyAny>, unit: f64, now: DateTime<Utc>) -> Option<f64> {
    if value.is_instance_of::<PyDelta>() {
        return believed(value.extract::<TimeDelta>().ok()?.as_seconds_f64());
    }
    if let Ok(number) = value.cast::<PyFloat>() {
        return believed(number.value() * unit);
    }
    if let Some(number) = whole_number(value) {
        #[expect(clippy::cast_precision_loss, reason = "what a double cannot hold is far beyond what is believed")]
        return believed(number as f64 * unit);
    }
    let text = match (value.cast::<PyString>(), value.cast::<PyBytes>()) {
        (Ok(text), _) => text.to_string_lossy().into_owned(),
        (_, Ok(bytes)) => String::from_utf8_lossy(bytes.as_bytes()).into_owned(),
        _ => return None,
    };
    of_header(&text, unit, now)
}
