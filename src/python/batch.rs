//! Many messages at once.

use super::classifier::{ErrorClassifier, RulePackClassifier};
use super::debug_log;
use super::detached::Detached;
use super::error_type::{Verdict, members};
use super::judge::Judge;
use super::packs::CompiledRules;
use super::{kind, wrong_type};
use crate::batch;
use crate::packs::engine::Depth;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList, PyString, PyTuple, PyType};
use std::time::{Duration, Instant};

/// How often a batch lets the interpreter see to Ctrl-C and other signals.
const SIGNALS_EVERY: Duration = Duration::from_millis(50);

/// The `ErrorType` of each message.
pub(super) fn classify<'py>(class: &Bound<'py, PyType>, messages: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyList>> {
    let py = class.py();
    let messages = snapshot(messages)?;
    let native = if CompiledRules::of(class)?.is_some() {
        py.get_type::<RulePackClassifier>()
    } else {
        py.get_type::<ErrorClassifier>()
    };
    // A line for each message costs far more than the message.
    if messages.is_empty() || !is_inherited(class, &native, "classify_error")? || debug_log::is_on(class)? {
        return one_by_one(class, "classify_error", &messages);
    }
    let judge = Judge::of(class)?;
    let attended =
        |message: &Bound<'py, PyString>| judge.of_message(message, Depth::Decision, |case| Ok(case.judgement.verdict));
    let detached = |detached: &Detached<'_>, text: &[u8]| detached.verdict(text);
    let verdicts = decide(&judge, &messages, detached, attended)?;
    let members = members(py)?;
    PyList::new(py, verdicts.into_iter().map(|verdict| &members[Verdict::from(verdict) as usize]))
}

/// The `Classification` of each message.
pub(super) fn explain<'py>(class: &Bound<'py, PyType>, messages: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyList>> {
    let py = class.py();
    let messages = snapshot(messages)?;
    if messages.is_empty() || !is_inherited(class, &py.get_type::<ErrorClassifier>(), "explain")? {
        return one_by_one(class, "explain", &messages);
    }
    let judge = Judge::of(class)?;
    let attended =
        |message: &Bound<'py, PyString>| judge.of_message(message, Depth::Everything, |case| Ok(case.judgement));
    let detached = |detached: &Detached<'_>, text: &[u8]| detached.decide(text, Depth::Everything);
    let judgements = decide(&judge, &messages, detached, attended)?;
    let explained = messages.iter().zip(judgements).map(|(message, judgement)| {
        py.check_signals()?;
        judge.explained(message, judgement)
    });
    PyList::new(py, explained.collect::<PyResult<Vec<_>>>()?)
}

/// The messages as they are now: nobody takes one away while it is read.
fn snapshot<'py>(messages: &Bound<'py, PyAny>) -> PyResult<Vec<Bound<'py, PyString>>> {
    let refused = || wrong_type("messages", "an iterable of str", messages);
    if messages.is_instance_of::<PyString>() || messages.is_instance_of::<PyBytes>() || messages.try_iter().is_err() {
        return Err(refused());
    }
    let messages = messages.py().get_type::<PyTuple>().call1((messages,))?.cast_into::<PyTuple>()?;
    let mut texts = Vec::with_capacity(messages.len());
    for (index, message) in messages.iter().enumerate() {
        texts.push(message.cast_into::<PyString>().map_err(|error| {
            let kind = kind(&error.into_inner());
            PyTypeError::new_err(format!(
                "messages[{index}] must be a str, not {kind}; decode bytes, and give an exception to classify_exception"
            ))
        })?);
    }
    Ok(texts)
}

/// Whether a class has its method of this name from `native`, and not from the program.
fn is_inherited(class: &Bound<'_, PyType>, native: &Bound<'_, PyType>, name: &str) -> PyResult<bool> {
    let method = native.getattr("__dict__")?.get_item(name)?;
    class.getattr(name)?.eq(method.call_method1("__get__", (class.py().None(), class))?)
}

fn one_by_one<'py>(
    class: &Bound<'py, PyType>,
    method: &str,
    messages: &[Bound<'py, PyString>],
) -> PyResult<Bound<'py, PyList>> {
    let method = class.getattr(method)?;
    let results = messages.iter().map(|message| {
        class.py().check_signals()?;
        method.call1((message,))
    });
    PyList::new(class.py(), results.collect::<PyResult<Vec<_>>>()?)
}

/// The bytes of a message; None where lone surrogates stand in it.
type Text<'a> = Option<&'a [u8]>;

/// What is decided over each message: by `detached` without the interpreter where that pays and is possible, else by
/// `attended`.
fn decide<'py, R: Send>(
    judge: &Judge<'py>,
    messages: &[Bound<'py, PyString>],
    detached: impl Fn(&Detached<'_>, &[u8]) -> Option<R> + Sync,
    attended: impl Fn(&Bound<'py, PyString>) -> PyResult<R>,
) -> PyResult<Vec<R>> {
    let attended = |message: &Bound<'py, PyString>| {
        message.py().check_signals()?;
        attended(message)
    };
    let texts: Vec<Text<'_>> = messages.iter().map(|message| message.to_str().ok().map(str::as_bytes)).collect();
    let bytes = texts.iter().flatten().map(|text| text.len()).sum();
    let Some((threads, py)) = batch::threads(texts.len(), bytes).zip(messages.first().map(Bound::py)) else {
        return messages.iter().map(attended).collect();
    };
    let decide_by = judge.detached(py)?;
    let mut seen_to = Instant::now();
    let see_to_signals = || {
        if seen_to.elapsed() < SIGNALS_EVERY {
            return Ok(());
        }
        seen_to = Instant::now();
        Python::attach(|py: Python<'_>| py.check_signals())
    };
    let work = |text: &Text<'_>| text.and_then(|text| detached(&decide_by, text));
    let mut decided = py.detach(|| batch::map(&texts, threads, work, see_to_signals))?;
    py.check_signals()?;
    for (result, message) in decided.iter_mut().zip(messages) {
        if result.is_none() {
            *result = Some(attended(message)?);
        }
    }
    Ok(decided.into_iter().flatten().collect())
}
