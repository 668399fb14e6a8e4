//! Which literals every match of a pattern contains.

use super::commonness::Model;
use regex_syntax::hir::{Class, Hir, HirKind, Repetition};

/// Fewest bytes of a literal that tells texts apart.
pub(super) const REQUIRED_BYTES: usize = 3;

/// Most literals that take the place of a part of a pattern.
const MOST_LITERALS: usize = 96;

/// How far literals reach to either side of the seam of two parts, in bytes: longer ones tell little more.
const SEAM_BYTES: usize = 6;

/// A class of more bytes than this is no choice of literals.
const CLASS_BYTES: usize = 12;

/// What a literal costs though no message has it, as a chance: memory, and time when it is compiled.
const LITERAL_CHANCE: f32 = 1e-9;

/// Most literals of a part that is only looked at where another part was found.
const MOST_FURTHER: usize = 32;

pub(super) type Literals = Vec<Vec<u8>>;

/// What every match of a pattern contains.
#[derive(Debug)]
pub(super) struct Required {
    /// One of these; of all choices the one that is found least often by chance.
    pub(super) literals: Literals,
    /// Whether these are all that it matches on a line, none is a part of another, and no two can overlap: then each place
    /// of one is a match, and there are no others.
    pub(super) only: bool,
    /// One of each of these, too.
    pub(super) also: Vec<Literals>,
}

/// Return what every match of `hir` contains; None where it requires no literal of [`REQUIRED_BYTES`] or more.
pub(super) fn required(hir: &Hir) -> Option<Required> {
    let mut parts = Vec::new();
    flatten(hir, &mut parts);
    let whole = Part::of_concat(&parts);
    let exact = whole.exact.filter(|texts| hir.properties().look_set().is_empty() && are_apart(texts));
    if let Some(literals) = exact {
        return Some(Required { literals, only: true, also: Vec::new() });
    }
    let literals = whole.best?.literals;
    let implied = |choice: &Literals| {
        literals.iter().all(|literal| choice.iter().any(|part| memchr::memmem::find(literal, part).is_some()))
    };
    let choices = parts.into_iter().filter_map(|part| part.best).map(|choice| choice.literals);
    let also = choices.filter(|choice| choice.len() <= MOST_FURTHER && !implied(choice)).collect();
    Some(Required { literals, only: false, also })
}

/// Add the parts of a pattern that follow each other.
fn flatten(hir: &Hir, parts: &mut Vec<Part>) {
    match hir.kind() {
        HirKind::Concat(inner) => inner.iter().for_each(|part| flatten(part, parts)),
        HirKind::Capture(capture) => flatten(&capture.sub, parts),
        _ => parts.push(Part::of(hir)),
    }
}

/// Whether no literal can be found in another, or overlap with it.
fn are_apart(literals: &Literals) -> bool {
    let overlap = |first: &[u8], second: &[u8]| {
        (1..first.len().min(second.len())).any(|length| first.ends_with(&second[..length]))
    };
    literals.iter().enumerate().all(|(number, first)| {
        let others = literals.iter().enumerate().filter(|(other, _)| *other != number);
        first.len() >= REQUIRED_BYTES
            && !overlap(first, first)
            && others
                .into_iter()
                .all(|(_, second)| !overlap(first, second) && memchr::memmem::find(first, second).is_none())
    })
}

/// What is known of a part of a pattern.
#[derive(Debug, Clone)]
struct Part {
    /// All texts that it matches, where they are few.
    exact: Option<Literals>,
    /// Texts of which every match begins with one; the empty text where nothing is known.
    start: Literals,
    /// Texts of which every match ends with one.
    end: Literals,
    /// The best literals of which every match contains one.
    best: Option<Choice>,
}

#[derive(Debug, Clone)]
struct Choice {
    literals: Literals,
    /// How often one of them is found at a place of a message.
    chance: f32,
}

impl Choice {
    fn new(literals: Literals) -> Option<Self> {
        if literals.is_empty() || literals.iter().any(|literal| literal.len() < REQUIRED_BYTES) {
            return None;
        }
        let model = Model::shipped();
        let chance = literals.iter().map(|literal| model.chance(literal) + LITERAL_CHANCE).sum();
        Some(Self { literals, chance })
    }

    fn better(first: Option<Self>, second: Option<Self>) -> Option<Self> {
        match (first, second) {
            (Some(first), Some(second)) => Some(if second.chance < first.chance { second } else { first }),
            (first, second) => first.or(second),
        }
    }
}

impl Part {
    fn of(hir: &Hir) -> Self {
        match hir.kind() {
            HirKind::Empty | HirKind::Look(_) => Self::exactly(nothing()),
            HirKind::Literal(literal) => Self::exactly(vec![literal.0.to_vec()]),
            HirKind::Class(class) => members(class).map_or_else(Self::unknown, Self::exactly),
            HirKind::Capture(capture) => Self::of(&capture.sub),
            HirKind::Repetition(repetition) => Self::of_repetition(repetition),
            HirKind::Alternation(parts) => Self::of_alternation(&parts.iter().map(Self::of).collect::<Vec<_>>()),
            HirKind::Concat(parts) => Self::of_concat(&parts.iter().map(Self::of).collect::<Vec<_>>()),
        }
    }

    fn unknown() -> Self {
        Self { exact: None, start: nothing(), end: nothing(), best: None }
    }

    fn exactly(texts: Literals) -> Self {
        let start = trimmed(texts.clone(), Edge::Start);
        let end = trimmed(texts.clone(), Edge::End);
        Self { best: Choice::new(texts.clone()), exact: Some(texts), start, end }
    }

