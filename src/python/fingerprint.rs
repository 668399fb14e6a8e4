//! `fingerprint`.

use super::exception::{lenient, whole_number};
use super::lists::DETACH_BYTES;
use super::text::unicode;
use super::{Given, shown, wrong_type};
use crate::error::Error;
use crate::fingerprint::{LATEST_VERSION, fingerprint as fingerprint_of};
use pyo3::exceptions::PyBaseException;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBool, PyInt, PyString};

/// Return the `Fingerprint` of an error: which cause it speaks of, whatever differs from one time to the next.
///
/// Of an exception that of the text ``TypeName: message``. What varies (ids, digests, UUIDs, addresses, ports, paths,
/// URLs, numbers, timestamps, names in quotes) is replaced by placeholders; codes that decide (of HTTP, errno, SQLSTATE,
/// exit codes and the like) are kept. Secrets are masked first. Takes time linear in the message.
///
/// Args:
///     `message`: the text, or the exception.
///     version: of the algorithm; the ids of a version never change.
///
/// Raises:
///     TypeError: `message` is neither a str nor an exception, or `version` no whole number.
///     `ValueError`: there is no such version; the error lists those there are.
#[pyfunction]
#[pyo3(signature = (message, *, version = Given(None)), text_signature = "(message, *, version=1)")]
#[expect(clippy::needless_pass_by_value, reason = "the shape of arguments")]
pub(super) fn fingerprint<'py>(message: &Bound<'py, PyAny>, version: Given<'py>) -> PyResult<Bound<'py, PyAny>> {
    static CLASS: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let py = message.py();
    let version = version.0.as_ref().map_or(Ok(LATEST_VERSION), version_number)?;
    let text = match message.cast::<PyString>() {
        Ok(text) => text.clone(),
        Err(_) if message.is_instance_of::<PyBaseException>() => text_of(message)?,
        Err(_) => return Err(wrong_type("message", "a str or an exception", message)),
    };
    let text = unicode(&text)?;
    let text = text.to_str()?;
    let found = if text.len() < DETACH_BYTES {
        fingerprint_of(text, version)
    } else {
        py.detach(|| fingerprint_of(text, version))
    }?;
    let class = CLASS.import(py, "job_retry.fingerprints", "Fingerprint")?;
    class.call1((found.id, found.template))
}

fn version_number(version: &Bound<'_, PyAny>) -> PyResult<i64> {
    if let Some(number) = whole_number(version) {
        return Ok(number);
    }
    if version.is_instance_of::<PyInt>() && !version.is_instance_of::<PyBool>() {
        return Err(Error::FingerprintVersion { version: shown(version) }.into());
    }
    Err(wrong_type("version", "a whole number", version))
}

/// `TypeName: message`, or `TypeName` where it has no message.
fn text_of<'py>(exception: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyString>> {
    let name = exception.get_type().name()?;
    let message = lenient(exception.py(), exception.str())?;
    match message {
        Some(message) if message.len()? > 0 => {
            let separated = name.add(": ")?.add(message)?;
            Ok(separated.cast_into::<PyString>()?)
        }
        _ => Ok(name),
    }
}
