//! Rule packs: which a class uses, and what is in them.

use super::error_type::Verdict;
use super::{shown, wrong_type};
use crate::error::Error;
use crate::packs::check::{Problem, ProblemKind, check};
use crate::packs::engine::Engine;
use crate::packs::pattern::Pattern;
use crate::packs::rule::{CODE_KEYS, Example, Pack, Rule};
use crate::packs::source::{Table, Value, read_rule, read_rules};
use crate::packs::{names, pack};
use once_cell::sync::OnceCell;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyInt, PyList, PyString, PyTuple, PyType};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// The name of the pack of a program's own rules.
const PROJECT: &str = "project";

/// The packs and rules of a class, compiled when they are first asked.
#[pyclass(frozen)]
pub(super) struct CompiledRules {
    project: Option<Arc<Pack>>,
    /// In the order of the shipped packs, each once.
    names: Vec<&'static str>,
    engine: Arc<OnceCell<Engine>>,
}

impl CompiledRules {
    /// Rules of the program, and packs.
    pub(super) fn new(project: Option<Arc<Pack>>, names: Vec<&'static str>) -> Self {
        let engine = if project.is_some() { Arc::default() } else { shared(&names) };
        Self { project, names, engine }
    }

    /// The same with other packs.
    pub(super) fn with_names(&self, names: Vec<&'static str>) -> Self {
        Self::new(self.project.clone(), names)
    }

    /// The same with other rules of the program.
    pub(super) fn with_project(&self, project: Option<Arc<Pack>>) -> Self {
        Self::new(project, self.names.clone())
    }

    /// The rules of a class; None where it uses none.
    pub(super) fn of<'py>(class: &Bound<'py, PyType>) -> PyResult<Option<Bound<'py, Self>>> {
        let compiled = class.getattr(pyo3::intern!(class.py(), "_compiled_rules"))?;
        Ok(compiled.cast_into::<Self>().ok())
    }

    /// The names of its packs.
    pub(super) fn names(&self) -> &[&'static str] {
        &self.names
    }

    /// The engine.
    pub(super) fn engine(&self) -> Result<&Engine, Error> {
        self.engine.get_or_try_init(|| {
            let packs: Vec<Arc<Pack>> =
                self.names.iter().map(|name| pack(name).map(Arc::clone)).collect::<Result<_, _>>()?;
            Ok(Engine::new(self.project.clone(), packs))
        })
    }
}

