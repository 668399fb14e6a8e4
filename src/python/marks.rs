//! Whether a class and a list are still what they were, by the marks that CPython itself keeps.
//!
//! Asking a class for an attribute, or a list for each of its entries, costs more than all the rest of a call. Both are
//! told from memory here: the version of a class, by which CPython finds its own attributes again, and the entries of a
//! list as they lie there. The stable ABI has neither, and without the interpreter's lock a list may move meanwhile;
//! there the public interface is asked.

use pyo3::prelude::*;
use pyo3::types::{PyList, PyString, PyType};
use std::num::NonZeroU32;

/// The version of a class: a number that no other class has, nor this one after it or a base of it has changed.
///
/// None where there is none: not yet, or not any more.
#[cfg(not(any(Py_LIMITED_API, Py_GIL_DISABLED)))]
pub(super) fn version(class: &Bound<'_, PyType>) -> Option<NonZeroU32> {
    // SAFETY: a class is alive as long as there is a reference to it, and only who holds the interpreter's lock, as we do,
    // writes to it.
    #[expect(unsafe_code, reason = "the bindings' library shows the field, but not safely")]
    let (flags, version) = unsafe {
        let class = class.as_type_ptr();
        ((*class).tp_flags, (*class).tp_version_tag)
    };
    // CPython 3.10 and 3.11 go by the flag; later ones, the last of which no longer sets it, by the number alone.
    let valid = cfg!(Py_3_12) || flags & pyo3::ffi::Py_TPFLAGS_VALID_VERSION_TAG != 0;
    NonZeroU32::new(version).filter(|_| valid)
}

#[cfg(any(Py_LIMITED_API, Py_GIL_DISABLED))]
pub(super) fn version(_class: &Bound<'_, PyType>) -> Option<NonZeroU32> {
    None
}

/// Whether the entries of `list` are these very objects.
#[cfg(not(any(Py_LIMITED_API, Py_GIL_DISABLED)))]
pub(super) fn holds(list: &Bound<'_, PyList>, entries: &[Py<PyString>]) -> bool {
    use std::ptr::NonNull;

    let length = list.len();
    if length != entries.len() || length == 0 {
        return length == entries.len();
    }
    // SAFETY: a list has `length` pointers there, none of which is null, and nothing changes it while we hold the
    // interpreter's lock and run no Python code. `Py` is such a pointer, and laid out like one.
    #[expect(unsafe_code, reason = "the bindings' library shows the field, but not safely")]
    let (held, known) = unsafe {
        let held = (*list.as_ptr().cast::<pyo3::ffi::PyListObject>()).ob_item.cast::<usize>();
        (std::slice::from_raw_parts(held, length), std::slice::from_raw_parts(entries.as_ptr().cast::<usize>(), length))
    };
    const { assert!(size_of::<Py<PyString>>() == size_of::<NonNull<pyo3::ffi::PyObject>>()) };
    held == known
}

#[cfg(any(Py_LIMITED_API, Py_GIL_DISABLED))]
pub(super) fn holds(list: &Bound<'_, PyList>, entries: &[Py<PyString>]) -> bool {
    list.len() == entries.len() && list.iter().zip(entries).all(|(entry, known)| entry.is(known))
}
