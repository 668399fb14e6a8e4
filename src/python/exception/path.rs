//! Following a path of attributes, keys and calls through objects.

use super::lenient;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyList, PyString, PyTuple};

/// One step from an object to another.
#[derive(Debug, Clone, Copy)]
pub(in crate::python) enum Step {
    /// To an attribute.
    Attribute(&'static str),
    /// To the value of a key in a dict.
    Key(&'static str),
    /// To an item of a tuple or list.
    Item(usize),
    /// To what a method without arguments returns. Only for classes that are known to have it.
    Call(&'static str),
}

/// Return where a path leads; None where it ends early, or at None.
///
/// # Errors
/// What a step raises that is no `Exception`.
pub(in crate::python) fn follow<'py>(start: &Bound<'py, PyAny>, path: &[Step]) -> PyResult<Option<Bound<'py, PyAny>>> {
    let py = start.py();
    let mut here = start.clone();
    for step in path {
        let next = match *step {
            Step::Attribute(name) => attribute(&here, name)?,
            Step::Key(key) => match here.cast::<PyDict>() {
                Ok(dict) => lenient(py, dict.get_item(key))?.flatten(),
                Err(_) => None,
            },
            Step::Item(index) => {
                let items = here.cast::<PyTuple>().map(|items| items.get_item(index));
                let items = items.or_else(|_| here.cast::<PyList>().map(|items| items.get_item(index)));
                items.ok().and_then(Result::ok)
            }
            Step::Call(method) => lenient(py, here.call_method0(method))?,
        };
        match next.filter(|next| !next.is_none()) {
            Some(next) => here = next,
            None => return Ok(None),
        }
    }
    Ok(Some(here))
}

/// An attribute, or None. Python's own `getattr` with a default raises no error for the many that are missing, which
/// makes an exception ten times as fast to read.
fn attribute<'py>(object: &Bound<'py, PyAny>, name: &str) -> PyResult<Option<Bound<'py, PyAny>>> {
    static GETATTR: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let py = object.py();
    let getattr = GETATTR.import(py, "builtins", "getattr")?;
    lenient(py, getattr.call1((object, PyString::intern(py, name), py.None())))
}
