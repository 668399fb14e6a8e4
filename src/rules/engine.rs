//! Searching all rules at once.

use super::anchors::Anchors;
use super::lowercase::{ascii_letters, ascii_of_two};
use super::pattern::{Rule, parse};
use memchr::{memchr, memmem, memrchr};
use smallvec::SmallVec;
use std::borrow::Cow;
use std::cell::OnceCell;
use std::collections::HashMap;
use std::ops::Range;

/// An ordered list of rules, compiled.
///
/// Each rule has one literal that every match contains, its anchor. One pass over the message finds which anchors
/// occur; only their rules are looked at, in list order. What is compiled never changes, so no message can slow the
/// ones after it.
#[derive(Debug)]
pub struct RuleSet {
    rules: Vec<Matcher>,
    anchors: Anchors,
    /// For each anchor its rules, in list order.
    rules_of_anchor: Vec<Vec<usize>>,
    /// The rules that have to be looked at for every message, in list order.
    unanchored: Vec<usize>,
    ascii: bool,
}

/// A message, or the part of it that a caller wants to have matched.
///
/// Letters of ASCII may be in either case; what else a set with [`RuleSet::is_ascii`] has to see in lower case, it sees.
#[derive(Debug, Clone, Copy)]
pub struct Message<'a> {
    text: &'a [u8],
    ascii: bool,
}

impl<'a> Message<'a> {
    /// A message in UTF-8 in which lone surrogates may stand.
    #[must_use]
    pub fn new(text: &'a [u8]) -> Self {
        Self { text, ascii: text.is_ascii() }
    }

    /// A message of which is known whether it is ASCII, which takes time to find out.
    #[must_use]
    pub fn known(text: &'a [u8], ascii: bool) -> Self {
        Self { text, ascii }
    }
}

#[derive(Debug)]
enum Matcher {
    Literals {
        literals: Vec<memmem::Finder<'static>>,
        /// Whether the anchor is the first of them, so that no match begins before it.
        anchor_first: bool,
    },
    Foreign,
    /// A literal has a capital letter, of which a text in lower case has none.
    Never,
}

/// A rule that has to be looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Candidate {
    rule: usize,
    /// Before it no match begins, in bytes.
    begin: usize,
}

impl RuleSet {
    /// Compile `patterns`; None stands for a pattern that is no Unicode text, which is foreign.
    #[must_use]
    pub fn new<'a>(patterns: impl IntoIterator<Item = Option<&'a str>>) -> Self {
        let parsed = patterns.into_iter().map(|pattern| pattern.map_or(Rule::Foreign { required: None }, parse));
        let parsed: Vec<Rule> = parsed.collect();
        let ascii = parsed.iter().all(|rule| match rule {
            Rule::Literals(literals) => literals.iter().all(|literal| literal.is_ascii()),
            Rule::Foreign { required } => required.as_deref().is_none_or(str::is_ascii),
        });
        let mut texts: Vec<&str> = Vec::new();
        let mut numbers: HashMap<&str, usize> = HashMap::new();
        let mut rules_of_anchor: Vec<Vec<usize>> = Vec::new();
        let mut unanchored = Vec::new();
        for (index, rule) in parsed.iter().enumerate() {
            let Some(text) = anchor(rule) else {
                unanchored.push(index);
                continue;
            };
            let number = *numbers.entry(text).or_insert_with(|| {
                texts.push(text);
                rules_of_anchor.push(Vec::new());
                texts.len() - 1
            });
            rules_of_anchor[number].push(index);
        }
        let anchors = Anchors::new(&texts);
        let rules = parsed.iter().map(Matcher::new).collect();
        Self { rules, anchors, rules_of_anchor, unanchored, ascii }
    }

    /// Whether all literals are ASCII, so that a message may come as it is.
    ///
    /// Otherwise a message with other characters has to be lower-cased in full before it is matched.
    #[must_use]
    pub fn is_ascii(&self) -> bool {
        self.ascii
    }

    /// The indices of the foreign rules, in list order.
    pub fn foreign(&self) -> impl Iterator<Item = usize> {
        self.rules.iter().enumerate().filter(|(_, rule)| matches!(rule, Matcher::Foreign)).map(|(index, _)| index)
    }

    /// Return the index of the first rule in list order that `message` matches in lower case.
    ///
    /// `matches_foreign` is asked for a foreign rule, by its index.
    ///
    /// # Errors
    /// What `matches_foreign` fails with.
    pub fn first_match<E>(
        &self,
        message: Message<'_>,
        mut matches_foreign: impl FnMut(usize) -> Result<bool, E>,
    ) -> Result<Option<usize>, E> {
        let text = if message.ascii { Cow::Borrowed(message.text) } else { ascii_of_two(message.text) };
        let mut candidates: SmallVec<[Candidate; 16]> = SmallVec::new();
        self.anchors.each_present(&text, |anchor, place| {
            let rules = self.rules_of_anchor[anchor].iter();
            candidates.extend(rules.map(|&rule| Candidate { rule, begin: self.rules[rule].begin(&text, place) }));
        });
        candidates.extend(self.unanchored.iter().map(|&rule| Candidate { rule, begin: text.len() }));
        let Some(earliest) = candidates.iter().map(|candidate| candidate.begin).min() else { return Ok(None) };
        candidates.sort_unstable();
        let lines = Lines::new(&text, earliest);
        for &Candidate { rule, begin } in &candidates {
            let matched = match &self.rules[rule] {
                // The rule is its anchor, or every message matches it.
                Matcher::Literals { literals, .. } if literals.len() < 2 => true,
                Matcher::Literals { literals, anchor_first } => {
                    let known = anchor_first.then_some(0);
                    let matches = |text: &[u8]| place_in_order(literals, text, known).is_some();
                    // Most messages have them in lower case as they are.
                    matches(&text[begin..]) || lines.lowered_from(begin).is_some_and(matches)
                }
                Matcher::Foreign => matches_foreign(rule)?,
                Matcher::Never => false,
            };
            if matched {
                return Ok(Some(rule));
            }
        }
        Ok(None)
    }

    /// Where the rule of this index first matches the lower-cased `message`, in bytes; None for a foreign rule.
    #[must_use]
    pub fn find(&self, index: usize, message: &[u8]) -> Option<Range<usize>> {
        match &self.rules[index] {
            Matcher::Literals { literals, .. } => place_in_order(literals, message, None),
            Matcher::Foreign | Matcher::Never => None,
        }
    }
}