/// The engine of these packs, which all classes share that use them and no rules of their own.
fn shared(names: &[&'static str]) -> Arc<OnceCell<Engine>> {
    type Engines = HashMap<Vec<&'static str>, Arc<OnceCell<Engine>>>;
    static ENGINES: OnceCell<Mutex<Engines>> = OnceCell::new();
    let engines = ENGINES.get_or_init(Mutex::default);
    Arc::clone(engines.lock().unwrap_or_else(PoisonError::into_inner).entry(names.to_vec()).or_default())
}

/// The shipped packs of these names, in the shipped order, each once.
pub(super) fn named(given: &Bound<'_, PyTuple>) -> PyResult<Vec<&'static str>> {
    let mut wanted = Vec::new();
    for name in given {
        let text = name.cast::<PyString>().map_err(|_| wrong_type("the name of a rule pack", "a str", &name))?;
        let text = text.to_string_lossy();
        let known = names().find(|known| *known == text);
        wanted.push(known.ok_or_else(|| Error::UnknownPack { name: text.into_owned() })?);
    }
    Ok(names().filter(|name| wanted.contains(name)).collect())
}

/// Read the rules of a program; None where there are none.
pub(super) fn read_project(rules: &Bound<'_, PyAny>) -> PyResult<Option<Arc<Pack>>> {
    let tables = tables(rules)?;
    if tables.is_empty() { Ok(None) } else { Ok(Some(project(read_rules(PROJECT, tables)?))) }
}

fn project(rules: Vec<Rule>) -> Arc<Pack> {
    Arc::new(Pack {
        name: String::from(PROJECT),
        title: String::from("Project"),
        about: String::from("Rules of the program itself."),
        rules,
        noise: Vec::new(),
    })
}

fn tables(rules: &Bound<'_, PyAny>) -> PyResult<Vec<Table>> {
    let Value::List(values) = value(rules)? else {
        return Err(wrong_type("rules", "a list or tuple of dict", rules));
    };
    let table = |(number, value): (usize, Value)| match value {
        Value::Table(table) => Ok(table),
        _ => Err(wrong_type("a rule", "a dict in the form of a [[rule]] table", &rules.get_item(number)?)),
    };
    values.into_iter().enumerate().map(table).collect()
}

/// Return what is wrong with rules of a program, as `RuleProblem`; first the rules that cannot be used.
///
/// A rule may be ``"invalid"`` (it cannot be used; the message names the key, the value and what would do), have
/// ``"no-example"``, an ``"example"`` that another rule decides or none, a ``"counterexample"`` that it decides itself, or be
/// ``"hidden"``: another rule decides whatever it matches.
///
/// Args:
///     rules: dicts as for `ErrorClassifier.with_rules`.
///     packs: names of the packs that stand behind them; all by default.
///
/// Raises:
///     TypeError: `rules` is no list or tuple of dict, or `packs` no sequence of str.
///     ValueError: there is no such pack; the error lists those there are.
#[pyfunction]
#[pyo3(signature = (rules, packs = None))]
pub(super) fn check_rules<'py>(
    rules: &Bound<'py, PyAny>,
    packs: Option<&Bound<'py, PyAny>>,
) -> PyResult<Vec<Bound<'py, PyAny>>> {
    let py = rules.py();
    let mut problems = Vec::new();
    let mut usable: Vec<Rule> = Vec::new();
    for (number, table) in tables(rules)?.into_iter().enumerate() {
        let full_id = table.iter().find(|(key, _)| key == "id").map_or_else(
            || format!("{PROJECT}/#{}", number + 1),
            |(_, id)| {
                if let Value::Text(id) = id { format!("{PROJECT}/{id}") } else { format!("{PROJECT}/#{}", number + 1) }
            },
        );
        let invalid = |message: String| Problem { rule: full_id, kind: ProblemKind::Invalid, message };
        match read_rule(PROJECT, number, table) {
            Err(error) => problems.push(invalid(error.to_string())),
            Ok(rule) if usable.iter().any(|other| other.id == rule.id) => {
                problems.push(invalid(String::from("another rule has its id; give each rule an id of its own")));
            }
            Ok(rule) => usable.push(rule),
        }
    }
    let names = match packs {
        None => names().collect(),
        Some(packs) if packs.is_instance_of::<PyString>() => {
            return Err(wrong_type("packs", "a sequence of str", packs));
        }
        Some(packs) => named(&py.get_type::<PyTuple>().call1((packs,))?.cast_into()?)?,
    };
    // Most programs have no rules, and the system checks ask at each start: all packs would be compiled for nothing.
    if !usable.is_empty() {
        let compiled = CompiledRules::new(Some(project(usable)), names);
        problems.extend(check(compiled.engine()?, PROJECT));
    }
    let class = py.import("job_retry.rule_pack")?.getattr("RuleProblem")?;
    problems.iter().map(|problem| class.call1((&problem.rule, problem.kind.name(), &problem.message))).collect()
}

/// What a program wrote, in the form in which rules are read.
fn value(object: &Bound<'_, PyAny>) -> PyResult<Value> {
    if let Ok(text) = object.cast::<PyString>() {
        if let Ok(text) = text.to_str() {
            return Ok(Value::Text(text.to_owned()));
        }
    } else if let Ok(dict) = object.cast::<PyDict>() {
        let mut table = Table::with_capacity(dict.len());
        for (key, entry) in dict {
            let Ok(key) = key.cast::<PyString>() else { return Err(wrong_type("a key of a rule", "a str", &key)) };
            table.push((key.to_string_lossy().into_owned(), value(&entry)?));
        }
        return Ok(Value::Table(table));
    } else if object.is_instance_of::<PyList>() || object.is_instance_of::<PyTuple>() {
        return Ok(Value::List(object.try_iter()?.map(|entry| value(&entry?)).collect::<PyResult<_>>()?));
    } else if object.is_instance_of::<PyInt>() && !object.is_instance_of::<PyBool>() {
        if let Ok(number) = object.extract() {
            return Ok(Value::Integer(number));
        }
    }
    Ok(Value::Other(shown(object)))
}

