//! `ErrorClassifier`.

use super::batch;
use super::current::{Current, with_current};
use super::debug_log;
use super::error_type::Verdict;
use super::judge::Judge;
use super::packs::{CompiledRules, named, read_project};
use super::{retry_after, wrong_type};
use crate::packs;
use crate::packs::engine::Depth;
use crate::packs::rule;
use crate::patterns::{PERMANENT, TRANSIENT};
use pyo3::exceptions::{PyBaseException, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyString, PyTuple, PyType};

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

    #[classattr]
    #[pyo3(name = "RULE_PACKS")]
    fn rule_packs(py: Python<'_>) -> Bound<'_, PyTuple> {
        PyTuple::empty(py)
    }

    #[classattr]
    #[pyo3(name = "RULES")]
    fn rules(py: Python<'_>) -> Bound<'_, PyTuple> {
        PyTuple::empty(py)
    }

    #[classattr]
    #[pyo3(name = "_compiled_rules")]
    fn compiled_rules() -> Option<Py<CompiledRules>> {
        None
    }

    /// Return a subclass that knows the errors of these systems, or of all that are known where none is named.
    ///
    /// Rules of the program come first, then patterns that it added to the two lists, then the rules of the packs, the
    /// strongest first, then the shipped patterns of the lists. A pattern counts as added where it is not one of those
    /// that its list has as shipped. `job_retry.rule_packs` tells what packs there are.
    ///
    /// Raises:
    ///     TypeError: a name is no str.
    ///     ValueError: there is no such pack; the error lists those there are.
    #[classmethod]
    #[pyo3(signature = (*names), text_signature = "($type, /, *names)")]
    fn with_packs<'py>(cls: &Bound<'py, PyType>, names: &Bound<'py, PyTuple>) -> PyResult<Bound<'py, PyAny>> {
        let names = if names.is_empty() { packs::names().collect() } else { named(names)? };
        let compiled = match CompiledRules::of(cls)? {
            Some(known) => known.get().with_names(names),
            None => CompiledRules::new(None, names),
        };
        subclass(cls, compiled, cls.getattr("RULES")?)
    }

    /// Return a subclass that asks these rules before all others.
    ///
    /// Args:
    ///     rules: dicts in the form of a rule of a pack, with the keys ``id``, ``verdict``, ``why`` and at least one of
    ///         ``message``, ``exception``, ``errno``, ``sqlstate``, ``http_status``, ``grpc``, ``exit_code``, ``signal`` and
    ///         ``code``; they take the place of those that the class has.
    ///
    /// Raises:
    ///     TypeError: `rules` is no list or tuple of dict.
    ///     ValueError: a rule cannot be used; the error names the rule, the key, the value and what would do.
    #[classmethod]
    fn with_rules<'py>(cls: &Bound<'py, PyType>, rules: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let project = read_project(rules)?;
        let compiled = match CompiledRules::of(cls)? {
            Some(known) => known.get().with_project(project),
            None => CompiledRules::new(project, Vec::new()),
        };
        let given = cls.py().get_type::<PyTuple>().call1((rules,))?;
        subclass(cls, compiled, given)
    }

    /// Return the `ErrorType` of an exception, or of those behind it.
    ///
    /// By its class and the bases of it, the codes that it holds (errno, SQLSTATE, status of HTTP or gRPC, exit code, codes
    /// of providers) and its text. The outermost exception with a verdict other than UNKNOWN decides, then the one it was
    /// raised from, then the one that was being handled; a group is PERMANENT if any member is, else TRANSIENT if any is.
    /// The classes and codes count for classes with packs or rules; others go by the text alone.
    ///
    /// Raises:
    ///     TypeError: `exception` is none, or a list holds something else than str.
    ///     ValueError: ``re`` refuses a pattern; the error names it.
    #[classmethod]
    fn classify_exception<'py>(cls: &Bound<'py, PyType>, exception: &Bound<'py, PyAny>) -> PyResult<Py<PyAny>> {
        let judge = Judge::of(cls)?;
        judge.of_exception(exception, Depth::Decision, |case| judge.verdict(cls, &case))
    }

    /// Return the `Classification` of a message or an exception.
    ///
    /// That is the verdict, the rule that decided, why, what it matched and where, and the rules that came near. The verdict
    /// is that of `classify_error`, or of `classify_exception`.
    ///
    /// Raises:
    ///     TypeError: `error` is neither a str nor an exception, or a list holds something else than str.
    ///     ValueError: ``re`` refuses a pattern; the error names it.
    #[classmethod]
    fn explain<'py>(cls: &Bound<'py, PyType>, error: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let judge = Judge::of(cls)?;
        if let Ok(message) = error.cast::<PyString>() {
            return judge.of_message(message, Depth::Everything, |case| judge.classification(&case));
        }
        if !error.is_instance_of::<PyBaseException>() {
            return Err(wrong_type("error", "a str or an exception", error));
        }
        judge.of_exception(error, Depth::Everything, |case| judge.classification(&case))
    }

    /// Return the seconds for which a message or an exception asks to be left alone; None where it asks for nothing.
    ///
    /// By ``Retry-After`` (seconds or an HTTP date) and what services write in its place, in headers of the answer that an
    /// exception holds or in its text: "retry in 20s", ``retryDelay``. A date that has passed, and nonsense, count as
    /// nothing.
    ///
    /// Args:
    ///     error: the message, or the exception; those behind it are asked, too.
    ///     now: aware datetime that dates are compared with; the clock where it is None.
    ///
    /// Raises:
    ///     TypeError: `error` is neither a str nor an exception, or `now` no datetime.
    ///     ValueError: `now` is naive.
    #[staticmethod]
    #[pyo3(signature = (error, now = None))]
    fn retry_after(error: &Bound<'_, PyAny>, now: Option<&Bound<'_, PyAny>>) -> PyResult<Option<f64>> {
        retry_after::seconds(error, retry_after::instant(now)?)
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
        let message = message(error_message)?;
        with_current(cls, |Current { lists, names_logger }| {
            let decisive = lists.first_match(message)?;
            let verdict = decisive.map_or(rule::Verdict::Unknown, |index| lists.verdict(index)).into();
            debug_log::verdict(cls, *names_logger, verdict, || decisive.map(|index| lists.pattern(py, index)))?;
            Verdict::member(verdict, py)
        })
    }

    /// Return the `ErrorType` of each message, in order.
    ///
    /// What ``[classify_error(message) for message in messages]`` returns, by the lists as they are at the call. Many
    /// messages are shared out to the processors and do not hold up other threads; patterns that ``re`` has to run, and
    /// lines for the logger, are done in this one.
    ///
    /// Args:
    ///     messages: any iterable of str, which is read first.
    ///
    /// Raises:
    ///     TypeError: `messages` is no iterable of str; the error names the index of what is none. Or a list holds
    ///         something else than str.
    ///     ValueError: ``re`` refuses a pattern; the error names it.
    #[classmethod]
    fn classify_many<'py>(cls: &Bound<'py, PyType>, messages: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyList>> {
        batch::classify(cls, messages)
    }

    /// Return the `Classification` of each message, in order.
    ///
    /// What ``[explain(message) for message in messages]`` returns, in the way of `classify_many`.
    ///
    /// Args:
    ///     messages: any iterable of str, which is read first.
    ///
    /// Raises:
    ///     TypeError: `messages` is no iterable of str; the error names the index of what is none. Or a list holds
    ///         something else than str.
    ///     ValueError: ``re`` refuses a pattern; the error names it.
    #[classmethod]
    fn explain_many<'py>(cls: &Bound<'py, PyType>, messages: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyList>> {
        batch::explain(cls, messages)
    }
}

