//! The two lists of patterns of a class, compiled.

use super::text::{Text, characters, in_original, lower};
use super::{marks, shown, utf8};
use crate::packs::rule::Verdict;
use crate::patterns::{PERMANENT, TRANSIENT};
use crate::rules::{Message, RuleSet};
use once_cell::sync::OnceCell;
use pyo3::exceptions::{PyOverflowError, PyRecursionError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList, PyString, PyTuple, PyType};
use std::convert::Infallible;
use std::ops::Range;
use std::sync::{Arc, PoisonError, RwLock};

/// Messages at least this long are matched without the interpreter's lock, in bytes.
pub(super) const DETACH_BYTES: usize = 64 * 1024;

/// The names of the lists.
pub(super) const TRANSIENT_PATTERNS: &str = "TRANSIENT_PATTERNS";
pub(super) const PERMANENT_PATTERNS: &str = "PERMANENT_PATTERNS";

/// Compiled pairs of lists that are kept: a program has a handful of classifiers, and edits a list now and then.
const CACHE_ENTRIES: usize = 16;

/// A class's two lists as they were when they were compiled.
pub(super) struct Lists {
    /// The entries themselves: an entry that is the same object is the same text, and no object can take the place of
    /// one that is kept alive here.
    patterns: Vec<Py<PyString>>,
    transient_count: usize,
    pub(super) all: Part,
    split: OnceCell<Split>,
}

/// Some patterns of the lists, compiled.
pub(super) struct Part {
    /// Which patterns they are.
    indices: Vec<usize>,
    rules: RuleSet,
    /// The `search` method of each rule that CPython's own engine has to run.
    searches: Vec<Option<Py<PyAny>>>,
    /// Whether there are none.
    native: bool,
}

/// The patterns of the lists by where they come from; None where there are none, or where there are no others.
pub(super) struct Split {
    pub(super) added: Option<Part>,
    pub(super) shipped: Option<Part>,
}

/// Only the interpreter can tell: it has to run a pattern, or to lower-case the message.
pub(super) struct NeedsInterpreter;

/// The lists compiled last, the newest first. Replaced as a whole, so that nobody holds the lock for longer than it
/// takes to copy a pointer: no Python code runs under it, not even a finaliser.
fn cache() -> &'static RwLock<Arc<[Arc<Lists>]>> {
    static CACHE: OnceCell<RwLock<Arc<[Arc<Lists>]>>> = OnceCell::new();
    CACHE.get_or_init(|| RwLock::new(Arc::new([])))
}

impl Lists {
    /// Return these lists, compiled.
    pub(super) fn compiled(transient: &List<'_, '_>, permanent: &List<'_, '_>) -> PyResult<Arc<Self>> {
        let py = transient.entries.py();
        let known = Arc::clone(&cache().read().unwrap_or_else(PoisonError::into_inner));
        let same_objects = known.iter().find(|lists| lists.are_in(&transient.entries, &permanent.entries));
        // A list that is made anew for each message holds other objects with the same texts.
        let same = same_objects.or_else(|| {
            known.iter().find(|lists| {
                let (first, second) = lists.parts();
                have_texts(&transient.entries, first) && have_texts(&permanent.entries, second)
            })
        });
        if let Some(lists) = same {
            return Ok(Arc::clone(lists));
        }
        let lists = Arc::new(Self::compile(py, &transient.patterns()?, &permanent.patterns()?)?);
        let mut current = cache().write().unwrap_or_else(PoisonError::into_inner);
        let kept = current.iter().take(CACHE_ENTRIES - 1);
        let next: Arc<[Arc<Self>]> = std::iter::once(&lists).chain(kept).cloned().collect();
        let replaced = std::mem::replace(&mut *current, next);
        drop(current);
        drop(replaced);
        Ok(lists)
    }

    fn compile(py: Python<'_>, transient: &[Bound<'_, PyString>], permanent: &[Bound<'_, PyString>]) -> PyResult<Self> {
        let patterns = transient.iter().chain(permanent).map(|pattern| pattern.clone().unbind()).collect::<Vec<_>>();
        let all = Part::compile(py, &patterns, (0..patterns.len()).collect())?;
        Ok(Self { patterns, transient_count: transient.len(), all, split: OnceCell::new() })
    }

