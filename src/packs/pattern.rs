//! Patterns of rules: which are allowed, what they require, where they match.

use super::gate::Gate;
use super::literals::{REQUIRED_BYTES, Required, required};
use super::text::Lowered;
use super::trigrams::{Trace, Trigrams};
use memchr::memmem::{self, Finder, FinderRev};
use once_cell::sync::OnceCell;
use regex_automata::meta::Regex;
use regex_automata::util::syntax;
use regex_automata::{Input, Match};
use regex_syntax::hir::{Capture, Class, Hir, HirKind, Repetition};
use std::ops::Range;
use std::sync::Arc;

/// Longest pattern, in bytes.
const LONGEST_BYTES: usize = 1000;

/// Most repetitions that are counted: enough for a digest in hexadecimal digits.
const MOST_REPETITIONS: u32 = 64;

/// A class of more bytes than this is a wildcard, which may not be repeated by count.
const WILDCARD_BYTES: usize = 128;

/// So many matches in one window are looked at; a text with more repeats itself.
const MOST_MATCHES: usize = 64;

/// A pattern that was checked, in the syntax of the regex crate, for texts in lower case.
///
/// A match never spans lines. Each contains at least one of the pattern's literals, so that one search for the literals
/// of all patterns finds the few that are worth trying, and where.
///
/// A clone shares what is compiled.
#[derive(Debug, Clone)]
pub struct Pattern(Arc<Checked>);

#[derive(Debug)]
struct Checked {
    text: String,
    literals: Vec<Vec<u8>>,
    matcher: Matcher,
    gate: Gate,
    /// Compiled where it is needed for the first time.
    regex: OnceCell<Option<Regex>>,
}