/// Return the shipped rule packs by name, as `RulePack`.
#[pyfunction]
pub(super) fn rule_packs(py: Python<'_>) -> PyResult<Bound<'_, PyDict>> {
    let packs = PyDict::new(py);
    for name in names() {
        packs.set_item(name, Shape::new(py)?.pack(pack(name)?)?)?;
    }
    Ok(packs)
}

/// The Python classes that describe packs.
struct Shape<'py> {
    module: Bound<'py, PyModule>,
}

impl<'py> Shape<'py> {
    fn new(py: Python<'py>) -> PyResult<Self> {
        Ok(Self { module: py.import("job_retry.rule_pack")? })
    }

    fn make(&self, class: &str, fields: &Bound<'py, PyDict>) -> PyResult<Bound<'py, PyAny>> {
        self.module.getattr(class)?.call((), Some(fields))
    }

    fn pack(&self, pack: &Pack) -> PyResult<Bound<'py, PyAny>> {
        let py = self.module.py();
        let fields = PyDict::new(py);
        fields.set_item("name", &pack.name)?;
        fields.set_item("title", &pack.title)?;
        fields.set_item("about", &pack.about)?;
        let rules: Vec<_> = pack.rules.iter().map(|rule| self.rule(pack, rule)).collect::<PyResult<_>>()?;
        fields.set_item("rules", PyTuple::new(py, rules)?)?;
        let noise = pack.noise.iter().map(|noise| {
            let fields = PyDict::new(py);
            fields.set_item("pattern", noise.pattern.text())?;
            fields.set_item("why", &noise.why)?;
            fields.set_item("example", &noise.example)?;
            self.make("Noise", &fields)
        });
        fields.set_item("noise", PyTuple::new(py, noise.collect::<PyResult<Vec<_>>>()?)?)?;
        self.make("RulePack", &fields)
    }

    fn rule(&self, pack: &Pack, rule: &Rule) -> PyResult<Bound<'py, PyAny>> {
        let py = self.module.py();
        let fields = PyDict::new(py);
        fields.set_item("id", pack.full_id(rule))?;
        fields.set_item("verdict", Verdict::from(rule.verdict).member(py)?)?;
        fields.set_item("why", &rule.why)?;
        fields.set_item("strength", rule.strength.name())?;
        for (key, patterns) in [("message", &rule.message), ("also", &rule.also), ("unless", &rule.unless)] {
            let texts: Vec<&str> = patterns.iter().map(Pattern::text).collect();
            fields.set_item(key, PyTuple::new(py, texts)?)?;
        }
        fields.set_item("exception", PyTuple::new(py, &rule.exception)?)?;
        for (key, kind) in CODE_KEYS {
            fields.set_item(key, PyTuple::new(py, rule.written(kind).collect::<Vec<_>>())?)?;
        }
        for (key, examples) in [("examples", &rule.examples), ("counterexamples", &rule.counterexamples)] {
            let examples: Vec<_> = examples.iter().map(|example| self.example(example)).collect::<PyResult<_>>()?;
            fields.set_item(key, PyTuple::new(py, examples)?)?;
        }
        self.make("Rule", &fields)
    }

    fn example(&self, example: &Example) -> PyResult<Bound<'py, PyAny>> {
        let py = self.module.py();
        let fields = PyDict::new(py);
        fields.set_item("message", &example.message)?;
        fields.set_item("exception", PyTuple::new(py, &example.exception)?)?;
        let key_of = |kind| CODE_KEYS.iter().find(|(_, of_key)| *of_key == kind).map_or("code", |(key, _)| *key);
        let codes: Vec<(&str, &str)> =
            example.codes.iter().map(|code| (key_of(code.code.kind), code.written.as_str())).collect();
        fields.set_item("codes", PyTuple::new(py, codes)?)?;
        self.make("Example", &fields)
    }
}
