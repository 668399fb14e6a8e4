//! Which rules the evidence of a failure matches, and which of them decides.
//!
//! `table` holds patterns and finds their literals, `finds` what was found and where, `leads` which rules that leads to,
//! `search` which of them match, `decision` which of those decides.

mod decision;
mod finds;
mod leads;
mod scratch;
mod search;
mod table;

use self::leads::Leads;
use self::scratch::with_scratch;
use self::search::Search;
use self::table::{Table, TableBuilder};
use super::attempts;
use super::codes::{self, Code, CodePattern};
use super::evidence::Evidence;
use super::pattern::{self, Pattern};
use super::rule::{Pack, Rule, Strength};
use super::trigrams::Trace;
use crate::patterns::{PERMANENT, TRANSIENT};
use crate::rules;
use once_cell::sync::OnceCell;
use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

/// Rules of any number of packs, compiled.
///
/// One pass over the text finds where literals of patterns stand; only these patterns are tried, around these places, and
/// another pass finds those of conditions where a rule has any. The work after the passes is bounded, so the whole is linear
/// in the text. What is compiled never changes, but that a regular expression is compiled when it is first needed; so no
/// text can slow the ones after it.
#[derive(Debug)]
pub struct Engine {
    packs: Vec<Arc<Pack>>,
    rules: Vec<Ranked>,
    /// What is looked for in each text.
    evidence: Table,
    /// What follows where a pattern of `evidence` matches.
    role_of: Vec<Role>,
    /// The rules that literals of `evidence` lead to.
    leads: Leads,
    /// For each literal of `evidence` whether one of the shipped lists looks for it.
    listed: Vec<bool>,
    /// What is looked for only where a rule matches that has conditions.
    conditions: Table,
    /// Of each condition its literals.
    traces: Vec<Box<[Trace]>>,
    classes: HashMap<String, Vec<u32>>,
    codes: HashMap<Code, Vec<u32>>,
}

/// A rule of a pack, in the order of packs and rules.
#[derive(Debug)]
struct Ranked {
    pack: u32,
    index: u32,
    tier: Tier,
    also: Vec<u32>,
    unless: Vec<u32>,
}

/// What decides between rules before anything of the match does: those of the project come before all packs, then the
/// stronger. The order of the fields is the order in which they count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Tier {
    of_packs: bool,
    strength: Strength,
}

/// What follows where a pattern matches.
#[derive(Debug, Clone, Copy)]
enum Role {
    /// The rule does.
    Rule(u32),
    /// Nothing there is evidence.
    Noise,
    /// There is a code.
    Code(&'static CodePattern),
    /// The text is a log of attempts, if there are several.
    Marker,
}

/// How much is to be found out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// The rule that decides.
    Decision,
    /// All rules that match, and those that nearly did.
    Everything,
}

/// What a rule recognised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Clue {
    /// The class of the exception of this index.
    Class(usize),
    /// The exception's code of this index.
    Code(usize),
    /// A part of the text, in bytes.
    Text(Range<usize>),
}

/// A rule that matches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hit {
    /// Number of the rule in the engine.
    pub rule: usize,
    /// What it recognised.
    pub clue: Clue,
}

/// A rule that would match, were it not for something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptBack {
    /// Number of the rule in the engine.
    pub rule: usize,
    /// What kept it back.
    pub by: Hindrance,
}

/// What keeps a rule back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hindrance {
    /// The text has what the rule excludes: the pattern.
    Unless(String),
    /// The text lacks what the rule requires: the pattern.
    Also(String),
    /// All it matches is text that is never evidence.
    Noise,
}

/// What the evidence comes to.
#[derive(Debug, Default)]
pub struct Assessment {
    /// The rules that match, the one that decides first. Of [`Depth::Decision`] the first alone counts.
    pub hits: Vec<Hit>,
    /// The rules that nearly did; none of [`Depth::Decision`].
    pub kept_back: Vec<KeptBack>,
    /// Whether a pattern of the shipped lists may match, too.
    pub lists_may_match: bool,
}