    fn of_repetition(repetition: &Repetition) -> Self {
        let once = Self::of(&repetition.sub);
        match (repetition.min, repetition.max, &once.exact) {
            (0, Some(1), Some(texts)) => Self::exactly([texts.clone(), nothing()].concat()),
            (0, ..) => Self::unknown(),
            (1, Some(1), _) => once,
            (least, most, Some(texts)) => {
                let mut all = texts.clone();
                for _ in 1..least {
                    match product(&all, texts) {
                        Some(longer) => all = longer,
                        None => return Self { exact: None, ..once },
                    }
                }
                let whole = Self::exactly(all);
                if most == Some(least) { whole } else { Self { exact: None, ..whole } }
            }
            _ => Self { exact: None, ..once },
        }
    }

    fn of_alternation(parts: &[Self]) -> Self {
        let exact: Option<Vec<&Literals>> = parts.iter().map(|part| part.exact.as_ref()).collect();
        let exact = exact.map(|exact| exact.into_iter().flatten().cloned().collect::<Literals>());
        if let Some(texts) = exact.filter(|texts| texts.len() <= MOST_LITERALS) {
            return Self::exactly(unique(texts));
        }
        let union = |edge: fn(&Self) -> &Literals| {
            let texts = unique(parts.iter().flat_map(edge).cloned().collect());
            if texts.len() <= MOST_LITERALS { texts } else { nothing() }
        };
        let best: Option<Vec<&Choice>> = parts.iter().map(|part| part.best.as_ref()).collect();
        let best = best.map(|best| unique(best.into_iter().flat_map(|choice| choice.literals.clone()).collect()));
        let best = best.filter(|literals| literals.len() <= MOST_LITERALS).and_then(Choice::new);
        Self { exact: None, start: union(|part| &part.start), end: union(|part| &part.end), best }
    }

    fn of_concat(parts: &[Self]) -> Self {
        let exact = parts.iter().try_fold(nothing(), |texts, part| product(&texts, part.exact.as_ref()?));
        if let Some(texts) = exact {
            return Self::exactly(texts);
        }
        // What stands before and behind each seam.
        let before = parts.iter().scan(nothing(), |before, part| {
            *before = part.exact.as_ref().map_or_else(|| part.end.clone(), |texts| joined(before, texts, Edge::End));
            Some(before.clone())
        });
        let before: Vec<Literals> = before.collect();
        let behind = parts.iter().rev().scan(nothing(), |behind, part| {
            *behind =
                part.exact.as_ref().map_or_else(|| part.start.clone(), |texts| joined(texts, behind, Edge::Start));
            Some(behind.clone())
        });
        let mut behind: Vec<Literals> = behind.collect();
        behind.reverse();
        let mut best = parts
            .iter()
            .filter_map(|part| part.best.clone())
            .reduce(|first, second| if second.chance < first.chance { second } else { first });
        for (left, right) in before.iter().zip(behind.iter().skip(1)) {
            best = Choice::better(best, product(left, right).and_then(Choice::new));
        }
        // Whole texts of parts that stand side by side.
        for run in parts.chunk_by(|left, right| left.exact.is_some() && right.exact.is_some()) {
            let whole = run.iter().try_fold(nothing(), |texts, part| product(&texts, part.exact.as_ref()?));
            best = Choice::better(best, whole.and_then(Choice::new));
        }
        let ends = before.into_iter().last().unwrap_or_else(nothing);
        let starts = behind.into_iter().next().unwrap_or_else(nothing);
        Self { exact: None, start: starts, end: ends, best }
    }
}

fn nothing() -> Literals {
    vec![Vec::new()]
}

/// The bytes of a class that a line may hold; None for more than are worth a literal each.
fn members(class: &Class) -> Option<Literals> {
    let Class::Bytes(class) = class else { return None };
    let bytes = class.ranges().iter().flat_map(|range| range.start()..=range.end()).filter(|byte| *byte != b'\n');
    let bytes: Literals = bytes.take(CLASS_BYTES + 1).map(|byte| vec![byte]).collect();
    (bytes.len() <= CLASS_BYTES).then_some(bytes)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Edge {
    Start,
    End,
}

/// Each text cut down to the part at this edge that reaches to a seam.
fn trimmed(texts: Literals, edge: Edge) -> Literals {
    let cut = |mut text: Vec<u8>| {
        match edge {
            Edge::Start => text.truncate(SEAM_BYTES),
            Edge::End => drop(text.drain(..text.len().saturating_sub(SEAM_BYTES))),
        }
        text
    };
    unique(texts.into_iter().map(cut).collect())
}

/// What two parts side by side have at this edge.
fn joined(left: &Literals, right: &Literals, edge: Edge) -> Literals {
    product(left, right).map_or_else(
        || if edge == Edge::Start { trimmed(left.clone(), edge) } else { trimmed(right.clone(), edge) },
        |texts| trimmed(texts, edge),
    )
}

/// Each text of one choice followed by each of the other; None where they are too many.
fn product(left: &Literals, right: &Literals) -> Option<Literals> {
    if left.len() * right.len() > MOST_LITERALS {
        return None;
    }
    let texts = left.iter().flat_map(|first| right.iter().map(move |second| [first.as_slice(), second].concat()));
    Some(unique(texts.collect()))
}

fn unique(mut texts: Literals) -> Literals {
    texts.sort_unstable();
    texts.dedup();
    texts
}
