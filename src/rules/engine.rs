//! Searching all rules at once.

use super::pattern::{Rule, parse};
use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use memchr::{memchr, memmem};

/// An ordered list of rules, compiled.
///
/// Each rule has one literal that every match contains, its anchor. One pass of an Aho-Corasick automaton over the
/// message finds which anchors occur; only their rules are looked at, in list order. The automaton is built once and
/// never changes, so no message can slow the ones after it; it folds ASCII case, so a message without an anchor is not
/// even copied.
#[derive(Debug)]
pub struct RuleSet {
    rules: Vec<Compiled>,
    /// Over the distinct anchors; None where no rule has one.
    anchors: Option<AhoCorasick>,
    anchor_count: usize,
    ascii: bool,
    foreign: bool,
}

#[derive(Debug)]
struct Compiled {
    rule: Matcher,
    /// Index into the automaton's patterns; None: the rule has to be looked at for every message.
    anchor: Option<usize>,
}

#[derive(Debug)]
enum Matcher {
    Literals(Vec<memmem::Finder<'static>>),
    Foreign,
}

impl RuleSet {
    /// Compile `patterns`; None stands for a pattern that is no Unicode text, which is foreign.
    #[must_use]
    pub fn new<'a>(patterns: impl IntoIterator<Item = Option<&'a str>>) -> Self {
        let mut anchors: Vec<String> = Vec::new();
        let mut rules = Vec::new();
        for pattern in patterns {
            let rule = pattern.map_or(Rule::Foreign { required: None }, parse);
            let anchor = anchor(&rule).map(|literal| {
                anchors.iter().position(|known| known == literal).unwrap_or_else(|| {
                    anchors.push(literal.to_owned());
                    anchors.len() - 1
                })
            });
            let rule = match rule {
                Rule::Literals(literals) => Matcher::Literals(
                    literals.iter().map(|literal| memmem::Finder::new(literal.as_bytes()).into_owned()).collect(),
                ),
                Rule::Foreign { .. } => Matcher::Foreign,
            };
            rules.push(Compiled { rule, anchor });
        }
        let automaton = AhoCorasick::builder()
            .match_kind(MatchKind::Standard)
            .ascii_case_insensitive(true)
            .kind(Some(AhoCorasickKind::DFA))
            .build(&anchors)
            // Only an absurd number of absurdly long literals fails to build: then every rule is looked at.
            .ok()
            .filter(|_| !anchors.is_empty());
        if automaton.is_none() {
            rules.iter_mut().for_each(|compiled| compiled.anchor = None);
        }
        let ascii = rules.iter().all(|compiled| match &compiled.rule {
            Matcher::Literals(literals) => literals.iter().all(|literal| literal.needle().is_ascii()),
            Matcher::Foreign => true,
        }) && anchors.iter().all(|anchor| anchor.is_ascii());
        Self {
            foreign: rules.iter().any(|compiled| matches!(compiled.rule, Matcher::Foreign)),
            anchor_count: anchors.len(),
            anchors: automaton,
            rules,
            ascii,
        }
    }

    /// Whether all literals are ASCII, so that [`super::fold`] lower-cases a message well enough.
    ///
    /// Otherwise a message with other characters has to be lower-cased in full before it is matched.
    #[must_use]
    pub fn is_ascii(&self) -> bool {
        self.ascii
    }

    /// Whether any rule is foreign.
    #[must_use]
    pub fn has_foreign(&self) -> bool {
        self.foreign
    }

    /// Return the index of the first rule in list order that `message` matches.
    ///
    /// `message` is lower-cased but for A to Z. `matches_foreign` is asked for a foreign rule, by its index.
    ///
    /// # Errors
    /// What `matches_foreign` fails with.
    pub fn first_match<E>(
        &self,
        message: &[u8],
        mut matches_foreign: impl FnMut(usize) -> Result<bool, E>,
    ) -> Result<Option<usize>, E> {
        let present = self.present_anchors(message);
        let mut lowered: Option<Vec<u8>> = None;
        for (index, compiled) in self.rules.iter().enumerate() {
            if compiled.anchor.is_some_and(|anchor| !present.contains(anchor)) {
                continue;
            }
            let matched = match &compiled.rule {
                Matcher::Literals(literals) => {
                    matches_in_order(literals, lowered.get_or_insert_with(|| message.to_ascii_lowercase()))
                }
                Matcher::Foreign => matches_foreign(index)?,
            };
            if matched {
                return Ok(Some(index));
            }
        }
        Ok(None)
    }

    fn present_anchors(&self, message: &[u8]) -> Present {
        let mut present = Present::new(self.anchor_count);
        if let Some(anchors) = &self.anchors {
            for found in anchors.find_overlapping_iter(message) {
                present.insert(found.pattern().as_usize());
            }
        }
        present
    }
}

/// The longest literal of a rule: the rarest, for all that is known of the messages.
fn anchor(rule: &Rule) -> Option<&str> {
    match rule {
        Rule::Literals(literals) => literals.iter().map(String::as_str).max_by_key(|literal| literal.len()),
        Rule::Foreign { required } => required.as_deref(),
    }
}

/// Whether the literals stand in this order on one line.
///
/// Taking the earliest place for each literal is complete, and a line on which that fails fails for every later
/// beginning too, so each byte is looked at once a literal.
fn matches_in_order(literals: &[memmem::Finder<'_>], message: &[u8]) -> bool {
    let Some((first, others)) = literals.split_first() else {
        return true;
    };
    let mut rest = message;
    while let Some(start) = first.find(rest) {
        rest = &rest[start + first.needle().len()..];
        if others.is_empty() {
            return true;
        }
        let end = memchr(b'\n', rest).unwrap_or(rest.len());
        let mut line = &rest[..end];
        let complete = others.iter().all(|literal| match literal.find(line) {
            Some(start) => {
                line = &line[start + literal.needle().len()..];
                true
            }
            None => false,
        });
        if complete {
            return true;
        }
        rest = &rest[end..];
    }
    false
}

/// A set of anchors. The first 64 need no allocation.
struct Present {
    first: u64,
    others: Vec<u64>,
}

impl Present {
    fn new(anchor_count: usize) -> Self {
        Self { first: 0, others: vec![0; anchor_count.saturating_sub(1) / 64] }
    }

    fn insert(&mut self, anchor: usize) {
        match anchor / 64 {
            0 => self.first |= 1 << anchor,
            word => self.others[word - 1] |= 1 << (anchor % 64),
        }
    }

    fn contains(&self, anchor: usize) -> bool {
        let word = match anchor / 64 {
            0 => self.first,
            word => self.others[word - 1],
        };
        word & (1 << (anchor % 64)) != 0
    }
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
        rules.first_match(message.as_bytes(), refuse).unwrap()
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
        assert_eq!(first_match(&RuleSet::new([Some("Foo"), Some(".*")]), "x\ny"), Some(1));
        assert_eq!(first_match(&RuleSet::new([]), "x"), None);
    }

    #[test]
    fn a_foreign_rule_is_asked_in_its_place_and_behind_its_literal() {
        let rules = RuleSet::new([Some(r"retry \d+"), Some("gone"), Some("(foreign)")]);
        let mut asked = Vec::new();
        let mut ask = |message: &str| {
            let found = rules.first_match(message.as_bytes(), |index| {
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
