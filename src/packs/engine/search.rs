//! Which rules something in a text or an exception points to, and which of them match.

use super::super::codes::{Code, CodeKind, CodePattern};
use super::super::evidence::Evidence;
use super::super::pattern;
use super::super::trigrams::Trigrams;
use super::super::windows::window;
use super::finds::{Finds, Message};
use super::scratch::Scratch;
use super::{Clue, Depth, Engine, Hindrance, Hit, KeptBack, Role, Tier};
use std::cell::RefCell;
use std::ops::Range;

/// A rule that something points to, before its conditions are looked at.
#[derive(Debug)]
pub(super) struct Candidate {
    pub(super) tier: Tier,
    pub(super) rule: u32,
    pointer: Pointer,
}

#[derive(Debug)]
enum Pointer {
    /// A literal of this pattern stands in the text.
    Pattern(u32),
    Clue(Clue),
}

/// One search.
pub(super) struct Search<'a> {
    pub(super) engine: &'a Engine,
    pub(super) message: Message<'a>,
    pub(super) finds: &'a Finds,
    /// What was found of the conditions of rules, once one was asked for.
    conditions: RefCell<&'a mut Finds>,
    noises: Vec<u32>,
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
            markers: Vec::new(),
            noise: RefCell::default(),
        };
        (search, candidates)
    }

    /// Whether a pattern of the shipped lists may match.
    pub(super) fn lists_may_match(&self) -> bool {
        self.finds.literals().any(|literal| self.engine.listed[literal as usize]) || !self.message.bytes().is_ascii()
    }

    /// Gather the rules that something points to: a literal in the text, a code there, the exception's classes and codes.
    pub(super) fn gather(&mut self, evidence: &Evidence<'_>, candidates: &mut Vec<Candidate>) {
        let engine = self.engine;
        let mut shows_codes = false;
        for pattern in self.finds.patterns() {
            match engine.role_of[pattern as usize] {
                Role::Rule(rule) => {
                    let tier = engine.rules[rule as usize].tier;
                    candidates.push(Candidate { tier, rule, pointer: Pointer::Pattern(pattern) });
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
    }

    fn point(&self, rules: &[u32], clue: &Clue, candidates: &mut Vec<Candidate>) {
        let engine = self.engine;
        let candidate = |rule: &u32| Candidate {
            tier: engine.rules[*rule as usize].tier,
            rule: *rule,
            pointer: Pointer::Clue(clue.clone()),
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
        self.finds.in_windows(text, number, |window| {
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

    /// The last match of a pattern that is no noise. `noisy` is set where there is one that is.
    fn last_match(&self, pattern: u32, noisy: &mut bool) -> Option<Range<usize>> {
        self.finds.last_match(&self.engine.evidence, self.message, pattern, self.noises.is_empty(), |found| {
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
            return finds.last_match(table, self.message, condition, self.noises.is_empty(), counts).is_some();
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

    /// Look at everything that points to one rule.
    pub(super) fn examine(&self, candidates: &[Candidate], depth: Depth) -> Examined {
        let number = candidates[0].rule as usize;
        let rule = &self.engine.rules[number];
        let mut noisy = false;
        let clues = candidates.iter().filter_map(|candidate| match &candidate.pointer {
            Pointer::Clue(clue) => Some(clue.clone()),
            Pointer::Pattern(pattern) => self.last_match(*pattern, &mut noisy).map(Clue::Text),
        });
        let best = clues.map(|clue| Hit { rule: number, clue }).min_by_key(|hit| self.rank(hit, 0));
        let kept_back = |by: Hindrance| Examined::KeptBack(KeptBack { rule: number, by });
        let Some(hit) = best else {
            return if noisy { kept_back(Hindrance::Noise) } else { Examined::Nothing };
        };
        let text = |pattern: &u32| match depth {
            Depth::Decision => String::new(),
            Depth::Everything => self.engine.conditions.patterns[*pattern as usize].text().to_owned(),
        };
        if let Some(missing) = rule.also.iter().find(|pattern| !self.holds(**pattern)) {
            return kept_back(Hindrance::Also(text(missing)));
        }
        if let Some(found) = rule.unless.iter().find(|pattern| self.holds(**pattern)) {
            return kept_back(Hindrance::Unless(text(found)));
        }
        Examined::Hit(hit)
    }
}

/// What came of looking at a rule.
pub(super) enum Examined {
    Hit(Hit),
    KeptBack(KeptBack),
    Nothing,
}