impl Matcher {
    fn new(rule: &Rule) -> Self {
        match rule {
            Rule::Literals(literals) if literals.concat().bytes().any(|byte| byte.is_ascii_uppercase()) => Self::Never,
            Rule::Literals(literals) => Self::Literals {
                anchor_first: anchor(rule) == literals.first().map(String::as_str),
                literals: literals.iter().map(|literal| memmem::Finder::new(literal.as_bytes()).into_owned()).collect(),
            },
            Rule::Foreign { .. } => Self::Foreign,
        }
    }

    /// The place in `text` before which no match begins, where the anchor first stands at `place`.
    fn begin(&self, text: &[u8], place: usize) -> usize {
        match self {
            Self::Literals { literals, anchor_first: false } if literals.len() > 1 => line_start(text, place),
            _ => place,
        }
    }
}

/// The longest literal of a rule: the rarest, for all that is known of the messages. Of several the first, before which
/// nothing has to be looked at.
fn anchor(rule: &Rule) -> Option<&str> {
    match rule {
        Rule::Literals(literals) => literals.iter().rev().map(String::as_str).max_by_key(|literal| literal.len()),
        Rule::Foreign { required } => required.as_deref(),
    }
}

/// Where the line of `place` begins.
fn line_start(text: &[u8], place: usize) -> usize {
    memrchr(b'\n', &text[..place]).map_or(0, |line_break| line_break + 1)
}

/// A text in lower case, as far as its candidates may need it.
struct Lines<'a> {
    text: &'a [u8],
    /// Where the first of them begins.
    begin: usize,
    /// The text from there on, once it is asked for; None where it is in lower case already.
    lowered: OnceCell<Option<SmallVec<[u8; 256]>>>,
}

impl<'a> Lines<'a> {
    fn new(text: &'a [u8], begin: usize) -> Self {
        Self { text, begin, lowered: OnceCell::new() }
    }

    /// The text from `begin` on, which is not before its own; None where that is no other than it was given.
    fn lowered_from(&self, begin: usize) -> Option<&[u8]> {
        let lower = || {
            let text = &self.text[self.begin..];
            Some(ascii_letters(text)).filter(|lowered| **lowered != *text)
        };
        self.lowered.get_or_init(lower).as_ref().map(|lowered| &lowered[begin - self.begin..])
    }
}

