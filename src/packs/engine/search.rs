//! Which rules something in a text or an exception points to, and which of them match.

use super::super::codes::{Code, CodeKind, CodePattern};
use super::super::evidence::Evidence;
use super::super::pattern;
use super::super::trigrams::Trigrams;
use super::super::windows::{window, window_end};
use super::finds::{Finds, Message};
use super::leads::Run;
use super::scratch::Scratch;
use super::{Clue, Depth, Engine, Hindrance, Hit, Role, Tier};
use std::cell::RefCell;
use std::ops::Range;

/// Rules that something points to, before they are looked at.
#[derive(Debug)]
pub(super) struct Candidate {
    pub(super) tier: Tier,
    /// No match ends behind this place.
    pub(super) end: usize,
    pub(super) pointer: Pointer,
}

/// What points to rules.
#[derive(Debug)]
pub(super) enum Pointer {
    /// A literal, to these [`Leads`](super::leads::Leads).
    Leads(Range<u32>),
    /// Literals of a pattern, to its rule.
    Pattern { rule: u32, pattern: u32 },
    /// What was recognised, to a rule.
    Clue { rule: u32, clue: Clue },
}

/// One search.
pub(super) struct Search<'a> {
    pub(super) engine: &'a Engine,
    pub(super) message: Message<'a>,
    pub(super) finds: &'a Finds,
    /// What was found of the conditions of rules, once one was asked for.
    conditions: RefCell<&'a mut Finds>,
    noises: Vec<u32>,
    /// The rules that recognise the exception itself.
    told: Vec<usize>,
    pub(super) markers: Vec<u32>,
    /// What is noise in the windows that were looked at, by where they begin.
    noise: RefCell<Vec<(usize, Vec<Range<usize>>)>>,
}

impl<'a> Search<'a> {
    /// Find the literals of `text`; also return where to gather candidates.
    pub(super) fn new(engine: &'a Engine, text: &[u8], scratch: &'a mut Scratch) -> (Self, &'a mut Vec<Candidate>) {
        let Scratch { text: lowered, trigrams, evidence: finds, conditions, candidates } = scratch;
        lowered.set(text);
        finds.search(&engine.evidence, lowered);
        let search = Self {
            engine,
            message: Message { text: lowered, trigrams },
            finds,
            conditions: RefCell::new(conditions),
            noises: Vec::new(),
            told: Vec::new(),
            markers: Vec::new(),
            noise: RefCell::default(),
        };
        (search, candidates)
    }

    /// Whether a pattern of the shipped lists may match.
    pub(super) fn lists_may_match(&self) -> bool {
        self.finds.literals().any(|(literal, _)| self.engine.listed[literal as usize])
            || !self.message.bytes().is_ascii()
    }

    /// Gather the rules that something points to: a literal in the text, a code there, the exception's classes and codes.
    pub(super) fn gather(&mut self, evidence: &Evidence<'_>, candidates: &mut Vec<Candidate>) {
        let engine = self.engine;
        let mut shows_codes = false;
        let text = self.message.bytes();
        for (literal, last) in self.finds.literals() {
            let runs = engine.leads.of(literal);
            if !runs.is_empty() {
                let end = window_end(text, last);
                let candidate =
                    |run: &Run| Candidate { tier: run.tier, end, pointer: Pointer::Leads(run.leads.clone()) };
                candidates.extend(runs.iter().map(candidate));
            }
        }
        for pattern in self.finds.patterns() {
            match engine.role_of[pattern as usize] {
                Role::Rule(rule) => {
                    let tier = engine.rules[rule as usize].tier;
                    let last = self.finds.last_place(pattern);
                    candidates.push(Candidate {
                        tier,
                        end: window_end(text, last),
                        pointer: Pointer::Pattern { rule, pattern },
                    });
                }
                Role::Noise if self.finds.may_match(&engine.evidence, self.message, pattern) => {
                    self.noises.push(pattern);
                }
                Role::Noise => {}
                Role::Marker => self.markers.push(pattern),
                Role::Code(_) => shows_codes = true,
            }
        }
        if shows_codes {
            for pattern in self.finds.patterns() {
                if let Role::Code(row) = engine.role_of[pattern as usize] {
                    self.find_codes(pattern, row, candidates);
                }
            }
        }
        for (index, class) in evidence.classes.iter().enumerate() {
            if let Some(rules) = engine.classes.get(&pattern::class_name(class)) {
                self.point(rules, &Clue::Class(index), candidates);
            }
        }
        for (index, code) in evidence.codes.iter().enumerate() {
            self.point_to_code(code, &Clue::Code(index), candidates);
        }
        self.told.extend(candidates.iter().filter_map(|candidate| match candidate.pointer {
            Pointer::Clue { rule, clue: Clue::Class(_) | Clue::Code(_) } => Some(rule as usize),
            _ => None,
        }));
    }

    fn point(&self, rules: &[u32], clue: &Clue, candidates: &mut Vec<Candidate>) {
        let engine = self.engine;
        let candidate = |rule: &u32| Candidate {
            tier: engine.rules[*rule as usize].tier,
            end: if let Clue::Text(found) = clue { found.end } else { usize::MAX },
            pointer: Pointer::Clue { rule: *rule, clue: clue.clone() },
        };
        candidates.extend(rules.iter().map(candidate));
    }