#[derive(Debug)]
enum Matcher {
    /// One literal.
    Literal,
    /// Literals, each of which is a match by itself.
    Literals,
    /// Literals joined by `.*`.
    Gaps(Vec<Finder<'static>>),
    /// One literal between certain neighbours.
    Word(Bounds),
    Regex,
}

/// Classes of Python that libraries have namesakes of. Texts show the module of any class that is not built in.
const BUILT_IN: &[&str] = &[
    "attributeerror",
    "blockingioerror",
    "brokenpipeerror",
    "connectionabortederror",
    "connectionerror",
    "connectionrefusederror",
    "connectionreseterror",
    "fileexistserror",
    "filenotfounderror",
    "importerror",
    "indexerror",
    "interruptederror",
    "ioerror",
    "keyerror",
    "lookuperror",
    "memoryerror",
    "notimplementederror",
    "oserror",
    "permissionerror",
    "runtimeerror",
    "syntaxerror",
    "systemerror",
    "timeouterror",
    "typeerror",
    "valueerror",
];

/// What may stand beside a word.
#[derive(Debug)]
enum Bounds {
    /// Nothing that words are made of.
    Name,
    /// Nor a dot before it, with which a host or a file would be named.
    Code,
    /// The end of a dotted name that is this one or an end of it; after it a colon, a bracket, a quote or the line's end.
    Class {
        /// The name in full.
        dotted: String,
        /// Whether the last part alone would be read as another class, which is built in.
        ambiguous: bool,
        /// Whether the last part is one word, such as "Forbidden" or "Blocked", with which a sentence may end.
        word: bool,
    },
}

impl Bounds {
    fn hold(&self, text: &[u8], found: &Range<usize>) -> bool {
        let before = found.start.checked_sub(1).map(|index| text[index]);
        let after = text.get(found.end).copied();
        match self {
            Self::Name => !before.is_some_and(is_word) && !after.is_some_and(is_word),
            Self::Code => !before.is_some_and(|byte| is_word(byte) || byte == b'.') && !after.is_some_and(is_word),
            Self::Class { dotted, ambiguous, word } => {
                if !after.is_none_or(|byte| b"\n:()[]<>{}'\"`".contains(&byte)) {
                    return false;
                }
                // No further back than the name could reach.
                let from = found.end.saturating_sub(dotted.len() + 1);
                let dots = |byte: &u8| is_word(*byte) || *byte == b'.';
                let start =
                    text[from..found.end].iter().rposition(|byte| !dots(byte)).map_or(from, |last| from + last + 1);
                let shown = &text[start..found.end];
                dotted.as_bytes().ends_with(shown)
                    && (shown.len() == dotted.len() || dotted.as_bytes()[dotted.len() - shown.len() - 1] == b'.')
                    && (shown.len() > found.len()
                        || !*ambiguous && (!*word || after.is_some_and(|byte| b":(".contains(&byte))))
            }
        }
    }
}

/// The dotted name of a class in the form in which names are compared: a built-in one has no module.
pub(super) fn class_name(dotted: &str) -> String {
    let lowered = dotted.to_ascii_lowercase();
    lowered.strip_prefix("builtins.").map(str::to_owned).unwrap_or(lowered)
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
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
        if has_flags(text) {
            return Err(String::from("leave out flags, names and look-around: of groups there are (...) and (?:...)"));
        }
        if is_plain(text) {
            return Ok(Self::checked(text, vec![text.as_bytes().to_vec()], Matcher::Literal, Gate::default()));
        }
        let mut parser = regex_syntax::ParserBuilder::new();
        let parser = parser.unicode(false).utf8(false).multi_line(true);
        let hir = parser.build().parse(text).map_err(|error| format!("it is no pattern: {}", reason(&error)))?;
        if hir.properties().minimum_len().is_none_or(|shortest| shortest == 0) {
            return Err(String::from("it matches the empty text, and so every text"));
        }
        check_repetitions(&hir)?;
        let Required { literals, only, also } = required(&hir).ok_or_else(|| {
            format!(
                "nothing in it, or in one of its alternatives, is a literal of {REQUIRED_BYTES} bytes or more; add the \
                 words that stand beside it"
            )
        })?;
        if literals.iter().any(|literal| literal.contains(&b'\n')) {
            return Err(String::from("a pattern stays on its line; write what stands on another under `also`"));
        }
        let (matcher, gate) = match gaps(&hir) {
            Some(parts) if parts.len() == 1 => (Matcher::Literal, Gate::default()),
            Some(parts) => {
                let found_by = |part: &[u8]| literals.iter().all(|found| memmem::find(found, part).is_some());
                let gate = Gate::of_all(parts.iter().map(Vec::as_slice).filter(|part| !found_by(part)));
                (Matcher::Gaps(parts.iter().map(|part| Finder::new(part).into_owned()).collect()), gate)
            }
            None if only => (Matcher::Literals, Gate::default()),
            None => (Matcher::Regex, Gate::new(&hir, &also)),
        };
        Ok(Self::checked(text, literals, matcher, gate))
    }

    fn checked(text: &str, literals: Vec<Vec<u8>>, matcher: Matcher, gate: Gate) -> Self {
        Self(Arc::new(Checked { text: text.to_owned(), literals, matcher, gate, regex: OnceCell::new() }))
    }

    fn word(word: &str, bounds: Bounds) -> Option<Self> {
        let literals = vec![word.as_bytes().to_vec()];
        (word.len() >= REQUIRED_BYTES).then(|| Self::checked(word, literals, Matcher::Word(bounds), Gate::default()))
    }

    /// A name such as that of an errno, which stands for itself in a text; None for one too short to tell texts apart.
    #[must_use]
    pub fn name(name: &str) -> Option<Self> {
        Self::word(&name.to_ascii_lowercase(), Bounds::Name)
    }

    /// A code of a provider.
    #[must_use]
    pub fn code(code: &str) -> Option<Self> {
        Self::word(&code.to_ascii_lowercase(), Bounds::Code)
    }

