//! `ErrorClassifier`.

use super::debug_log;
use super::error_type::Verdict;
use crate::patterns::{PERMANENT, TRANSIENT};
use crate::rules::{RuleSet, fold};
use pyo3::exceptions::{PyOverflowError, PyRecursionError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList, PyString, PyTuple, PyType};
use std::convert::Infallible;
use std::sync::{Arc, PoisonError, RwLock};

/// Messages at least this long are matched without the interpreter's lock, in bytes.
const DETACH_BYTES: usize = 64 * 1024;

/// Compiled pairs of lists that are kept: a program has a handful of classifiers, and edits a list now and then.
const CACHE_ENTRIES: usize = 16;

/// Classifies error messages by two lists of patterns.
#[pyclass(module = "job_retry._native", subclass, frozen)]
pub(super) struct ErrorClassifier;

#[pymethods]
impl ErrorClassifier {
    #[new]
    #[pyo3(signature = (*_args, **_kwargs))]
    fn new(_args: &Bound<'_, PyTuple>, _kwargs: Option<&Bound<'_, PyDict>>) -> Self {
        Self
    }

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

    /// Return the ErrorType of a message.
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
        debug_log::verdict(py, verdict, || decisive.map(|index| lists.patterns[index].bind(py).clone()))?;
        verdict.member(py)
    }
}

/// A class's two lists as they were when they were compiled.
struct Lists {
    /// The entries themselves: an entry that is the same object is the same text, and no object can take the place of
    /// one that is kept alive here.
    patterns: Vec<Py<PyAny>>,
    transient_count: usize,
    rules: RuleSet,
    /// The `search` method of each rule that CPython's own engine has to run.
    searches: Vec<Option<Py<PyAny>>>,
}

static CACHE: RwLock<Vec<Arc<Lists>>> = RwLock::new(Vec::new());

impl Lists {
    /// Return the lists of `cls` as they are now, compiled.
    fn compiled(cls: &Bound<'_, PyType>) -> PyResult<Arc<Self>> {
        let py = cls.py();
        let transient = cls.getattr(pyo3::intern!(py, "TRANSIENT_PATTERNS"))?;
        let permanent = cls.getattr(pyo3::intern!(py, "PERMANENT_PATTERNS"))?;
        let known = |cached: &Lists| {
            let (first, second) = cached.patterns.split_at(cached.transient_count);
            holds(&transient, first) && holds(&permanent, second)
        };
        // Comparing identities runs no Python code, so the lock cannot be asked for again underneath.
        let cached = CACHE.read().unwrap_or_else(PoisonError::into_inner).iter().find(|lists| known(lists)).cloned();
        if let Some(lists) = cached {
            return Ok(lists);
        }
        let lists = Arc::new(Self::compile(&entries(&transient)?, &entries(&permanent)?)?);
        let evicted = {
            let mut cache = CACHE.write().unwrap_or_else(PoisonError::into_inner);
            cache.insert(0, Arc::clone(&lists));
            if cache.len() > CACHE_ENTRIES { cache.pop() } else { None }
        };
        // Dropped after the lock: the last reference to an entry may run a finaliser of the program's.
        drop(evicted);
        Ok(lists)
    }

    fn compile(transient: &[Bound<'_, PyAny>], permanent: &[Bound<'_, PyAny>]) -> PyResult<Self> {
        let patterns: Vec<&Bound<'_, PyString>> =
            transient.iter().chain(permanent).map(as_pattern).collect::<PyResult<_>>()?;
        let texts: Vec<Option<&str>> = patterns.iter().map(|pattern| pattern.to_str().ok()).collect();
        let searches = patterns.iter().zip(&texts).map(|(pattern, text)| search_method(pattern, *text));
        Ok(Self {
            searches: searches.collect::<PyResult<_>>()?,
            rules: RuleSet::new(texts),
            patterns: transient.iter().chain(permanent).map(|entry| entry.clone().unbind()).collect(),
            transient_count: transient.len(),
        })
    }

