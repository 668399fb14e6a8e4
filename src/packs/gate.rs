//! What a text has to have beside a literal before a pattern is worth trying.

use super::literals::Literals;
use super::text::Lowered;
use super::trigrams::{Trace, Trigrams};
use regex_syntax::hir::{Class, Hir, HirKind, Look};
use std::ops::Range;

/// Cheap conditions without which a pattern matches nothing.
#[derive(Debug, Default)]
pub(super) struct Gate {
    /// One literal of each of these.
    literals: Box<[Box<[Trace]>]>,
    /// A digit.
    digit: bool,
    /// The match begins where a line does, with one of these bytes.
    start: Option<Box<[bool; 256]>>,
}

impl Gate {
    /// Of a pattern that also requires one literal of each of these.
    pub(super) fn new(hir: &Hir, also: &[Literals]) -> Self {
        let traces = |literals: &Literals| literals.iter().map(|literal| Trace::new(literal)).collect();
        Self { literals: also.iter().map(traces).collect(), digit: needs_digit(hir), start: line_start(hir) }
    }

    /// Of literals of which the text has to have each.
    pub(super) fn of_all<'a>(literals: impl Iterator<Item = &'a [u8]>) -> Self {
        let long = literals.filter(|literal| literal.len() >= 3);
        Self { literals: long.map(|literal| Box::from([Trace::new(literal)])).collect(), ..Self::default() }
    }

    /// A literal that the text has to have, too.
    pub(super) fn literal(&self) -> Option<Trace> {
        self.literals.iter().find_map(|choice| if let [literal] = **choice { Some(literal) } else { None })
    }

    /// Whether the pattern may match anywhere in a text.
    pub(super) fn lets_through(&self, text: &Lowered, trigrams: &Trigrams) -> bool {
        self.literals.iter().all(|literals| trigrams.may_have(text, literals))
            && (!self.digit || trigrams.may_have_digits(text))
    }

    /// Whether it may match in a part of a line.
    pub(super) fn lets_through_part(&self, text: &[u8], window: &Range<usize>) -> bool {
        let Some(bytes) = &self.start else { return true };
        let begins = window.start.checked_sub(1).is_none_or(|before| text[before] == b'\n');
        begins && text.get(window.start).is_some_and(|byte| bytes[usize::from(*byte)])
    }
}

fn needs_digit(hir: &Hir) -> bool {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) | HirKind::Class(Class::Unicode(_)) => false,
        HirKind::Literal(literal) => literal.0.iter().any(u8::is_ascii_digit),
        HirKind::Class(Class::Bytes(class)) => {
            class.ranges().iter().all(|range| range.start().is_ascii_digit() && range.end().is_ascii_digit())
        }
        HirKind::Repetition(repetition) => repetition.min > 0 && needs_digit(&repetition.sub),
        HirKind::Capture(capture) => needs_digit(&capture.sub),
        HirKind::Concat(parts) => parts.iter().any(needs_digit),
        HirKind::Alternation(parts) => parts.iter().all(needs_digit),
    }
}

/// The bytes that a pattern which stands at the beginning of a line begins with; None for any other.
fn line_start(hir: &Hir) -> Option<Box<[bool; 256]>> {
    let HirKind::Concat(parts) = hir.kind() else { return None };
    let [first, second, ..] = parts.as_slice() else { return None };
    let mut bytes = Box::new([false; 256]);
    (*first.kind() == HirKind::Look(Look::StartLF) && first_bytes(second, &mut bytes)).then_some(bytes)
}

/// Add what every match begins with; false where that is not known.
fn first_bytes(hir: &Hir, bytes: &mut [bool; 256]) -> bool {
    match hir.kind() {
        HirKind::Literal(literal) => {
            bytes[usize::from(literal.0[0])] = true;
            true
        }
        HirKind::Class(Class::Bytes(class)) => {
            for byte in class.ranges().iter().flat_map(|range| range.start()..=range.end()) {
                bytes[usize::from(byte)] = true;
            }
            true
        }
        HirKind::Repetition(repetition) => repetition.min > 0 && first_bytes(&repetition.sub, bytes),
        HirKind::Capture(capture) => first_bytes(&capture.sub, bytes),
        HirKind::Concat(parts) => parts.first().is_some_and(|part| first_bytes(part, bytes)),
        HirKind::Alternation(parts) => parts.iter().all(|part| first_bytes(part, bytes)),
        HirKind::Class(Class::Unicode(_)) | HirKind::Empty | HirKind::Look(_) => false,
    }
}
