//! What a class decides by at this moment, found without asking it for each message anew.

use super::debug_log::DEBUG_LOGGER;
use super::lists::{List, Lists, PERMANENT_PATTERNS, TRANSIENT_PATTERNS};
use super::marks;
use pyo3::prelude::*;
use pyo3::types::PyType;
use std::cell::RefCell;
use std::num::NonZeroU32;
use std::rc::Rc;
use std::sync::Arc;

/// Classes that each thread remembers: a program has a handful of classifiers.
const REMEMBERED: usize = 8;

thread_local! {
    /// By what is left of the version when it is divided by their number.
    static RECENT: RefCell<[Option<Rc<Recent>>; REMEMBERED]> = const { RefCell::new([const { None }; REMEMBERED]) };
}

/// What a class decides by.
pub(super) struct Current {
    pub(super) lists: Arc<Lists>,
    /// Whether the class may name a further logger.
    pub(super) names_logger: bool,
}

/// What a class of this version has.
struct Recent {
    version: NonZeroU32,
    /// The objects that are its lists; what is in them may have changed.
    transient: Py<PyAny>,
    permanent: Py<PyAny>,
    current: Current,
}

impl Recent {
    fn is_of(&self, py: Python<'_>, version: NonZeroU32) -> bool {
        self.version == version && self.current.lists.are_in(self.transient.bind(py), self.permanent.bind(py))
    }
}

/// Call `then` with what `class` decides by at this moment.
pub(super) fn with_current<T>(class: &Bound<'_, PyType>, then: impl FnOnce(&Current) -> PyResult<T>) -> PyResult<T> {
    if let Some(version) = marks::version(class) {
        let recent = RECENT.with_borrow(|recent| recent[slot(version)].clone());
        if let Some(recent) = recent.filter(|recent| recent.is_of(class.py(), version)) {
            return then(&recent.current);
        }
    }
    let transient = List::of(class, TRANSIENT_PATTERNS)?;
    let permanent = List::of(class, PERMANENT_PATTERNS)?;
    let lists = Lists::compiled(&transient, &permanent)?;
    remember(class, &transient, &permanent, &lists)?;
    then(&Current { lists, names_logger: true })
}

/// Keep what was found, if it is what CPython finds by the version of the class: attributes of it or of its bases that are
/// no descriptors. What a metaclass or a property returns may be another list each time.
fn remember(
    class: &Bound<'_, PyType>,
    transient: &List<'_, '_>,
    permanent: &List<'_, '_>,
    lists: &Arc<Lists>,
) -> PyResult<()> {
    let py = class.py();
    if !class.get_type().is(py.get_type::<PyType>()) {
        return Ok(());
    }
    let Some(version) = marks::version(class) else { return Ok(()) };
    let is_attribute = |list: &List<'_, '_>| {
        PyResult::Ok(attribute(class, list.name)?.is_some_and(|attribute| attribute.is(&list.entries)))
    };
    let plain = is_attribute(transient)? && is_attribute(permanent)?;
    let names_logger = attribute(class, DEBUG_LOGGER)?.is_none_or(|logger| !logger.is_none());
    if !plain || marks::version(class) != Some(version) {
        return Ok(());
    }
    let recent = Recent {
        version,
        transient: transient.entries.clone().unbind(),
        permanent: permanent.entries.clone().unbind(),
        current: Current { lists: Arc::clone(lists), names_logger },
    };
    // What is let go may run Python code, which may come back here.
    let forgotten = RECENT.with_borrow_mut(|known| known[slot(version)].replace(Rc::new(recent)));
    drop(forgotten);
    Ok(())
}

fn slot(version: NonZeroU32) -> usize {
    version.get() as usize % REMEMBERED
}

/// What stands under `name` in the class or the first of its bases that has it; no descriptor is asked.
fn attribute<'py>(class: &Bound<'py, PyType>, name: &str) -> PyResult<Option<Bound<'py, PyAny>>> {
    for base in class.mro() {
        let attributes = base.getattr(pyo3::intern!(class.py(), "__dict__"))?;
        if attributes.contains(name)? {
            return attributes.get_item(name).map(Some);
        }
    }
    Ok(None)
}