    fn point_to_code(&self, code: &Code, clue: &Clue, candidates: &mut Vec<Candidate>) {
        if let Some(rules) = self.engine.codes.get(code) {
            self.point(rules, clue, candidates);
        }
        if code.kind == CodeKind::Sqlstate && code.value.len() > 2 {
            let class = Code { kind: code.kind, value: code.value[..2].to_owned() };
            if let Some(rules) = self.engine.codes.get(&class) {
                self.point(rules, clue, candidates);
            }
        }
    }

    fn find_codes(&self, number: u32, row: &CodePattern, candidates: &mut Vec<Candidate>) {
        let text = self.message.bytes();
        let pattern = &self.engine.evidence.patterns[number as usize];
        if !pattern.may_match(self.message.text, self.message.trigrams) {
            return;
        }
        self.finds.in_windows(&self.engine.evidence, text, number, 0, |window| {
            pattern.each_group(text, window, |whole, group| {
                if !self.is_noise(&whole) {
                    let value = format!("{}{}", row.prefix, String::from_utf8_lossy(&text[group]));
                    if let Some(code) = Code::read(row.kind, &value) {
                        self.point_to_code(&code, &Clue::Text(whole), candidates);
                    }
                }
            });
            None::<()>
        });
    }

    /// The last match of a pattern that is no noise; one that ends before `from` need not be told. `noisy` is set where
    /// there is one that is noise.
    fn last_match(&self, pattern: u32, from: usize, noisy: &mut bool) -> Option<Range<usize>> {
        self.finds.last_match(&self.engine.evidence, self.message, pattern, from, self.noises.is_empty(), |found| {
            let counts = !self.is_noise(found);
            *noisy |= !counts;
            counts
        })
    }

    /// Whether a condition of a rule holds: its pattern matches somewhere that is no noise.
    fn holds(&self, condition: u32) -> bool {
        let table = &self.engine.conditions;
        let Message { text, trigrams } = self.message;
        let counts = |found: &Range<usize>| !self.is_noise(found);
        if !Trigrams::tell_of(text) {
            let mut finds = self.conditions.borrow_mut();
            finds.search(table, text);
            return finds.last_match(table, self.message, condition, 0, self.noises.is_empty(), counts).is_some();
        }
        // To try the lines of a short text costs less than another search for the literals of all conditions.
        let pattern = &table.patterns[condition as usize];
        if !trigrams.may_have(text, &self.engine.traces[condition as usize]) || !pattern.may_match(text, trigrams) {
            return false;
        }
        let mut start = 0;
        text.bytes().split(|byte| *byte == b'\n').any(|line| {
            let window = start..start + line.len();
            start = window.end + 1;
            pattern.last_match(text.bytes(), window, counts).is_some()
        })
    }

    /// Whether a match begins or ends in text that is never evidence.
    fn is_noise(&self, found: &Range<usize>) -> bool {
        if self.noises.is_empty() {
            return false;
        }
        let text = self.message.bytes();
        let window = window(text, found.start);
        let mut known = self.noise.borrow_mut();
        let index = known.iter().position(|(start, _)| *start == window.start).unwrap_or_else(|| {
            let mut spans = Vec::new();
            for noise in &self.noises {
                let pattern = &self.engine.evidence.patterns[*noise as usize];
                pattern.last_match(text, window.clone(), |span| {
                    spans.push(span.clone());
                    false
                });
            }
            known.push((window.start, spans));
            known.len() - 1
        });
        let spans = &known[index].1;
        spans.iter().any(|span| span.contains(&found.start) || (span.start < found.end && found.end <= span.end))
    }

    /// Tell each rule that a candidate points to, what it recognises, and whether anything it would recognise is noise.
    /// What ends before `from` need not be told.
    pub(super) fn look_at(&self, candidate: &Candidate, from: usize, mut tell: impl FnMut(usize, Option<Clue>, bool)) {
        let mut try_pattern = |rule: u32, pattern: u32| {
            let mut noisy = false;
            let found = self.last_match(pattern, from, &mut noisy);
            tell(rule as usize, found.map(Clue::Text), noisy);
        };
        match &candidate.pointer {
            Pointer::Pattern { rule, pattern } => try_pattern(*rule, *pattern),
            Pointer::Leads(leads) => {
                let Message { text, trigrams } = self.message;
                for lead in self.engine.leads.within(leads) {
                    if lead.companion.is_none_or(|companion| trigrams.may_have(text, &[companion])) {
                        try_pattern(lead.rule, lead.pattern);
                    }
                }
            }
            Pointer::Clue { rule, clue } => tell(*rule as usize, Some(clue.clone()), false),
        }
    }

    /// Whether the exception itself, which comes before its text, says what this rule recognises in the text.
    pub(super) fn is_told_otherwise(&self, hit: &Hit) -> bool {
        matches!(hit.clue, Clue::Text(_)) && self.told.contains(&hit.rule)
    }

    /// What keeps back a rule that recognises something; of [`Depth::Decision`] not what exactly.
    pub(super) fn hindrance(&self, rule: usize, depth: Depth) -> Option<Hindrance> {
        let rule = &self.engine.rules[rule];
        let text = |pattern: &u32| match depth {
            Depth::Decision => String::new(),
            Depth::Everything => self.engine.conditions.patterns[*pattern as usize].text().to_owned(),
        };
        if let Some(missing) = rule.also.iter().find(|pattern| !self.holds(**pattern)) {
            return Some(Hindrance::Also(text(missing)));
        }
        let found = rule.unless.iter().find(|pattern| self.holds(**pattern))?;
        Some(Hindrance::Unless(text(found)))
    }
}