    /// The class of an exception, by its dotted name.
    #[must_use]
    pub fn class(dotted: &str) -> Option<Self> {
        let name = dotted.rsplit('.').next().unwrap_or_default();
        let word = name.bytes().skip(1).all(|byte| byte.is_ascii_lowercase());
        let dotted = class_name(dotted);
        let last = dotted.rsplit('.').next().unwrap_or_default().to_owned();
        let ambiguous = dotted != last && BUILT_IN.contains(&last.as_str());
        Self::word(&last, Bounds::Class { dotted, ambiguous, word })
    }

    /// The pattern as it is written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.0.text
    }

    /// One of these stands in every match.
    #[must_use]
    pub fn literals(&self) -> &[Vec<u8>] {
        &self.0.literals
    }

    /// Whether the pattern is its one literal, so that where that stands, it matches.
    #[must_use]
    pub fn is_literal(&self) -> bool {
        matches!(self.0.matcher, Matcher::Literal)
    }

    /// Whether each place of one of its literals is a match, and there are no others.
    #[must_use]
    pub fn is_literals(&self) -> bool {
        matches!(self.0.matcher, Matcher::Literal | Matcher::Literals)
    }

    /// A literal of every match beside those by which it is found.
    pub(super) fn companion(&self) -> Option<Trace> {
        self.0.gate.literal()
    }

    /// Whether it may match anywhere in a text that has one of its literals.
    pub(super) fn may_match(&self, text: &Lowered, trigrams: &Trigrams) -> bool {
        self.0.gate.lets_through(text, trigrams)
    }

    /// Whether it may match in a part of a line that has one of its literals.
    pub(super) fn may_match_part(&self, text: &[u8], window: &Range<usize>) -> bool {
        self.0.gate.lets_through_part(text, window)
    }

    fn regex(&self) -> Option<&Regex> {
        self.0.regex.get_or_init(|| compile(&self.0.text)).as_ref()
    }

    /// Return the last match that is `wanted` within a part of one line of the lower-cased `text`.
    pub fn last_match(
        &self,
        text: &[u8],
        window: Range<usize>,
        mut wanted: impl FnMut(&Range<usize>) -> bool,
    ) -> Option<Range<usize>> {
        if !self.0.gate.lets_through_part(text, &window) {
            return None;
        }
        match &self.0.matcher {
            Matcher::Literal => last_place(&self.0.literals[0], text, window, wanted),
            Matcher::Word(bounds) => {
                last_place(&self.0.literals[0], text, window, |found| bounds.hold(text, found) && wanted(found))
            }
            Matcher::Literals => {
                let last = |literal: &Vec<u8>| last_place(literal, text, window.clone(), &mut wanted);
                self.0.literals.iter().filter_map(last).max_by_key(|found| found.end)
            }
            Matcher::Gaps(parts) => spanning(parts, text, window).filter(|found| wanted(found)),
            Matcher::Regex => {
                let input = Input::new(text).span(window);
                let matches = self.regex()?.find_iter(input).take(MOST_MATCHES);
                matches.map(|found: Match| found.range()).filter(|found| wanted(found)).last()
            }
        }
    }

    /// Call `found` with each match within a part of one line, and with what its first group holds.
    pub fn each_group(&self, text: &[u8], window: Range<usize>, mut found: impl FnMut(Range<usize>, Range<usize>)) {
        if !self.0.gate.lets_through_part(text, &window) {
            return;
        }
        let Some(regex) = self.regex() else { return };
        for captures in regex.captures_iter(Input::new(text).span(window)).take(MOST_MATCHES) {
            if let (Some(whole), Some(group)) = (captures.get_match(), captures.get_group(1)) {
                found(whole.range(), group.range());
            }
        }
    }
}

/// The pattern as the engine of the regex crate runs it; None for what [`Pattern::new`] lets nobody write.
fn compile(text: &str) -> Option<Regex> {
    let syntax = syntax::Config::new().unicode(false).utf8(false).multi_line(true);
    Regex::builder().syntax(syntax).configure(Regex::config().utf8_empty(false)).build(text).ok()
}