/// A classifier with packs or rules; [`ErrorClassifier::with_packs`] puts it behind the class it is asked of.
#[pyclass(module = "job_retry._native", extends = ErrorClassifier, subclass, frozen)]
pub(super) struct RulePackClassifier;

#[pymethods]
impl RulePackClassifier {
    /// As that of the class it extends.
    #[new]
    #[pyo3(signature = (*_args, **_kwargs), text_signature = "()")]
    fn new(_args: &Bound<'_, PyTuple>, _kwargs: Option<&Bound<'_, PyDict>>) -> PyClassInitializer<Self> {
        PyClassInitializer::from(ErrorClassifier).add_subclass(Self)
    }

    /// Return the `ErrorType` of a message, by rules and lists.
    ///
    /// Takes time linear in the message, but for patterns of the lists that do not consist of literals joined by ``.*``.
    /// The logger ``job_retry`` names verdict and rule at DEBUG.
    ///
    /// Raises:
    ///     TypeError: the message is no str, or a list holds something else than str.
    ///     ValueError: ``re`` refuses a pattern; the error names it.
    #[classmethod]
    fn classify_error<'py>(cls: &Bound<'py, PyType>, error_message: &Bound<'py, PyAny>) -> PyResult<Py<PyAny>> {
        let message = message(error_message)?;
        let judge = Judge::of(cls)?;
        judge.of_message(message, Depth::Decision, |case| judge.verdict(cls, &case))
    }
}

fn message<'a, 'py>(error_message: &'a Bound<'py, PyAny>) -> PyResult<&'a Bound<'py, PyString>> {
    if let Ok(message) = error_message.cast::<PyString>() {
        return Ok(message);
    }
    let kind = error_message.get_type().name()?;
    Err(PyTypeError::new_err(format!(
        "error_message must be a str, not {kind}; decode bytes, and give an exception to classify_exception"
    )))
}

/// A subclass of `class` with these rules. What `class` itself overrides still stands before it.
fn subclass<'py>(
    class: &Bound<'py, PyType>,
    compiled: CompiledRules,
    rules: Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    const SUFFIX: &str = "WithRules";
    let py = class.py();
    let with_rules = py.get_type::<RulePackClassifier>();
    let bases = if class.is(py.get_type::<ErrorClassifier>()) {
        PyTuple::new(py, [with_rules])?
    } else if class.is_subclass(&with_rules)? {
        PyTuple::new(py, [class.clone()])?
    } else {
        PyTuple::new(py, [class.clone(), with_rules])?
    };
    let name = class.name()?.to_string();
    let name = format!("{}{SUFFIX}", name.strip_suffix(SUFFIX).unwrap_or(&name));
    let attributes = PyDict::new(py);
    attributes.set_item("__module__", class.getattr("__module__")?)?;
    attributes.set_item("__doc__", class.getattr("__doc__")?)?;
    attributes.set_item("RULE_PACKS", PyTuple::new(py, compiled.names())?)?;
    attributes.set_item("RULES", rules)?;
    attributes.set_item("_compiled_rules", Bound::new(py, compiled)?)?;
    // The class of the class, which may be one of the program's.
    class.get_type().call1((name, bases, attributes))
}
