//! The decision of a class over a message or an exception, and its explanation.

use super::current::with_current;
use super::debug_log;
use super::detached::Detached;
use super::error_type::Verdict;
use super::exception::failure_of;
use super::lists::{DETACH_BYTES, Lists};
use super::packs::CompiledRules;
use super::text::{Text, characters};
use crate::packs::chain;
use crate::packs::engine::{Clue, Depth, Engine};
use crate::packs::evidence::Evidence;
use crate::packs::explanation::{self, Decider, Entry, Judgement};
use crate::packs::rule;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PySlice, PyString, PyTuple, PyType};
use std::ops::Range;
use std::sync::Arc;

/// What a class decides by.
pub(super) struct Judge<'py> {
    /// None where it uses neither packs nor rules.
    rules: Option<Bound<'py, CompiledRules>>,
    lists: Arc<Lists>,
}

impl<'py> Judge<'py> {
    /// What `class` decides by as it is now.
    pub(super) fn of(class: &Bound<'py, PyType>) -> PyResult<Self> {
        let lists = with_current(class, |current| Ok(Arc::clone(&current.lists)))?;
        Ok(Self { rules: CompiledRules::of(class)?, lists })
    }

    fn engine(&self) -> PyResult<Option<&Engine>> {
        Ok(self.rules.as_ref().map(|rules| rules.get().engine()).transpose()?)
    }

    /// The same for threads without the interpreter.
    pub(super) fn detached(&self, py: Python<'py>) -> PyResult<Detached<'_>> {
        let engine = self.engine()?;
        let split = engine.map(|_| self.lists.split(py)).transpose()?;
        Ok(Detached { engine, lists: &self.lists, split })
    }

    /// Decide over a message.
    pub(super) fn of_message<T>(
        &self,
        message: &Bound<'py, PyString>,
        depth: Depth,
        then: impl FnOnce(Case<'_, 'py>) -> PyResult<T>,
    ) -> PyResult<T> {
        let text = Text::of(message)?;
        let evidence = Evidence::of_text(text.bytes());
        let judgement = self.decide(&evidence, message, depth)?;
        then(Case { evidence: &evidence, message: message.clone(), judgement, source: None })
    }

    /// The `Classification` of a message over which was decided.
    pub(super) fn explained(
        &self,
        message: &Bound<'py, PyString>,
        judgement: Judgement,
    ) -> PyResult<Bound<'py, PyAny>> {
        let text = Text::of(message)?;
        let evidence = Evidence::of_text(text.bytes());
        self.classification(&Case { evidence: &evidence, message: message.clone(), judgement, source: None })
    }

    /// Decide over an exception and those behind it.
    pub(super) fn of_exception<T>(
        &self,
        exception: &Bound<'py, PyAny>,
        depth: Depth,
        then: impl FnOnce(Case<'_, 'py>) -> PyResult<T>,
    ) -> PyResult<T> {
        let py = exception.py();
        let failure = failure_of(exception)?;
        let mut failed = Ok(());
        let (evidence, judged) = chain::decide(&failure, &mut |evidence: &Evidence<'static>| {
            let judged = text_of(py, &evidence.text).and_then(|message| {
                let judgement = self.decide(evidence, &message, depth)?;
                Ok(Judged { message, judgement })
            });
            judged.unwrap_or_else(|error| {
                failed = Err(error);
                Judged { message: PyString::intern(py, ""), judgement: Judgement::nothing() }
            })
        });
        failed?;
        let source = evidence.classes.first().map(String::as_str);
        then(Case { evidence, message: judged.message, judgement: judged.judgement, source })
    }

    /// Decide over `evidence`, whose text is `message`.
    fn decide(&self, evidence: &Evidence<'_>, message: &Bound<'py, PyString>, depth: Depth) -> PyResult<Judgement> {
        let engine = self.engine()?;
        let assess = || explanation::assess(engine, evidence, depth);
        let assessment = if evidence.text.len() < DETACH_BYTES { assess() } else { message.py().detach(assess) };
        let mut lists = OverMessage { lists: &self.lists, message, beside_packs: engine.is_some() };
        explanation::decide(engine, assessment, &mut lists)
    }

    /// What decided, as the log names it.
    pub(super) fn decider(&self, py: Python<'py>, judgement: &Judgement) -> PyResult<Option<Bound<'py, PyString>>> {
        Ok(match &judgement.decider {
            Decider::Nothing => None,
            Decider::Entry(entry) => Some(self.lists.pattern(py, entry.index)),
            Decider::Rule(hit) => self.engine()?.map(|engine| {
                let (pack, rule) = engine.rule(hit.rule);
                PyString::new(py, &pack.full_id(rule))
            }),
        })
    }

    /// The verdict of a case; the log names it, too.
    pub(super) fn verdict(&self, class: &Bound<'py, PyType>, case: &Case<'_, 'py>) -> PyResult<Py<PyAny>> {
        let py = class.py();
        let verdict = Verdict::from(case.judgement.verdict);
        debug_log::verdict(class, true, verdict, || self.decider(py, &case.judgement).ok().flatten())?;
        verdict.member(py)
    }

    /// The `Classification` of a case.
    pub(super) fn classification(&self, case: &Case<'_, 'py>) -> PyResult<Bound<'py, PyAny>> {
        let py = case.message.py();
        let module = py.import("job_retry.classification")?;
        let engine = self.engine()?;
        let (pack, why) = match (&case.judgement.decider, engine) {
            (Decider::Rule(hit), Some(engine)) => {
                let (pack, rule) = engine.rule(hit.rule);
                (Some(pack.name.as_str()), rule.why.as_str())
            }
            (Decider::Entry(entry), _) => {
                let added = "the program added this pattern to the list";
                (Some("lists"), self.lists.reason(py, entry.index).unwrap_or(added))
            }
            _ => (None, "no rule and no pattern matches"),
        };
        let (matched, span) = self.matched(case)?;
        let near = engine.map_or_else(Vec::new, |engine| explanation::near_misses(engine, &case.judgement));
        let near_miss = module.getattr("NearMiss")?;
        let near = near.into_iter().map(|near| {
            let verdict = Verdict::from(near.rule.verdict).member(py)?;
            near_miss.call1((near.pack.full_id(near.rule), verdict, near.why))
        });
        let fields = PyDict::new(py);
        fields.set_item("error_type", Verdict::from(case.judgement.verdict).member(py)?)?;
        fields.set_item("rule", self.decider(py, &case.judgement)?)?;
        fields.set_item("pack", pack)?;
        fields.set_item("why", why)?;
        fields.set_item("matched_text", matched)?;
        fields.set_item("span", span.map(|span| (span.start, span.end)))?;
        fields.set_item("near_misses", PyTuple::new(py, near.collect::<PyResult<Vec<_>>>()?)?)?;
        fields.set_item("source", case.source)?;
        module.getattr("Classification")?.call((), Some(&fields))
    }

    /// What was recognised, and where it stands in the text, in characters.
    fn matched(&self, case: &Case<'_, 'py>) -> PyResult<Matched<'py>> {
        let Case { evidence, message, judgement, .. } = case;
        let py = message.py();
        let span = match &judgement.decider {
            Decider::Nothing => None,
            Decider::Entry(entry) => self.lists.span(entry.index, message)?,
            Decider::Rule(hit) => match &hit.clue {
                Clue::Class(index) => return Ok((Some(text(py, &evidence.classes[*index])), None)),
                Clue::Code(index) => return Ok((Some(text(py, &evidence.codes[*index].to_string())), None)),
                Clue::Text(bytes) => Some(whole_characters(&evidence.text, bytes)),
            },
        };
        let matched = |span: &Range<usize>| {
            // The text itself, whatever a subclass of str makes of its items.
            let slice = py.get_type::<PySlice>().call1((span.start, span.end))?;
            py.get_type::<PyString>().call_method1("__getitem__", (message, slice))
        };
        Ok((span.as_ref().map(matched).transpose()?, span))
    }
}

