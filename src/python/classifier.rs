//! `ErrorClassifier`.

use super::debug_log;
use super::error_type::Verdict;
use super::{shown, utf8};
use crate::patterns::{PERMANENT, TRANSIENT};
use crate::rules::{RuleSet, lowercase_ascii};
use once_cell::sync::OnceCell;
use pyo3::exceptions::{PyOverflowError, PyRecursionError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList, PyString, PyTuple, PyType};
use std::convert::Infallible;
use std::sync::{Arc, PoisonError, RwLock};

/// Messages at least this long are matched without the interpreter's lock, in bytes.
const DETACH_BYTES: usize = 64 * 1024;

/// Compiled pairs of lists that are kept: a program has a handful of classifiers, and edits a list now and then.
const CACHE_ENTRIES: usize = 16;

/// Tells by two lists of patterns what kind of failure an error message reports.
///
/// The message is lower-cased as ``str.lower()`` does it; then the first pattern that is found anywhere in it decides,
/// all of ``TRANSIENT_PATTERNS`` before all of ``PERMANENT_PATTERNS``. Each verdict is that of
/// ``re.search(pattern, message.lower())``.
///
/// A subclass or a program may replace either list (a list or tuple of str) or edit it in place; the next message is
/// classified by the lists as they are then. It may also name a further ``logging.Logger`` for the DEBUG lines, as
/// ``DEBUG_LOGGER``.
#[pyclass(module = "job_retry._native", subclass, dict, weakref, frozen)]
pub(super) struct ErrorClassifier;

#[pymethods]
impl ErrorClassifier {
    /// Take anything, so that a subclass may have a constructor of its own.
    #[new]
    #[pyo3(signature = (*_args, **_kwargs), text_signature = "()")]
    fn new(_args: &Bound<'_, PyTuple>, _kwargs: Option<&Bound<'_, PyDict>>) -> Self {
        Self
    }

    #[expect(clippy::unused_self, reason = "Python's constructor")]
    fn __init__(&self) {}

    #[classattr]
    #[pyo3(name = "TRANSIENT_PATTERNS")]
    fn transient_patterns() -> Vec<&'static str> {
        TRANSIENT.iter().map(|pattern| pattern.text).collect()
    }

    #[classattr]
    #[pyo3(name = "PERMANENT_PATTERNS")]
    fn permanent_patterns() -> Vec<&'static str> {
        PERMANENT.iter().map(|pattern| pattern.text).collect()
    }

    #[classattr]
    #[pyo3(name = "DEBUG_LOGGER")]
    fn debug_logger() -> Option<Py<PyAny>> {
        None
    }

    /// Return the `ErrorType` of a message.
    ///
    /// TRANSIENT or PERMANENT by the first pattern that is found, UNKNOWN where none is. Takes time linear in the
    /// message for every pattern that consists of literals joined by ``.*``. The logger ``job_retry`` names verdict and
    /// pattern at DEBUG.
    ///
    /// Raises:
    ///     TypeError: the message is no str, or a list holds something else than str.
    ///     ValueError: ``re`` refuses a pattern; the error names it.
    #[classmethod]
    fn classify_error(cls: &Bound<'_, PyType>, error_message: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        let py = cls.py();
        let Ok(message) = error_message.cast::<PyString>() else {
            let kind = error_message.get_type().name()?;
            return Err(PyTypeError::new_err(format!(
                "error_message must be a str, not {kind}; decode bytes, and pass str(error) for an exception"
            )));
        };
        let lists = Lists::compiled(cls)?;
        let decisive = lists.first_match(message)?;
        let verdict = match decisive {
            Some(index) if index < lists.transient_count => Verdict::Transient,
            Some(_) => Verdict::Permanent,
            None => Verdict::Unknown,
        };
        debug_log::verdict(cls, verdict, || decisive.map(|index| lists.patterns[index].bind(py).clone()))?;
        verdict.member(py)
    }
}

/// A class's two lists as they were when they were compiled.
struct Lists {
    /// The entries themselves: an entry that is the same object is the same text, and no object can take the place of
    /// one that is kept alive here.
    patterns: Vec<Py<PyString>>,
    transient_count: usize,
    rules: RuleSet,
    /// The `search` method of each rule that CPython's own engine has to run.
    searches: Vec<Option<Py<PyAny>>>,
}

