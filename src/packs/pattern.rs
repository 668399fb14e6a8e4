//! Patterns of rules: which are allowed, what they require, where they match.

use memchr::memmem::Finder;
use once_cell::sync::OnceCell;
use regex_automata::meta::Regex;
use regex_automata::util::syntax;
use regex_automata::{Input, Match};
use regex_syntax::hir::{Capture, Class, Hir, HirKind, Repetition};
use std::ops::Range;

/// Fewest bytes of a literal that tells texts apart.
const REQUIRED_BYTES: usize = 3;

/// Longest pattern, in bytes.
const LONGEST_BYTES: usize = 1000;

/// Most repetitions that are counted: enough for a digest in hexadecimal digits.
const MOST_REPETITIONS: u32 = 64;

/// A class of more bytes than this is a wildcard, which may not be repeated by count.
const WILDCARD_BYTES: usize = 128;

/// Most literals that take the place of a part of a pattern.
const MOST_LITERALS: usize = 64;

/// So many matches in one window are looked at; a text with more repeats itself.
const MOST_MATCHES: usize = 64;

/// A pattern that was checked, in the syntax of the regex crate, for texts in lower case.
///
/// A match never spans lines. Each contains at least one of the pattern's literals, so that one search for the literals
/// of all patterns finds the few that are worth trying, and where.
#[derive(Debug)]
pub struct Pattern {
    text: String,
    literals: Vec<Vec<u8>>,
    matcher: Matcher,
}

#[derive(Debug)]
enum Matcher {
    /// One literal.
    Literal,
    /// Literals joined by `.*`.
    Gaps(Vec<Finder<'static>>),
    /// Compiled where a literal of it is found for the first time.
    Regex(OnceCell<Option<Regex>>),
}

impl Pattern {
    /// Check a pattern.
    ///
    /// # Errors
    /// What is wrong with it, and what would do.
    pub fn new(text: &str) -> Result<Self, String> {
        if text.chars().any(char::is_uppercase) {
            return Err(String::from("write it in lower case: so are the texts it is matched against"));
        }
        if text.len() > LONGEST_BYTES {
            return Err(format!("it is longer than {LONGEST_BYTES} bytes; write several patterns"));
        }
        if text.contains("(?") && !text.contains("(?:") || text.matches("(?").count() > text.matches("(?:").count() {
            return Err(String::from("leave out flags, names and look-around; only (?:...) may follow a bracket"));
        }
        let mut parser = regex_syntax::ParserBuilder::new();
        let parser = parser.unicode(false).utf8(false).multi_line(true);
        let hir = parser.build().parse(text).map_err(|error| format!("it is no pattern: {}", reason(&error)))?;
        if hir.properties().minimum_len().is_none_or(|shortest| shortest == 0) {
            return Err(String::from("it matches the empty text, and so every text"));
        }
        check_repetitions(&hir)?;
        let literals = required(&hir).filter(|literals| shortest(literals) >= REQUIRED_BYTES).ok_or_else(|| {
            format!(
                "nothing in it, or in one of its alternatives, is a literal of {REQUIRED_BYTES} bytes or more; add the \
                 words that stand beside it"
            )
        })?;
        if literals.iter().any(|literal| literal.contains(&b'\n')) {
            return Err(String::from("a pattern stays on its line; write what stands on another under `also`"));
        }
        let matcher = match gaps(&hir) {
            Some(parts) if parts.len() == 1 => Matcher::Literal,
            Some(parts) => Matcher::Gaps(parts.iter().map(|part| Finder::new(part).into_owned()).collect()),
            None => Matcher::Regex(OnceCell::new()),
        };
        Ok(Self { text: text.to_owned(), literals, matcher })
    }

    /// The pattern as it is written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// One of these stands in every match.
    #[must_use]
    pub fn literals(&self) -> &[Vec<u8>] {
        &self.literals
    }

    /// Whether the pattern is its one literal, so that where that stands, it matches.
    #[must_use]
    pub fn is_literal(&self) -> bool {
        matches!(self.matcher, Matcher::Literal)
    }