    /// The entries of each list.
    fn parts(&self) -> (&[Py<PyString>], &[Py<PyString>]) {
        self.patterns.split_at(self.transient_count)
    }

    /// Whether the entries of the two are those that were compiled, the very objects.
    pub(super) fn are_in(&self, transient: &Bound<'_, PyAny>, permanent: &Bound<'_, PyAny>) -> bool {
        let (first, second) = self.parts();
        are_in(transient, first) && are_in(permanent, second)
    }

    /// A pattern by its index in both lists, the transient ones first.
    pub(super) fn pattern<'py>(&self, py: Python<'py>, index: usize) -> Bound<'py, PyString> {
        self.patterns[index].bind(py).clone()
    }

    /// The verdict of the list in which a pattern stands.
    pub(super) fn verdict(&self, index: usize) -> Verdict {
        if index < self.transient_count { Verdict::Transient } else { Verdict::Permanent }
    }

    /// Why the shipped list has a pattern; None for one that it has not.
    pub(super) fn reason(&self, py: Python<'_>, index: usize) -> Option<&'static str> {
        let shipped = if index < self.transient_count { TRANSIENT } else { PERMANENT };
        let pattern = self.patterns[index].bind(py).to_str().ok()?;
        shipped.iter().find(|shipped| shipped.text == pattern).map(|shipped| shipped.reason)
    }

    /// The first pattern that matches.
    pub(super) fn first_match(&self, message: &Bound<'_, PyString>) -> PyResult<Option<usize>> {
        self.all.first_match(message)
    }

    /// The first pattern that matches of those that the shipped list does not have.
    pub(super) fn first_added(&self, message: &Bound<'_, PyString>) -> PyResult<Option<usize>> {
        let added = self.split(message.py())?.added.as_ref();
        added.map_or(Ok(None), |added| added.first_match(message))
    }

    /// The first pattern that matches of those that the shipped list has.
    pub(super) fn first_shipped(&self, message: &Bound<'_, PyString>) -> PyResult<Option<usize>> {
        let split = self.split(message.py())?;
        let all = if split.added.is_none() { Some(&self.all) } else { split.shipped.as_ref() };
        all.map_or(Ok(None), |shipped| shipped.first_match(message))
    }

    /// The patterns by where they come from.
    pub(super) fn split(&self, py: Python<'_>) -> PyResult<&Split> {
        if let Some(split) = self.split.get() {
            return Ok(split);
        }
        let is_shipped = |index: &usize| self.reason(py, *index).is_some();
        let (shipped, added): (Vec<usize>, Vec<usize>) = (0..self.patterns.len()).partition(is_shipped);
        let part = |indices: Vec<usize>| {
            if indices.is_empty() { Ok(None) } else { Part::compile(py, &self.patterns, indices).map(Some) }
        };
        let split = if added.is_empty() {
            Split { added: None, shipped: None }
        } else {
            Split { added: part(added)?, shipped: part(shipped)? }
        };
        // Compiling runs Python code, which must not wait for another thread that does the same.
        Ok(self.split.get_or_init(|| split))
    }

    /// Where the pattern of this index matches, in characters of the message.
    pub(super) fn span(&self, index: usize, message: &Bound<'_, PyString>) -> PyResult<Option<Range<usize>>> {
        let Some(lowered) = self.all.span(index, message)? else { return Ok(None) };
        Ok(Some(in_original(utf8(message)?.as_bytes(), &lowered)))
    }
}

impl Part {
    fn compile(py: Python<'_>, patterns: &[Py<PyString>], indices: Vec<usize>) -> PyResult<Self> {
        let patterns: Vec<&Bound<'_, PyString>> = indices.iter().map(|index| patterns[*index].bind(py)).collect();
        let rules = RuleSet::new(patterns.iter().map(|pattern| pattern.to_str().ok()));
        let mut searches: Vec<Option<Py<PyAny>>> = patterns.iter().map(|_| None).collect();
        for index in rules.foreign() {
            searches[index] = Some(search_method(patterns[index])?);
        }
        let native = searches.iter().all(Option::is_none);
        Ok(Self { indices, rules, searches, native })
    }

