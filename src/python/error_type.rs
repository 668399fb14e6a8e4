//! The members of `job_retry.ErrorType`, which is a Python enum.

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyString;

use super::shown;
use crate::packs::rule;

/// A verdict, in the order of `members`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Transient,
    Permanent,
    Unknown,
}

impl From<rule::Verdict> for Verdict {
    fn from(verdict: rule::Verdict) -> Self {
        match verdict {
            rule::Verdict::Transient => Self::Transient,
            rule::Verdict::Permanent => Self::Permanent,
            rule::Verdict::Unknown => Self::Unknown,
        }
    }
}

const NAMES: [&str; 3] = ["TRANSIENT", "PERMANENT", "UNKNOWN"];
const VALUES: [&str; 3] = ["transient", "permanent", "unknown"];

impl Verdict {
    pub(super) fn name(self) -> &'static str {
        NAMES[self as usize]
    }

    /// The enum member itself.
    pub(super) fn member(self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        Ok(members(py)?[self as usize].clone_ref(py))
    }

    /// Read an `ErrorType`, its value, or a member of another enum with such a value.
    pub(super) fn read(value: &Bound<'_, PyAny>) -> PyResult<Self> {
        let py = value.py();
        let verdicts = [Self::Transient, Self::Permanent, Self::Unknown];
        for (verdict, member) in verdicts.into_iter().zip(members(py)?) {
            if value.is(member) {
                return Ok(verdict);
            }
        }
        let text = if value.is_instance_of::<PyString>() { value.clone() } else { enum_value(value)? };
        let found = text.cast::<PyString>().ok().and_then(|text| {
            let text = text.to_str().ok()?;
            verdicts.into_iter().find(|verdict| VALUES[*verdict as usize] == text)
        });
        found.ok_or_else(|| {
            PyValueError::new_err(format!(
                "error_type must be ErrorType.TRANSIENT, PERMANENT or UNKNOWN, or 'transient', 'permanent' or \
                 'unknown', not {}",
                shown(value)
            ))
        })
    }
}

fn enum_value<'py>(value: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    static ENUM: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let py = value.py();
    let base = ENUM.get_or_try_init(py, || PyResult::Ok(py.import("enum")?.getattr("Enum")?.unbind()))?;
    if value.is_instance(base.bind(py))? {
        return value.getattr("value");
    }
    let kind = value.get_type().name()?;
    Err(PyTypeError::new_err(format!(
        "error_type must be an ErrorType, its string value or an enum member, not {kind}"
    )))
}

/// The members themselves, in the order of the verdicts.
pub(super) fn members(py: Python<'_>) -> PyResult<&[Py<PyAny>; 3]> {
    static MEMBERS: PyOnceLock<[Py<PyAny>; 3]> = PyOnceLock::new();
    MEMBERS.get_or_try_init(py, || {
        let class = py.import("job_retry.error_type")?.getattr("ErrorType")?;
        let member = |name: &str| PyResult::Ok(class.getattr(name)?.unbind());
        Ok([member(NAMES[0])?, member(NAMES[1])?, member(NAMES[2])?])
    })
}