/// The lists compiled last, the newest first. Replaced as a whole, so that nobody holds the lock for longer than it
/// takes to copy a pointer: no Python code runs under it, not even a finaliser.
fn cache() -> &'static RwLock<Arc<[Arc<Lists>]>> {
    static CACHE: OnceCell<RwLock<Arc<[Arc<Lists>]>>> = OnceCell::new();
    CACHE.get_or_init(|| RwLock::new(Arc::new([])))
}

impl Lists {
    /// Return the lists of `cls` as they are now, compiled.
    fn compiled(cls: &Bound<'_, PyType>) -> PyResult<Arc<Self>> {
        let py = cls.py();
        let transient = List::of(cls, pyo3::intern!(py, "TRANSIENT_PATTERNS"))?;
        let permanent = List::of(cls, pyo3::intern!(py, "PERMANENT_PATTERNS"))?;
        let known = Arc::clone(&cache().read().unwrap_or_else(PoisonError::into_inner));
        let find = |same: fn(&Bound<'_, PyAny>, &Py<PyString>) -> bool| {
            known.iter().find(|lists| {
                let (first, second) = lists.patterns.split_at(lists.transient_count);
                transient.holds(first, same) && permanent.holds(second, same)
            })
        };
        // A list that is made anew for each message holds other objects with the same texts.
        if let Some(lists) = find(|entry, known| entry.is(known)).or_else(|| find(same_text)) {
            return Ok(Arc::clone(lists));
        }
        let lists = Arc::new(Self::compile(&transient.patterns()?, &permanent.patterns()?)?);
        let mut current = cache().write().unwrap_or_else(PoisonError::into_inner);
        let kept = current.iter().take(CACHE_ENTRIES - 1);
        let next: Arc<[Arc<Self>]> = std::iter::once(&lists).chain(kept).cloned().collect();
        let replaced = std::mem::replace(&mut *current, next);
        drop(current);
        drop(replaced);
        Ok(lists)
    }

    fn compile(transient: &[Bound<'_, PyString>], permanent: &[Bound<'_, PyString>]) -> PyResult<Self> {
        let patterns: Vec<&Bound<'_, PyString>> = transient.iter().chain(permanent).collect();
        let rules = RuleSet::new(patterns.iter().map(|pattern| pattern.to_str().ok()));
        let mut searches: Vec<Option<Py<PyAny>>> = patterns.iter().map(|_| None).collect();
        for index in rules.foreign() {
            searches[index] = Some(search_method(patterns[index])?);
        }
        let patterns = patterns.into_iter().map(|pattern| pattern.clone().unbind()).collect();
        Ok(Self { patterns, transient_count: transient.len(), rules, searches })
    }

    fn first_match(&self, message: &Bound<'_, PyString>) -> PyResult<Option<usize>> {
        let py = message.py();
        let encoded: Bound<'_, PyBytes>;
        let mut bytes = if let Ok(text) = message.to_str() {
            text.as_bytes()
        } else {
            encoded = utf8(message)?;
            encoded.as_bytes()
        };
        let lowered: Bound<'_, PyBytes>;
        if !self.rules.is_ascii() && !bytes.is_ascii() {
            // Only the interpreter knows its own tables of lower-case letters.
            lowered = utf8(&lower(message)?)?;
            bytes = lowered.as_bytes();
        }
        if self.searches.iter().all(Option::is_none) {
            let search = || self.rules.first_match(&lowercase_ascii(bytes), |_| Ok::<_, Infallible>(false));
            let Ok(found) = if bytes.len() < DETACH_BYTES { search() } else { py.detach(search) };
            return Ok(found);
        }
        let mut lowered_text: Option<Bound<'_, PyString>> = None;
        self.rules.first_match(&lowercase_ascii(bytes), |index| {
            let Some(search) = &self.searches[index] else { return Ok(false) };
            if lowered_text.is_none() {
                lowered_text = Some(lower(message)?);
            }
            Ok(!search.bind(py).call1((lowered_text.as_ref(),))?.is_none())
        })
    }
}

