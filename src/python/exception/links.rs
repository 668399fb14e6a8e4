//! The exceptions behind an exception.

use super::Step::Attribute;
use super::{Classes, evidence_of, follow, lenient};
use crate::packs::chain::Failure;
use crate::python::wrong_type;
use pyo3::exceptions::PyBaseException;
use pyo3::prelude::*;
use pyo3::types::{PyList, PyTuple};
use std::collections::HashSet;

/// Most exceptions that are read, members of groups included.
const MOST: usize = 1000;

/// Most steps from the outermost exception to the innermost that is read.
const DEEPEST: usize = 100;

/// Classes that group exceptions: the built-in one, and that of the package for Python 3.10.
const GROUPS: [&str; 2] = ["BaseExceptionGroup", "exceptiongroup.BaseExceptionGroup"];

/// An exception and those behind it.
struct Tree<'py> {
    exception: Bound<'py, PyAny>,
    members: Vec<Tree<'py>>,
    cause: Option<Box<Tree<'py>>>,
    context: Option<Box<Tree<'py>>>,
}

/// Return what is known of an exception and of those behind it.
///
/// Of those at most 1,000, at most 100 steps away, and each once, however they refer to each other.
///
/// # Errors
/// `TypeError` for what is no exception; what an attribute raises that is no `Exception`.
pub(in crate::python) fn failure_of(exception: &Bound<'_, PyAny>) -> PyResult<Failure> {
    known(&Tree::of(exception)?)
}

/// Return an exception and those behind it, in the order in which they are asked: its members, its cause, its context.
///
/// # Errors
/// As [`failure_of`].
pub(in crate::python) fn all<'py>(exception: &Bound<'py, PyAny>) -> PyResult<Vec<Bound<'py, PyAny>>> {
    let mut exceptions = Vec::new();
    Tree::of(exception)?.flatten(&mut exceptions);
    Ok(exceptions)
}

fn known(tree: &Tree<'_>) -> PyResult<Failure> {
    let behind = |tree: &Option<Box<Tree<'_>>>| tree.as_deref().map(known).transpose().map(|known| known.map(Box::new));
    Ok(Failure {
        evidence: evidence_of(&tree.exception)?,
        members: tree.members.iter().map(known).collect::<PyResult<_>>()?,
        cause: behind(&tree.cause)?,
        context: behind(&tree.context)?,
    })
}

impl<'py> Tree<'py> {
    fn of(exception: &Bound<'py, PyAny>) -> PyResult<Self> {
        if !exception.is_instance_of::<PyBaseException>() {
            return Err(wrong_type("exception", "an exception", exception));
        }
        let tree = Self::read(exception.clone(), 0, &mut HashSet::new())?;
        tree.ok_or_else(|| wrong_type("exception", "an exception", exception))
    }

    /// Read an exception that has not been `seen`, by its address: all that were are kept alive by the tree.
    fn read(exception: Bound<'py, PyAny>, depth: usize, seen: &mut HashSet<usize>) -> PyResult<Option<Self>> {
        if depth > DEEPEST || seen.len() >= MOST || !seen.insert(exception.as_ptr().addr()) {
            return Ok(None);
        }
        let mut read = |exception: Option<Bound<'py, PyAny>>| match exception {
            Some(exception) => PyResult::Ok(Self::read(exception, depth + 1, seen)?.map(Box::new)),
            None => Ok(None),
        };
        let members = members(&exception)?.into_iter().map(|member| read(Some(member)));
        let members: Vec<_> = members.collect::<PyResult<_>>()?;
        let cause = read(behind(&exception, "__cause__")?)?;
        let context = if is_suppressed(&exception)? { None } else { read(behind(&exception, "__context__")?)? };
        Ok(Some(Self {
            exception,
            members: members.into_iter().flatten().map(|member| *member).collect(),
            cause,
            context,
        }))
    }

    fn flatten(self, exceptions: &mut Vec<Bound<'py, PyAny>>) {
        exceptions.push(self.exception);
        let behind = self.cause.into_iter().chain(self.context).map(|tree| *tree);
        for tree in self.members.into_iter().chain(behind) {
            tree.flatten(exceptions);
        }
    }
}

/// The exception that an attribute holds.
fn behind<'py>(exception: &Bound<'py, PyAny>, name: &'static str) -> PyResult<Option<Bound<'py, PyAny>>> {
    Ok(follow(exception, &[Attribute(name)])?.filter(PyAnyMethods::is_instance_of::<PyBaseException>))
}

fn is_suppressed(exception: &Bound<'_, PyAny>) -> PyResult<bool> {
    let suppressed = follow(exception, &[Attribute("__suppress_context__")])?;
    let suppressed = suppressed.map(|suppressed| lenient(exception.py(), suppressed.is_truthy())).transpose()?;
    Ok(suppressed.flatten().unwrap_or(false))
}

/// The exceptions that a group holds.
fn members<'py>(exception: &Bound<'py, PyAny>) -> PyResult<Vec<Bound<'py, PyAny>>> {
    let classes = Classes::of(exception)?;
    if !GROUPS.iter().any(|group| classes.any(group)) {
        return Ok(Vec::new());
    }
    let held = follow(exception, &[Attribute("exceptions")])?;
    let members: Vec<_> = match held.as_ref() {
        Some(held) if held.is_instance_of::<PyTuple>() => held.cast::<PyTuple>()?.iter().collect(),
        Some(held) if held.is_instance_of::<PyList>() => held.cast::<PyList>()?.iter().collect(),
        _ => Vec::new(),
    };
    Ok(members.into_iter().filter(Bound::is_instance_of::<PyBaseException>).collect())
}