    fn first_match(&self, message: &Bound<'_, PyString>) -> PyResult<Option<usize>> {
        let py = message.py();
        let encoded: Bound<'_, PyBytes>;
        let mut bytes: &[u8] = match message.to_str() {
            Ok(text) => text.as_bytes(),
            Err(_) => {
                encoded = utf8(message)?;
                encoded.as_bytes()
            }
        };
        let lowered: Bound<'_, PyBytes>;
        let folded = if self.rules.is_ascii() || bytes.is_ascii() {
            fold(bytes)
        } else {
            // Only the interpreter knows its own tables of lower-case letters.
            lowered = utf8(&lower(message)?)?;
            bytes = lowered.as_bytes();
            bytes.into()
        };
        if !self.rules.has_foreign() {
            let never = |_| Ok::<_, Infallible>(false);
            let found = if folded.len() < DETACH_BYTES {
                self.rules.first_match(&folded, never)
            } else {
                py.detach(|| self.rules.first_match(&folded, never))
            };
            return Ok(found.unwrap_or_else(|never| match never {}));
        }
        let mut lowered_text: Option<Bound<'_, PyString>> = None;
        self.rules.first_match(&folded, |index| {
            let Some(search) = &self.searches[index] else { return Ok(false) };
            if lowered_text.is_none() {
                lowered_text = Some(lower(message)?);
            }
            Ok(!search.bind(py).call1((lowered_text.as_ref(),))?.is_none())
        })
    }
}

/// Whether `list` has exactly these objects as its entries.
fn holds(list: &Bound<'_, PyAny>, entries: &[Py<PyAny>]) -> bool {
    if let Ok(list) = list.cast_exact::<PyList>() {
        return list.len() == entries.len() && list.iter().zip(entries).all(|(entry, known)| entry.is(known));
    }
    if let Ok(tuple) = list.cast_exact::<PyTuple>() {
        return tuple.len() == entries.len()
            && tuple.iter_borrowed().zip(entries).all(|(entry, known)| entry.is(known));
    }
    false
}

fn entries<'py>(list: &Bound<'py, PyAny>) -> PyResult<Vec<Bound<'py, PyAny>>> {
    if list.is_instance_of::<PyString>() {
        return Err(PyTypeError::new_err(format!("a list of patterns is wanted, not the string {}", list.repr()?)));
    }
    list.try_iter()?.collect()
}

fn as_pattern<'a, 'py>(entry: &'a Bound<'py, PyAny>) -> PyResult<&'a Bound<'py, PyString>> {
    entry.cast::<PyString>().map_err(|_| {
        let shown = entry.repr().map_or_else(|_| String::from("?"), |text| text.to_string());
        PyTypeError::new_err(format!("a pattern must be a str, not {shown}"))
    })
}

/// Return the `search` of the compiled pattern where the engine cannot run it itself.
fn search_method(pattern: &Bound<'_, PyString>, text: Option<&str>) -> PyResult<Option<Py<PyAny>>> {
    if text.is_some_and(|text| matches!(crate::rules::parse(text), crate::rules::Rule::Literals(_))) {
        return Ok(None);
    }
    let py = pattern.py();
    let re = py.import("re")?;
    let compiled = re.call_method1("compile", (pattern,)).map_err(|error| {
        let refused = re.getattr("error").is_ok_and(|class| error.matches(py, class).unwrap_or(false))
            || error.is_instance_of::<PyOverflowError>(py)
            || error.is_instance_of::<PyRecursionError>(py);
        if !refused {
            return error;
        }
        let shown = pattern.repr().map_or_else(|_| String::from("?"), |text| text.to_string());
        let named = PyValueError::new_err(format!("invalid pattern {shown}: {}", error.value(py)));
        named.set_cause(py, Some(error));
        named
    })?;
    Ok(Some(compiled.getattr("search")?.unbind()))
}

/// Python's own `str.lower()` of the text itself, whatever a subclass makes of the method.
fn lower<'py>(message: &Bound<'py, PyString>) -> PyResult<Bound<'py, PyString>> {
    let lowered = message.py().get_type::<PyString>().call_method1("lower", (message,))?;
    Ok(lowered.cast_into::<PyString>()?)
}

fn utf8<'py>(text: &Bound<'py, PyString>) -> PyResult<Bound<'py, PyBytes>> {
    let bytes = text.py().get_type::<PyString>().call_method1("encode", (text, "utf-8", "surrogatepass"))?;
    Ok(bytes.cast_into::<PyBytes>()?)
}