/// One of a class's lists as it is now.
struct List<'a, 'py> {
    class: &'a Bound<'py, PyType>,
    name: &'a Bound<'py, PyString>,
    /// A list or a tuple, of these very types.
    entries: Bound<'py, PyAny>,
}

impl<'a, 'py> List<'a, 'py> {
    fn of(class: &'a Bound<'py, PyType>, name: &'a Bound<'py, PyString>) -> PyResult<Self> {
        let mut entries = class.getattr(name)?;
        if !entries.is_exact_instance_of::<PyList>() && !entries.is_exact_instance_of::<PyTuple>() {
            // An iterator would be used up by the first message.
            if entries.is_instance_of::<PyString>() || entries.hasattr("__next__")? || entries.try_iter().is_err() {
                return Err(PyTypeError::new_err(format!(
                    "{}.{name} must be a list of str, not {}",
                    class.name()?,
                    shown(&entries)
                )));
            }
            entries = class.py().get_type::<PyTuple>().call1((entries,))?;
        }
        Ok(Self { class, name, entries })
    }

    /// Whether the entries are the same as `known`, by `same`, which must not run Python code.
    fn holds(&self, known: &[Py<PyString>], same: impl Fn(&Bound<'_, PyAny>, &Py<PyString>) -> bool) -> bool {
        if let Ok(list) = self.entries.cast_exact::<PyList>() {
            return list.len() == known.len() && list.iter().zip(known).all(|(entry, known)| same(&entry, known));
        }
        self.entries.cast_exact::<PyTuple>().is_ok_and(|tuple| {
            tuple.len() == known.len() && tuple.iter_borrowed().zip(known).all(|(entry, known)| same(&entry, known))
        })
    }

    fn patterns(&self) -> PyResult<Vec<Bound<'py, PyString>>> {
        // In one step, so that a list another thread is editing is seen as it was at one moment.
        let entries = self.class.py().get_type::<PyTuple>().call1((&self.entries,))?.cast_into::<PyTuple>()?;
        let pattern = |entry: Bound<'py, PyAny>| {
            entry.cast_into::<PyString>().map_err(|error| {
                let shown = shown(&error.into_inner());
                let class = self.class.name().map_or_else(|_| String::from("?"), |name| name.to_string());
                PyTypeError::new_err(format!("a pattern in {class}.{} must be a str, not {shown}", self.name))
            })
        };
        entries.iter().map(pattern).collect()
    }
}

/// Whether two plain strings are equal; others may have a notion of equality of their own.
fn same_text(entry: &Bound<'_, PyAny>, known: &Py<PyString>) -> bool {
    let known = known.bind(entry.py());
    entry.is_exact_instance_of::<PyString>()
        && known.is_exact_instance_of::<PyString>()
        && entry.eq(known).unwrap_or(false)
}

/// Return the `search` of the pattern as compiled by CPython's own engine.
fn search_method(pattern: &Bound<'_, PyString>) -> PyResult<Py<PyAny>> {
    let py = pattern.py();
    let re = py.import("re")?;
    let compiled = re.call_method1("compile", (pattern,)).map_err(|error| {
        let refused = re.getattr("error").is_ok_and(|class| error.matches(py, class).unwrap_or(false))
            || error.is_instance_of::<PyValueError>(py)
            || error.is_instance_of::<PyOverflowError>(py)
            || error.is_instance_of::<PyRecursionError>(py);
        if !refused {
            return error;
        }
        let named = PyValueError::new_err(format!("invalid pattern {}: {}", shown(pattern), error.value(py)));
        named.set_cause(py, Some(error));
        named
    })?;
    Ok(compiled.getattr("search")?.unbind())
}

/// Python's own `str.lower()` of the text itself, whatever a subclass makes of the method.
fn lower<'py>(message: &Bound<'py, PyString>) -> PyResult<Bound<'py, PyString>> {
    let lowered = message.py().get_type::<PyString>().call_method1("lower", (message,))?;
    Ok(lowered.cast_into::<PyString>()?)
}
