//! What Python exceptions say of a failure: their classes, the codes they hold, their text, the exceptions behind them.
//!
//! Whatever is read is read by its name, from objects as they are: no library has to be imported for it. An attribute
//! that raises counts as missing, unless what it raises is no `Exception`: a `KeyboardInterrupt` goes on up.

mod codes;
mod links;
mod path;
mod text;

use crate::packs::evidence::Evidence;
use pyo3::exceptions::PyException;
use pyo3::prelude::*;
use pyo3::types::{PyString, PyTuple, PyType};
use std::borrow::Cow;

pub(super) use links::{all, failure_of};
pub(super) use path::{Step, follow};
pub(super) use text::text_of;

/// What is known of one exception, without those behind it.
fn evidence_of(exception: &Bound<'_, PyAny>) -> PyResult<Evidence<'static>> {
    let classes = Classes::of(exception)?;
    let codes = codes::codes_of(exception, &classes)?;
    let text = text_of(exception)?;
    Ok(Evidence { text: Cow::Owned(text), classes: classes.names, codes })
}

/// The dotted names of an exception's class and of its bases, by method resolution order.
pub(super) struct Classes {
    names: Vec<String>,
}

impl Classes {
    pub(super) fn of(exception: &Bound<'_, PyAny>) -> PyResult<Self> {
        // The class itself, whatever the object says in `__class__`. Only an odd metaclass hides the bases.
        let class = exception.get_type();
        let order = lenient(class.py(), class.getattr("__mro__"))?;
        let order = order
            .and_then(|order| order.cast_into::<PyTuple>().ok())
            .map_or_else(Vec::new, |order| order.iter().collect());
        let mut names = Vec::new();
        for class in order.iter().filter_map(|class| class.cast::<PyType>().ok()) {
            let name = dotted_name(class)?;
            if name != "object" {
                names.push(name);
            }
        }
        Ok(Self { names })
    }

    /// Whether one of them is `name`, or stands in the module or package of that name.
    pub(super) fn any(&self, name: &str) -> bool {
        let within =
            |class: &String| class.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
        self.names.iter().any(within)
    }
}

/// A class's module and qualified name; those of built-in classes stand for themselves.
fn dotted_name(class: &Bound<'_, PyType>) -> PyResult<String> {
    let text = |name: &str| {
        let value = lenient(class.py(), class.getattr(name))?;
        PyResult::Ok(value.and_then(|value| Some(value.cast::<PyString>().ok()?.to_string_lossy().into_owned())))
    };
    let name = text("__qualname__")?.unwrap_or_else(|| String::from("?"));
    Ok(match text("__module__")?.as_deref() {
        None | Some("builtins") => name,
        Some(module) => format!("{module}.{name}"),
    })
}

/// Take what raised an `Exception` for missing.
pub(super) fn lenient<T>(py: Python<'_>, result: PyResult<T>) -> PyResult<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.is_instance_of::<PyException>(py) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The value of a whole number; None for a truth value, for a number beyond 64 bits, and for all else.
pub(super) fn whole_number(value: &Bound<'_, PyAny>) -> Option<i64> {
    use pyo3::types::{PyBool, PyInt};
    if value.is_instance_of::<PyBool>() || !value.is_instance_of::<PyInt>() {
        return None;
    }
    value.extract().ok()
}