/// Where the literals stand in this order on one line. `known` is where the first of them first stands, if the caller
/// knows.
///
/// Taking the earliest place for each literal is complete, and a line on which that fails fails for every later
/// beginning too, so each byte is looked at once a literal.
fn place_in_order(literals: &[memmem::Finder<'_>], message: &[u8], known: Option<usize>) -> Option<Range<usize>> {
    let Some((first, others)) = literals.split_first() else {
        return Some(0..0);
    };
    let mut next = known.or_else(|| first.find(message));
    while let Some(start) = next {
        let line = start + first.needle().len();
        let line_end = if others.is_empty() {
            line
        } else {
            line + memchr(b'\n', &message[line..]).unwrap_or(message.len() - line)
        };
        let end = others.iter().try_fold(line, |from, literal| {
            literal.find(&message[from..line_end]).map(|found| from + found + literal.needle().len())
        });
        if let Some(end) = end {
            return Some(start..end);
        }
        next = first.find(&message[line_end..]).map(|found| line_end + found);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::patterns::{PERMANENT, TRANSIENT};
    use proptest::prelude::*;
    use std::convert::Infallible;

    fn shipped() -> RuleSet {
        RuleSet::new(TRANSIENT.iter().chain(PERMANENT).map(|pattern| Some(pattern.text)))
    }

    fn first_match(rules: &RuleSet, message: &str) -> Option<usize> {
        let refuse = |index| -> Result<bool, Infallible> { panic!("rule {index} is not foreign") };
        rules.first_match(Message::new(message.as_bytes()), refuse).unwrap()
    }

    /// The meaning of the rules, by the regex crate, one rule at a time.
    fn naive(patterns: &[&str], message: &str) -> Option<usize> {
        let lowered = message.to_ascii_lowercase();
        patterns.iter().position(|pattern| regex::Regex::new(pattern).unwrap().is_match(&lowered))
    }

    #[test]
    fn shipped_rules_decide_in_list_order() {
        let table = [
            ("Connection Refused", Some(0)),
            ("connection to x\nrefused", None),
            ("connection lost\nconnection refused", Some(0)),
            ("Cannot connect: docker the daemon is not yet running", Some(1)),
            ("connection reset after permission denied", Some(7)),
            ("permission denied, image x not found", Some(12)),
            ("refused connection", None),
            ("", None),
        ];
        let rules = shipped();
        for (message, expected) in table {
            assert_eq!(first_match(&rules, message), expected, "{message}");
        }
    }

    #[test]
    fn literals_must_not_overlap() {
        let rules = RuleSet::new([Some("aba.*aba")]);
        assert_eq!(first_match(&rules, "ababa"), None);
        assert_eq!(first_match(&rules, "abaaba"), Some(0));
    }

    #[test]
    fn upper_case_rules_never_match_and_empty_ones_always_do() {
        assert_eq!(first_match(&RuleSet::new([Some("Foo")]), "Foo"), None);
        assert_eq!(first_match(&RuleSet::new([Some("a.*B")]), "aB ab"), None);
        assert_eq!(first_match(&RuleSet::new([Some("Foo"), Some(".*")]), "x\ny"), Some(1));
        assert_eq!(first_match(&RuleSet::new([]), "x"), None);
    }

    #[test]
    fn a_foreign_rule_is_asked_in_its_place_and_behind_its_literal() {
        let rules = RuleSet::new([Some(r"retry \d+"), Some("gone"), Some("(foreign)")]);
        let mut asked = Vec::new();
        let mut ask = |message: &str| {
            let found = rules.first_match(Message::new(message.as_bytes()), |index| {
                asked.push(index);
                Ok::<_, Infallible>(index == 2)
            });
            found.unwrap()
        };
        assert_eq!(ask("RETRY 5, gone"), Some(1));
        assert_eq!(ask("nothing"), Some(2));
        assert_eq!(asked, [0, 2]);
    }

    #[test]
    fn more_than_64_anchors_fit() {
        let patterns: Vec<String> = (0..300).map(|number| format!("rule{number:03}x")).collect();
        let rules = RuleSet::new(patterns.iter().map(|pattern| Some(pattern.as_str())));
        for number in [0, 63, 64, 127, 128, 299] {
            assert_eq!(first_match(&rules, &format!("a RULE{number:03}X b")), Some(number));
        }
    }

    proptest! {
        #[test]
        fn agrees_with_a_regex_engine_rule_by_rule(
            words in proptest::collection::vec("[abAB\n ]{0,3}|connection|refused|not|Image|found", 0..12),
            patterns in proptest::collection::vec("[ab]{1,3}(\\.\\*[ab ]{0,2}){0,2}|connection\\.\\*refused|not", 1..6),
        ) {
            let message = words.concat();
            let patterns: Vec<&str> = patterns.iter().map(String::as_str).collect();
            let rules = RuleSet::new(patterns.iter().map(|pattern| Some(*pattern)));
            prop_assert_eq!(first_match(&rules, &message), naive(&patterns, &message));
        }
    }
}