/// A decision, and what it was taken over.
pub(super) struct Case<'a, 'py> {
    evidence: &'a Evidence<'a>,
    /// The text of the evidence.
    message: Bound<'py, PyString>,
    pub(super) judgement: Judgement,
    /// The class of the exception; None for a message.
    source: Option<&'a str>,
}

/// A decision over the text of one exception.
struct Judged<'py> {
    message: Bound<'py, PyString>,
    judgement: Judgement,
}

impl chain::Decision for Judged<'_> {
    fn verdict(&self) -> rule::Verdict {
        self.judgement.verdict()
    }

    fn is_reasoned(&self) -> bool {
        self.judgement.is_reasoned()
    }
}

/// UTF-8 in which lone surrogates may stand, as Python has it.
fn text_of<'py>(py: Python<'py>, text: &[u8]) -> PyResult<Bound<'py, PyString>> {
    if let Ok(text) = std::str::from_utf8(text) {
        return Ok(PyString::new(py, text));
    }
    let decoded = PyBytes::new(py, text).call_method1("decode", ("utf-8", "surrogatepass"))?;
    Ok(decoded.cast_into::<PyString>()?)
}

/// What was recognised, and its span.
type Matched<'py> = (Option<Bound<'py, PyAny>>, Option<Range<usize>>);

fn text<'py>(py: Python<'py>, text: &str) -> Bound<'py, PyAny> {
    PyString::new(py, text).into_any()
}

/// A span in bytes as one in characters. A pattern may match a part of a character, which then counts as a whole.
fn whole_characters(text: &[u8], bytes: &Range<usize>) -> Range<usize> {
    let inside = |index: usize| text.get(index).is_some_and(|byte| byte & 0xC0 == 0x80);
    let before = characters(&text[..bytes.start]);
    before - usize::from(inside(bytes.start))..characters(&text[..bytes.end])
}

/// The lists of a class over one message.
struct OverMessage<'a, 'py> {
    lists: &'a Lists,
    message: &'a Bound<'py, PyString>,
    beside_packs: bool,
}

impl OverMessage<'_, '_> {
    fn entry(&self, index: usize) -> Entry {
        Entry { index, verdict: self.lists.verdict(index) }
    }
}

impl explanation::Lists for OverMessage<'_, '_> {
    type Error = PyErr;

    fn added(&mut self) -> PyResult<Option<Entry>> {
        let found = if self.beside_packs { self.lists.first_added(self.message)? } else { None };
        Ok(found.map(|index| self.entry(index)))
    }

    fn others(&mut self, may_match: bool) -> PyResult<Option<Entry>> {
        let found = if !self.beside_packs {
            self.lists.first_match(self.message)?
        } else if may_match {
            self.lists.first_shipped(self.message)?
        } else {
            None
        };
        Ok(found.map(|index| self.entry(index)))
    }
}