fn last_place(
    literal: &[u8],
    text: &[u8],
    window: Range<usize>,
    mut wanted: impl FnMut(&Range<usize>) -> bool,
) -> Option<Range<usize>> {
    let finder = FinderRev::new(literal);
    let mut end = window.end;
    while let Some(start) = finder.rfind(&text[window.start..end]) {
        let found = window.start + start..window.start + start + literal.len();
        if wanted(&found) {
            return Some(found);
        }
        end = found.end - 1;
    }
    None
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
    let found = from + memmem::rfind(&text[from..window.end], last.needle())?;
    Some(start.unwrap_or(found)..found + last.needle().len())
}

/// Whether a pattern is a literal that is long enough, as most are; to see that takes no parser.
fn is_plain(text: &str) -> bool {
    text.len() >= REQUIRED_BYTES
        && !text.bytes().any(|byte| byte == b'\n' || regex_syntax::is_meta_character(byte.into()))
}

/// Whether anything but `(?:` follows a bracket that opens a group.
fn has_flags(text: &str) -> bool {
    let mut escaped = false;
    text.bytes().enumerate().any(|(index, byte)| {
        let opens = byte == b'(' && !escaped;
        escaped = byte == b'\\' && !escaped;
        let rest = &text.as_bytes()[index..];
        opens && rest.starts_with(b"(?") && !rest.starts_with(b"(?:")
    })
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn literals(pattern: &str) -> Vec<String> {
        let pattern = Pattern::new(pattern).unwrap();
        pattern.literals().iter().map(|literal| String::from_utf8(literal.clone()).unwrap()).collect()
    }

    #[test]
    fn a_pattern_is_found_by_what_it_requires() {
        let table: &[(&str, &[&str])] = &[
            ("connection refused", &["connection refused"]),
            ("[a-z]+error", &["error"]),
            (r"\bzebra (?:code|status) \d+", &["zebra code ", "zebra status "]),
            (
                r"(?:no such|missing) (?:quagga|zebra)$",
                &["no such quagga", "no such zebra", "missing quagga", "missing zebra"],
            ),
            (r"[a-z]*(?:not|no) (?:[a-z]+ )?zebra", &["zebra"]),
            (r"\b5[.](?:2[.]3|6[.]\d+)", &["5.2.3", "5.6."]),
            (r"(?:in|at) [a-z]+ (?:of|to)", &["in ", "at "]),
            (r"\w(?:ab)+c", &["abc"]),
        ];
        for (pattern, expected) in table {
            // Which of several choices is the best one is the model's to say; here there is one, or one is far better.
            let found = literals(pattern);
            assert!(
                expected.iter().all(|literal| found
                    .iter()
                    .any(|found| literal.contains(found.as_str()) || found.contains(literal))),
                "{pattern}: {found:?}"
            );
        }
    }

    #[test]
    fn what_cannot_be_searched_for_is_refused_with_the_way_out() {
        for (pattern, reason) in [
            ("Connection", "write it in lower case"),
            ("", "matches the empty text"),
            ("(?:abc)?", "matches the empty text"),
            ("a.c", "a literal of 3 bytes or more"),
            (r"\d{3}", "a literal of 3 bytes or more"),
            ("abc|de", "a literal of 3 bytes or more"),
            ("abc.{0,80}def", "use `.*`"),
            ("(?:abc){2}", "only single characters"),
            (r"code \d{100}", "at most 64 times"),
            ("(?i)abc", "leave out flags"),
            ("(?p<name>abc)", "leave out flags"),
            ("abc\ndef", "stays on its line"),
            ("abc(", "unclosed group"),
            ("(?!abc)def", "leave out flags"),
        ] {
            let refused = Pattern::new(pattern).unwrap_err();
            assert!(refused.contains(reason), "{pattern}: {refused}");
        }
        assert!(Pattern::new(&"a".repeat(LONGEST_BYTES + 1)).unwrap_err().contains("longer than"));
    }

    fn last(pattern: &Pattern, text: &str) -> Option<Range<usize>> {
        pattern.last_match(text.as_bytes(), 0..text.len(), |_| true)
    }

    #[test]
    fn the_last_match_counts_and_sees_what_stands_beside_its_window() {
        let pattern = Pattern::new(r"\bretry \d").unwrap();
        assert_eq!(last(&pattern, "retry 1, retry 2"), Some(9..16));
        assert_eq!(pattern.last_match(b"noretry 1", 2..9, |_| true), None);
        assert_eq!(last(&Pattern::new("one.*two").unwrap(), "one two one two three"), Some(0..15));
        assert_eq!(last(&Pattern::new("^abc$").unwrap(), "abc"), Some(0..3));
        assert_eq!(Pattern::new("^abc").unwrap().last_match(b"xabc", 1..4, |_| true), None);
    }

    #[test]
    fn names_codes_and_classes_are_bounded_words() {
        let name = Pattern::name("ECONNREFUSED").unwrap();
        let code = Pattern::code("SlowDown").unwrap();
        let class = Pattern::class("requests.exceptions.Timeout").unwrap();
        let namesake = Pattern::class("sqlalchemy.exc.TimeoutError").unwrap();
        let builtin = Pattern::class("builtins.TimeoutError").unwrap();
        for (pattern, text, found) in [
            (&name, "error: econnrefused", true),
            (&name, "errno.econnrefused:", true),
            (&name, "econnrefused_2", false),
            (&code, "(slowdown) when calling", true),
            (&code, "api.slowdown", false),
            (&class, "timeout: x", true),
            (&class, "requests.exceptions.timeout: x", true),
            (&class, "exceptions.timeout('x')", true),
            (&class, "ns.exceptions.timeout: x", false),
            (&class, "xrequests.exceptions.timeout: x", false),
            (&class, "a timeout occurred", false),
            (&class, "that is a timeout", false),
            (&class, "requests.exceptions.timeout", true),
            (&class, "urllib3.timeout: x", false),
            (&namesake, "timeouterror: x", false),
            (&namesake, "sqlalchemy.exc.timeouterror: x", true),
            (&builtin, "timeouterror", true),
            (&builtin, "asyncio.timeouterror: x", false),
        ] {
            assert_eq!(last(pattern, text).is_some(), found, "{} in {text}", pattern.text());
        }
        assert!(Pattern::code("E1").is_none());
    }

    proptest! {
        #[test]
        fn every_match_contains_one_of_the_literals(
            parts in proptest::collection::vec("abc|d(?:ef|g)|[ab]|x?|\\.\\*|(?:ab|cde)+|\\\\d{2}", 1..5),
            text in "[abcdefgx12]{0,40}",
        ) {
            let pattern = parts.concat();
            if let Ok(pattern) = Pattern::new(&pattern) {
                let found = compile(pattern.text()).unwrap().find(text.as_bytes()).map(|found| found.range());
                if let Some(found) = found {
                    let matched = &text[found];
                    prop_assert!(literals(pattern.text()).iter().any(|literal| matched.contains(literal)), "{}", matched);
                }
            }
        }

        #[test]
        fn fast_paths_find_what_the_regular_expression_finds(
            parts in proptest::collection::vec("[ab]{3}|abc|ba ", 1..4),
            text in "[abc ]{0,30}",
        ) {
            let pattern = Pattern::new(&parts.join(".*")).unwrap();
            prop_assert!(!matches!(pattern.0.matcher, Matcher::Regex));
            let regex = compile(pattern.text()).unwrap();
            // Of matches of one literal that overlap the fast path sees the last.
            let expected = if parts.len() > 1 {
                regex.find_iter(text.as_bytes()).last().map(|found| found.range())
            } else {
                (0..text.len()).rev().map(|start| start..start + 3).find(|at| text.get(at.clone()) == Some(parts[0].as_str()))
            };
            prop_assert_eq!(last(&pattern, &text), expected);
        }
    }
}