    /// Return the last match that is `wanted` within a part of one line of the lower-cased `text`.
    pub fn last_match(
        &self,
        text: &[u8],
        window: Range<usize>,
        mut wanted: impl FnMut(&Range<usize>) -> bool,
    ) -> Option<Range<usize>> {
        match &self.matcher {
            Matcher::Literal => {
                let finder = memchr::memmem::FinderRev::new(&self.literals[0]);
                let mut end = window.end;
                while let Some(start) = finder.rfind(&text[window.start..end]) {
                    let found = window.start + start..window.start + start + self.literals[0].len();
                    if wanted(&found) {
                        return Some(found);
                    }
                    end = found.end - 1;
                }
                None
            }
            Matcher::Gaps(parts) => spanning(parts, text, window).filter(|found| wanted(found)),
            Matcher::Regex(compiled) => {
                let regex = compiled.get_or_init(|| compile(&self.text)).as_ref()?;
                let input = Input::new(text).span(window);
                let matches = regex.find_iter(input).take(MOST_MATCHES);
                matches.map(|found: Match| found.range()).filter(|found| wanted(found)).last()
            }
        }
    }
}

/// The pattern as the engine of the regex crate runs it; None for what [`Pattern::new`] lets nobody write.
fn compile(text: &str) -> Option<Regex> {
    let syntax = syntax::Config::new().unicode(false).utf8(false).multi_line(true);
    Regex::builder().syntax(syntax).configure(Regex::config().utf8_empty(false)).build(text).ok()
}

/// What `first.*second.*last` matches: from the first place of the first literal to the last place of the last.
fn spanning(parts: &[Finder<'_>], text: &[u8], window: Range<usize>) -> Option<Range<usize>> {
    let (last, others) = parts.split_last()?;
    let mut from = window.start;
    let mut start = None;
    for part in others {
        let found = from + part.find(&text[from..window.end])?;
        start.get_or_insert(found);
        from = found + part.needle().len();
    }
    let found = from + memchr::memmem::rfind(&text[from..window.end], last.needle())?;
    Some(start.unwrap_or(found)..found + last.needle().len())
}

fn reason(error: &regex_syntax::Error) -> String {
    match error {
        regex_syntax::Error::Parse(error) => error.kind().to_string(),
        regex_syntax::Error::Translate(error) => error.kind().to_string(),
        other => other.to_string(),
    }
}

/// Refuse counted repetitions of wildcards and of longer things: their automata are large, and slow to make.
fn check_repetitions(hir: &Hir) -> Result<(), String> {
    if let HirKind::Repetition(repetition) = hir.kind() {
        let counted = repetition.min > 1 || repetition.max.is_some_and(|most| most > 1);
        let most = repetition.max.unwrap_or(repetition.min);
        if counted && (!is_one_byte(&repetition.sub) || most > MOST_REPETITIONS) {
            return Err(format!(
                "only single characters and small classes may be repeated by count, at most {MOST_REPETITIONS} times; \
                 use `.*`, `*` or `+`"
            ));
        }
    }
    match hir.kind() {
        HirKind::Repetition(Repetition { sub, .. }) | HirKind::Capture(Capture { sub, .. }) => check_repetitions(sub),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => parts.iter().try_for_each(check_repetitions),
        HirKind::Empty | HirKind::Literal(_) | HirKind::Class(_) | HirKind::Look(_) => Ok(()),
    }
}

fn is_one_byte(hir: &Hir) -> bool {
    match hir.kind() {
        HirKind::Literal(literal) => literal.0.len() == 1,
        HirKind::Class(class) => members(class).is_some(),
        HirKind::Capture(capture) => is_one_byte(&capture.sub),
        _ => false,
    }
}

/// The bytes of a class; None for a wildcard.
fn members(class: &Class) -> Option<Vec<Vec<u8>>> {
    let Class::Bytes(class) = class else { return None };
    let bytes = class.ranges().iter().flat_map(|range| range.start()..=range.end());
    let bytes: Vec<Vec<u8>> = bytes.take(WILDCARD_BYTES + 1).map(|byte| vec![byte]).collect();
    (bytes.len() <= WILDCARD_BYTES).then_some(bytes)
}

/// The literals of a pattern that is literals joined by `.*`.
fn gaps(hir: &Hir) -> Option<Vec<Vec<u8>>> {
    match hir.kind() {
        HirKind::Literal(literal) => Some(vec![literal.0.to_vec()]),
        HirKind::Concat(parts) => {
            let mut literals = Vec::new();
            for (number, part) in parts.iter().enumerate() {
                match part.kind() {
                    HirKind::Literal(literal) if number % 2 == 0 => literals.push(literal.0.to_vec()),
                    HirKind::Repetition(repetition) if number % 2 == 1 && is_gap(repetition) => {}
                    _ => return None,
                }
            }
            (parts.len() % 2 == 1).then_some(literals)
        }
        _ => None,
    }
}

fn is_gap(repetition: &Repetition) -> bool {
    let any = Hir::dot(regex_syntax::hir::Dot::AnyByteExceptLF);
    repetition.min == 0 && repetition.max.is_none() && repetition.greedy && *repetition.sub == any
}

fn shortest(literals: &[Vec<u8>]) -> usize {
    literals.iter().map(Vec::len).min().unwrap_or(0)
}

/// How well literals tell texts apart: first whether they do, then by length, and by how few they are.
fn worth(literals: &[Vec<u8>]) -> (bool, usize) {
    let shortest = shortest(literals);
    (shortest >= REQUIRED_BYTES, (4 * shortest.min(16)).saturating_sub(3 * literals.len().ilog2() as usize))
}

/// Literals of which every match of `hir` contains one, the best there are.
fn required(hir: &Hir) -> Option<Vec<Vec<u8>>> {
    let found = match hir.kind() {
        HirKind::Literal(literal) => Some(vec![literal.0.to_vec()]),
        HirKind::Capture(capture) => required(&capture.sub),
        HirKind::Repetition(repetition) if repetition.min > 0 => required(&repetition.sub),
        HirKind::Alternation(parts) => {
            let literals: Option<Vec<_>> = parts.iter().map(required).collect();
            literals.map(|literals| literals.concat()).filter(|literals| literals.len() <= MOST_LITERALS)
        }
        HirKind::Concat(parts) => required_of_any(parts),
        _ => None,
    };
    let whole = exact(hir).filter(|literals| shortest(literals) > 0);
    [found, whole].into_iter().flatten().max_by_key(|literals| worth(literals))
}

/// The best literals of any part, or of parts that stand side by side and are few texts each.
fn required_of_any(parts: &[Hir]) -> Option<Vec<Vec<u8>>> {
    let mut best: Option<Vec<Vec<u8>>> = None;
    let mut keep = |literals: Vec<Vec<u8>>| {
        if best.as_ref().is_none_or(|known| worth(&literals) > worth(known)) {
            best = Some(literals);
        }
    };
    for first in 0..parts.len() {
        let mut run = vec![Vec::new()];
        for part in &parts[first..] {
            let Some(next) = exact(part).filter(|next| next.len() * run.len() <= MOST_LITERALS) else { break };
            run = product(&run, &next);
            if shortest(&run) > 0 {
                keep(run.clone());
            }
        }
        if let Some(literals) = required_alone(&parts[first]) {
            keep(literals);
        }
    }
    best
}

fn required_alone(part: &Hir) -> Option<Vec<Vec<u8>>> {
    match part.kind() {
        HirKind::Look(_) | HirKind::Empty | HirKind::Class(_) => None,
        _ => required(part),
    }
}

fn product(left: &[Vec<u8>], right: &[Vec<u8>]) -> Vec<Vec<u8>> {
    left.iter().flat_map(|first| right.iter().map(move |second| [first.as_slice(), second].concat())).collect()
}

/// All texts that `hir` matches, where they are few.
fn exact(hir: &Hir) -> Option<Vec<Vec<u8>>> {
    let texts = match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => vec![Vec::new()],
        HirKind::Literal(literal) => vec![literal.0.to_vec()],
        HirKind::Class(class) => members(class)?,
        HirKind::Capture(capture) => exact(&capture.sub)?,
        HirKind::Repetition(Repetition { min: 0, max: Some(1), sub, .. }) => {
            let mut texts = exact(sub)?;
            texts.push(Vec::new());
            texts
        }
        HirKind::Repetition(Repetition { min, max: Some(max), sub, .. }) if min == max => {
            let one = exact(sub)?;
            let mut texts = vec![Vec::new()];
            for _ in 0..*min {
                if texts.len() * one.len() > MOST_LITERALS {
                    return None;
                }
                texts = product(&texts, &one);
            }
            texts
        }
        HirKind::Repetition(_) => return None,
        HirKind::Alternation(parts) => parts.iter().map(exact).collect::<Option<Vec<_>>>()?.concat(),
        HirKind::Concat(parts) => {
            let mut texts = vec![Vec::new()];
            for part in parts {
                let next = exact(part)?;
                if texts.len() * next.len() > MOST_LITERALS {
                    return None;
                }
                texts = product(&texts, &next);
            }
            texts
        }
    };
    (texts.len() <= MOST_LITERALS).then_some(texts)
}