    fn first_match(&self, message: &Bound<'_, PyString>) -> PyResult<Option<usize>> {
        let py = message.py();
        let own = Text::of(message)?;
        let mut bytes = own.bytes();
        // A subclass may have a notion of length of its own.
        let plain = message.is_exact_instance_of::<PyString>();
        let ascii = if plain { bytes.len() == message.len()? } else { bytes.is_ascii() };
        let lowered: Bound<'_, PyBytes>;
        if !ascii && !self.rules.is_ascii() {
            // Only the interpreter knows its own tables of lower-case letters.
            lowered = utf8(&lower(message)?)?;
            bytes = lowered.as_bytes();
        }
        let text = Message::known(bytes, ascii);
        let numbered = |found: Option<usize>| found.map(|index| self.indices[index]);
        if self.native {
            let search = || self.rules.first_match(text, |_| Ok::<_, Infallible>(false));
            let Ok(found) = if bytes.len() < DETACH_BYTES { search() } else { py.detach(search) };
            return Ok(numbered(found));
        }
        let mut lowered_text: Option<Bound<'_, PyString>> = None;
        let found = self.rules.first_match(text, |index| {
            let Some(search) = &self.searches[index] else { return Ok::<_, PyErr>(false) };
            if lowered_text.is_none() {
                lowered_text = Some(lower(message)?);
            }
            Ok(!search.bind(py).call1((lowered_text.as_ref(),))?.is_none())
        })?;
        Ok(numbered(found))
    }

    /// The first pattern that matches, told without the interpreter. `message` is UTF-8 in which lone surrogates may stand.
    pub(super) fn first_match_detached(&self, message: &[u8]) -> Result<Option<usize>, NeedsInterpreter> {
        let ascii = message.is_ascii();
        if !ascii && !self.rules.is_ascii() {
            return Err(NeedsInterpreter);
        }
        let found = self.rules.first_match(Message::known(message, ascii), |_| Err(NeedsInterpreter))?;
        Ok(found.map(|index| self.indices[index]))
    }

    /// Where a pattern of [`Lists::all`] matches, in characters of the lower-cased message.
    fn span(&self, index: usize, message: &Bound<'_, PyString>) -> PyResult<Option<Range<usize>>> {
        let lowered = lower(message)?;
        if let Some(search) = &self.searches[index] {
            let found = search.bind(message.py()).call1((&lowered,))?;
            if found.is_none() {
                return Ok(None);
            }
            let (start, end) = found.call_method0("span")?.extract()?;
            return Ok(Some(start..end));
        }
        let bytes = utf8(&lowered)?;
        let bytes = bytes.as_bytes();
        let found = self.rules.find(index, bytes);
        Ok(found.map(|found| characters(&bytes[..found.start])..characters(&bytes[..found.end])))
    }
}

/// One of a class's lists as it is now.
pub(super) struct List<'a, 'py> {
    class: &'a Bound<'py, PyType>,
    pub(super) name: &'static str,
    /// A list or a tuple, of these very types.
    pub(super) entries: Bound<'py, PyAny>,
}

impl<'a, 'py> List<'a, 'py> {
    pub(super) fn of(class: &'a Bound<'py, PyType>, name: &'static str) -> PyResult<Self> {
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

/// Whether the entries of a list or a tuple are these very objects.
fn are_in(entries: &Bound<'_, PyAny>, known: &[Py<PyString>]) -> bool {
    entries
        .cast_exact::<PyList>()
        .map_or_else(|_| are_all(entries, known, |entry, known| entry.is(known)), |list| marks::holds(list, known))
}

/// Whether the entries of a list or a tuple are plain strings with these texts. Runs no Python code.
fn have_texts(entries: &Bound<'_, PyAny>, known: &[Py<PyString>]) -> bool {
    are_all(entries, known, same_text)
}

/// Whether the entries of a list or a tuple are the same as `known`, by `same`, which must not run Python code.
fn are_all(
    entries: &Bound<'_, PyAny>,
    known: &[Py<PyString>],
    same: impl Fn(&Bound<'_, PyAny>, &Py<PyString>) -> bool,
) -> bool {
    if let Ok(list) = entries.cast_exact::<PyList>() {
        return list.len() == known.len() && list.iter().zip(known).all(|(entry, known)| same(&entry, known));
    }
    entries.cast_exact::<PyTuple>().is_ok_and(|tuple| {
        tuple.len() == known.len() && tuple.iter_borrowed().zip(known).all(|(entry, known)| same(&entry, known))
    })
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