impl Engine {
    /// Compile the rules of a project, which come before all others, and of packs.
    #[must_use]
    pub fn new(project: Option<Arc<Pack>>, packs: impl IntoIterator<Item = Arc<Pack>>) -> Self {
        let first_pack = usize::from(project.is_some());
        let packs: Vec<Arc<Pack>> = project.into_iter().chain(packs).collect();
        let mut evidence = TableBuilder::default();
        let mut role_of = Vec::new();
        let mut look_for = |pattern: &Pattern, role: Role| {
            if matches!(role, Role::Rule(_)) {
                evidence.add(pattern)
            } else {
                evidence.add_named(pattern)
            };
            role_of.push(role);
        };
        let mut conditions = TableBuilder::default();
        let mut rules: Vec<Ranked> = Vec::new();
        let mut classes: HashMap<String, Vec<u32>> = HashMap::new();
        let mut codes: HashMap<Code, Vec<u32>> = HashMap::new();
        for (pack_number, pack) in packs.iter().enumerate() {
            for (rule_index, rule) in pack.rules.iter().enumerate() {
                let number = number(rules.len());
                for pattern in rule.message.iter().chain(&rule.words) {
                    look_for(pattern, Role::Rule(number));
                }
                let mut conditions =
                    |patterns: &[Pattern]| patterns.iter().map(|pattern| conditions.add(pattern)).collect();
                let (also, unless) = (conditions(&rule.also), conditions(&rule.unless));
                for dotted in &rule.exception {
                    classes.entry(pattern::class_name(dotted)).or_default().push(number);
                }
                for written in &rule.codes {
                    codes.entry(written.code.clone()).or_default().push(number);
                }
                let tier = Tier { of_packs: pack_number >= first_pack, strength: rule.strength };
                let (pack, index) = (self::number(pack_number), self::number(rule_index));
                rules.push(Ranked { pack, index, tier, also, unless });
            }
            for noise in &pack.noise {
                look_for(&noise.pattern, Role::Noise);
            }
        }
        for (pattern, row) in code_patterns() {
            look_for(pattern, Role::Code(row));
        }
        for pattern in attempts::markers() {
            look_for(pattern, Role::Marker);
        }
        let listed: Vec<u32> = list_literals().map(|literal| evidence.literal(literal.as_bytes())).collect();
        let evidence = evidence.build();
        let leads = Leads::new(&evidence, |pattern| match role_of[pattern as usize] {
            Role::Rule(rule) => Some((rule, rules[rule as usize].tier)),
            Role::Noise | Role::Code(_) | Role::Marker => None,
        });
        let listed = (0..evidence.literals()).map(|literal| listed.contains(&literal)).collect();
        let conditions = conditions.build();
        let traces = |pattern: &Pattern| pattern.literals().iter().map(|literal| Trace::new(literal)).collect();
        let traces = conditions.patterns.iter().map(traces).collect();
        Self { packs, rules, evidence, role_of, leads, listed, conditions, traces, classes, codes }
    }

    /// The packs, in the order in which they count; the project's rules, if there are any, are the first.
    #[must_use]
    pub fn packs(&self) -> &[Arc<Pack>] {
        &self.packs
    }

    /// A rule by its number, and its pack.
    #[must_use]
    pub fn rule(&self, number: usize) -> (&Pack, &Rule) {
        let ranked = &self.rules[number];
        let pack = &self.packs[ranked.pack as usize];
        (pack, &pack.rules[ranked.index as usize])
    }

    /// All rules with their numbers and packs.
    pub fn rules(&self) -> impl Iterator<Item = (usize, &Pack, &Rule)> {
        (0..self.rules.len()).map(|number| {
            let (pack, rule) = self.rule(number);
            (number, pack, rule)
        })
    }

    /// Whether one rule decides before another where both match in the same way.
    #[must_use]
    pub fn comes_before(&self, first: usize, second: usize) -> bool {
        (self.rules[first].tier, first) < (self.rules[second].tier, second)
    }

    /// Whether a rule is one of the project's.
    #[must_use]
    pub fn is_of_project(&self, number: usize) -> bool {
        !self.rules[number].tier.of_packs
    }

    /// Find the rules that `evidence` matches.
    ///
    /// Of the rules of one tier one that recognises the exception itself beats one that recognises its text; then the
    /// match that ends later decides, then the longer one, then the order of packs and rules. In a log of attempts only
    /// the last line that any rule but a hint matches counts. Elsewhere a transient cause on a later line beats a
    /// permanent one: a program that goes on after it does not fail by it.
    #[must_use]
    pub fn assess(&self, evidence: &Evidence<'_>, depth: Depth) -> Assessment {
        with_scratch(|scratch| {
            let (mut search, candidates) = Search::new(self, &evidence.text, scratch);
            search.gather(evidence, candidates);
            let lists_may_match = search.lists_may_match();
            let (hits, kept_back) = search.decide(candidates, depth);
            Assessment { hits, kept_back, lists_may_match }
        })
    }
}

/// A literal of each pattern of the shipped lists.
fn list_literals() -> impl Iterator<Item = String> {
    TRANSIENT.iter().chain(PERMANENT).filter_map(|pattern| match rules::parse(pattern.text) {
        rules::Rule::Literals(literals) => literals.into_iter().max_by_key(String::len),
        rules::Rule::Foreign { .. } => None,
    })
}

/// The ways in which texts show codes, compiled.
fn code_patterns() -> &'static [(Pattern, &'static CodePattern)] {
    static PATTERNS: OnceCell<Vec<(Pattern, &'static CodePattern)>> = OnceCell::new();
    let compiled = |row: &'static CodePattern| Some((Pattern::new(row.pattern).ok()?, row));
    PATTERNS.get_or_init(|| codes::IN_TEXT.iter().filter_map(compiled).collect())
}

fn number(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
