//! Which rules the evidence of a failure matches, and which of them decides.

use super::anchors::Anchors;
use super::attempts;
use super::codes::{self, Code, CodeKind, CodePattern};
use super::evidence::Evidence;
use super::pattern::{self, Pattern};
use super::rule::{Pack, Rule, Strength, Verdict};
use super::windows::{Places, window};
use crate::patterns::{PERMANENT, TRANSIENT};
use crate::rules;
use memchr::{memchr, memrchr};
use once_cell::sync::OnceCell;
use std::cell::RefCell;
use std::cmp::Reverse;
use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

/// Rules of any number of packs, compiled.
///
/// One pass over the text finds where literals of patterns stand; only these patterns are tried, around these places. The
/// work after the pass is bounded, so the whole is linear in the text. What is compiled never changes, but that a regular
/// expression is compiled when it is first needed; so no text can slow the ones after it.
#[derive(Debug)]
pub struct Engine {
    packs: Vec<Arc<Pack>>,
    rules: Vec<Ranked>,
    patterns: Vec<Searched>,
    anchors: Anchors,
    /// For each literal the patterns that it belongs to.
    users: Vec<Vec<u32>>,
    /// For each literal whether one of the shipped lists looks for it.
    listed: Vec<bool>,
    classes: HashMap<String, Vec<u32>>,
    codes: HashMap<Code, Vec<u32>>,
}

/// The weakest rule that says of a later line why a program failed in the end: a status is enough, a symptom is not.
const WEAKEST_THAT_OUTLIVES: Strength = Strength::Status;

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

#[derive(Debug)]
struct Searched {
    pattern: Pattern,
    role: Role,
}

/// What follows where a pattern matches.
#[derive(Debug, Clone, Copy)]
enum Role {
    /// The rule does.
    Rule(u32),
    /// A rule may match, or may not; it looks when it has to.
    Condition,
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
        let mut index = Index::default();
        let mut rules = Vec::new();
        let mut classes: HashMap<String, Vec<u32>> = HashMap::new();
        let mut codes: HashMap<Code, Vec<u32>> = HashMap::new();
        for (pack_number, pack) in packs.iter().enumerate() {
            for (rule_index, rule) in pack.rules.iter().enumerate() {
                let number = number(rules.len());
                for pattern in rule.message.iter().chain(&rule.words) {
                    index.add(pattern, Role::Rule(number));
                }
                let mut conditions =
                    |patterns: &[Pattern]| patterns.iter().map(|pattern| index.add(pattern, Role::Condition)).collect();
                let (also, unless) = (conditions(&rule.also), conditions(&rule.unless));
                for dotted in &rule.exception {
                    classes.entry(pattern::class_name(dotted)).or_default().push(number);
                }
                for written in &rule.codes {
                    codes.entry(written.code.clone()).or_default().push(number);
                }
                let tier = Tier { of_packs: pack_number >= first_pack, strength: rule.strength };
                rules.push(Ranked {
                    pack: self::number(pack_number),
                    index: self::number(rule_index),
                    tier,
                    also,
                    unless,
                });
            }
            for noise in &pack.noise {
                index.add(&noise.pattern, Role::Noise);
            }
        }
        for (pattern, row) in code_patterns() {
            index.add(pattern, Role::Code(row));
        }
        for pattern in attempts::markers() {
            index.add(pattern, Role::Marker);
        }
        index.list();
        let Index { patterns, literals, users, listed, .. } = index;
        let literals: Vec<&[u8]> = literals.iter().map(Vec::as_slice).collect();
        Self { anchors: Anchors::new(&literals), packs, rules, patterns, users, listed, classes, codes }
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
        let lowered = evidence.text.to_ascii_lowercase();
        let mut search = Search::new(self, &lowered);
        search.look_up(evidence);
        let lists_may_match = search.listed || !lowered.is_ascii();
        let (hits, kept_back) = search.decide(depth);
        Assessment { hits, kept_back, lists_may_match }
    }
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

/// Patterns and their literals, while they are gathered.
#[derive(Default)]
struct Index {
    patterns: Vec<Searched>,
    numbers: HashMap<Vec<u8>, u32>,
    literals: Vec<Vec<u8>>,
    users: Vec<Vec<u32>>,
    listed: Vec<bool>,
}

impl Index {
    fn literal(&mut self, literal: &[u8]) -> u32 {
        if let Some(known) = self.numbers.get(literal) {
            return *known;
        }
        let new = number(self.literals.len());
        self.numbers.insert(literal.to_vec(), new);
        self.literals.push(literal.to_vec());
        self.users.push(Vec::new());
        self.listed.push(false);
        new
    }

    fn add(&mut self, pattern: &Pattern, role: Role) -> u32 {
        let own = number(self.patterns.len());
        let mut literals: Vec<u32> = pattern.literals().iter().map(|literal| self.literal(literal)).collect();
        literals.sort_unstable();
        literals.dedup();
        for literal in &literals {
            self.users[*literal as usize].push(own);
        }
        self.patterns.push(Searched { pattern: pattern.clone(), role });
        own
    }

    /// Add a literal of each pattern of the shipped lists.
    fn list(&mut self) {
        for pattern in TRANSIENT.iter().chain(PERMANENT) {
            if let rules::Rule::Literals(literals) = rules::parse(pattern.text) {
                if let Some(longest) = literals.iter().max_by_key(|literal| literal.len()) {
                    let number = self.literal(longest.as_bytes());
                    self.listed[number as usize] = true;
                }
            }
        }
    }
}

/// A rule that something points to, before its conditions are looked at.
#[derive(Debug)]
struct Candidate {
    tier: Tier,
    rule: u32,
    pointer: Pointer,
}

#[derive(Debug)]
enum Pointer {
    /// A literal of this pattern stands in the text.
    Pattern(u32),
    Clue(Clue),
}

/// One search.
struct Search<'a> {
    engine: &'a Engine,
    text: &'a [u8],
    places: Places,
    /// Patterns and those of their literals that stand in the text, in that order.
    found: Vec<(u32, u32)>,
    candidates: Vec<Candidate>,
    noises: Vec<u32>,
    markers: Vec<u32>,
    listed: bool,
    /// What is noise in the windows that were looked at.
    noise: RefCell<HashMap<usize, Vec<Range<usize>>>>,
}

impl<'a> Search<'a> {
    /// Find the literals of the lower-cased `text` and what they point to.
    fn new(engine: &'a Engine, text: &'a [u8]) -> Self {
        let mut places = Places::default();
        engine.anchors.each(text, |literal, start| places.add(text, number(literal), start));
        places.finish(text);
        let mut search = Self {
            engine,
            text,
            found: Vec::new(),
            candidates: Vec::new(),
            noises: Vec::new(),
            markers: Vec::new(),
            listed: false,
            noise: RefCell::default(),
            places,
        };
        for literal in search.places.literals() {
            search.listed |= engine.listed[literal as usize];
            search.found.extend(engine.users[literal as usize].iter().map(|pattern| (*pattern, literal)));
        }
        search.found.sort_unstable();
        let mut codes = Vec::new();
        for of_pattern in search.found.chunk_by(|left, right| left.0 == right.0) {
            let pattern = of_pattern[0].0;
            match engine.patterns[pattern as usize].role {
                Role::Rule(rule) => {
                    let tier = engine.rules[rule as usize].tier;
                    search.candidates.push(Candidate { tier, rule, pointer: Pointer::Pattern(pattern) });
                }
                Role::Noise => search.noises.push(pattern),
                Role::Marker => search.markers.push(pattern),
                Role::Code(row) => codes.push((pattern, row)),
                Role::Condition => {}
            }
        }
        for (pattern, row) in codes {
            search.find_codes(pattern, row);
        }
        search
    }

    /// Add the rules that know the exception's classes and codes.
    fn look_up(&mut self, evidence: &Evidence<'_>) {
        for (index, class) in evidence.classes.iter().enumerate() {
            if let Some(rules) = self.engine.classes.get(&pattern::class_name(class)) {
                self.point(rules, &Clue::Class(index));
            }
        }
        for (index, code) in evidence.codes.iter().enumerate() {
            self.point_to_code(code, &Clue::Code(index));
        }
    }

    fn point(&mut self, rules: &[u32], clue: &Clue) {
        let engine = self.engine;
        let candidate = |rule: &u32| Candidate {
            tier: engine.rules[*rule as usize].tier,
            rule: *rule,
            pointer: Pointer::Clue(clue.clone()),
        };
        self.candidates.extend(rules.iter().map(candidate));
    }

    fn point_to_code(&mut self, code: &Code, clue: &Clue) {
        if let Some(rules) = self.engine.codes.get(code) {
            self.point(rules, clue);
        }
        if code.kind == CodeKind::Sqlstate && code.value.len() > 2 {
            let class = Code { kind: code.kind, value: code.value[..2].to_owned() };
            if let Some(rules) = self.engine.codes.get(&class) {
                self.point(rules, clue);
            }
        }
    }

    fn find_codes(&mut self, pattern: u32, row: &CodePattern) {
        let mut found = Vec::new();
        for window in self.windows(pattern) {
            self.engine.patterns[pattern as usize].pattern.each_group(self.text, window, |whole, group| {
                if !self.is_noise(&whole) {
                    let value = format!("{}{}", row.prefix, String::from_utf8_lossy(&self.text[group]));
                    found.extend(Code::read(row.kind, &value).map(|code| (code, whole)));
                }
            });
        }
        for (code, whole) in found {
            self.point_to_code(&code, &Clue::Text(whole));
        }
    }

    /// Where literals of a pattern stand, the last place first.
    fn places_of(&self, pattern: u32) -> impl Iterator<Item = usize> {
        let from = self.found.partition_point(|(other, _)| *other < pattern);
        let literals = self.found[from..].iter().take_while(move |(other, _)| *other == pattern);
        let mut starts: Vec<usize> =
            literals.flat_map(|(_, literal)| self.places.of(*literal)).map(|(_, start)| *start).collect();
        starts.sort_unstable();
        starts.into_iter().rev()
    }

    /// The windows in which a pattern may match, the last one first.
    fn windows(&self, pattern: u32) -> impl Iterator<Item = Range<usize>> {
        let mut last = None;
        self.places_of(pattern).filter_map(move |start| {
            let window = window(self.text, start);
            (last.as_ref() != Some(&window)).then(|| last.insert(window).clone())
        })
    }

    /// The last match of a pattern that is no noise. `noisy` is set where there is one that is.
    fn last_match(&self, pattern: u32, noisy: &mut bool) -> Option<Range<usize>> {
        let searched = &self.engine.patterns[pattern as usize].pattern;
        if searched.is_literal() && self.noises.is_empty() {
            let start = self.places_of(pattern).next()?;
            return Some(start..start + searched.literals()[0].len());
        }
        self.windows(pattern).find_map(|window| {
            searched.last_match(self.text, window, |found| {
                let counts = !self.is_noise(found);
                *noisy |= !counts;
                counts
            })
        })
    }

    /// Whether a match begins or ends in text that is never evidence.
    fn is_noise(&self, found: &Range<usize>) -> bool {
        if self.noises.is_empty() {
            return false;
        }
        let window = window(self.text, found.start);
        let mut known = self.noise.borrow_mut();
        let spans = known.entry(window.start).or_insert_with(|| {
            let mut spans = Vec::new();
            for noise in &self.noises {
                let pattern = &self.engine.patterns[*noise as usize].pattern;
                pattern.last_match(self.text, window.clone(), |span| {
                    spans.push(span.clone());
                    false
                });
            }
            spans
        });
        spans.iter().any(|span| span.contains(&found.start) || (span.start < found.end && found.end <= span.end))
    }

    /// Whether several lines number attempts.
    fn is_log(&self) -> bool {
        if self.markers.is_empty() || memchr(b'\n', self.text).is_none() {
            return false;
        }
        let mut lines: Vec<usize> = self
            .markers
            .iter()
            .flat_map(|marker| {
                let pattern = &self.engine.patterns[*marker as usize].pattern;
                self.windows(*marker).filter_map(|window| pattern.last_match(self.text, window, |_| true))
            })
            .map(|found| found.start)
            .collect();
        lines.sort_unstable();
        lines.windows(2).any(|pair| memchr(b'\n', &self.text[pair[0]..pair[1]]).is_some())
    }

    fn decide(mut self, depth: Depth) -> (Vec<Hit>, Vec<KeptBack>) {
        let mut candidates = std::mem::take(&mut self.candidates);
        candidates.sort_by_key(|candidate| (candidate.tier, candidate.rule));
        let log = self.is_log();
        let (mut hits, mut kept_back) = (Vec::new(), Vec::new());
        let mut tier = None;
        for of_rule in candidates.chunk_by(|left, right| left.rule == right.rule) {
            let next = of_rule[0].tier;
            let decided = !hits.is_empty()
                && tier.is_some_and(|tier: Tier| {
                    let more = log
                        || next.strength <= WEAKEST_THAT_OUTLIVES && hits.iter().any(|hit| self.may_be_outlived(hit));
                    if more { next.of_packs != tier.of_packs } else { next != tier }
                });
            if decided && depth == Depth::Decision {
                break;
            }
            tier = Some(next);
            match self.examine(of_rule, depth) {
                Examined::Hit(hit) => hits.push(hit),
                Examined::KeptBack(kept) => kept_back.push(kept),
                Examined::Nothing => {}
            }
        }
        let last_line = if log { self.last_line(&hits) } else { 0 };
        hits.sort_by_cached_key(|hit| self.rank(hit, last_line));
        if !log {
            if let Some(outlives) = self.outlives(&hits) {
                hits[..=outlives].rotate_right(1);
            }
        }
        (hits, kept_back)
    }

    /// Whether a transient cause on a later line would beat this.
    fn may_be_outlived(&self, hit: &Hit) -> bool {
        let tier = self.engine.rules[hit.rule].tier;
        let Clue::Text(found) = &hit.clue else { return false };
        tier.strength > Strength::Decisive
            && self.engine.rule(hit.rule).1.verdict == Verdict::Permanent
            && memchr(b'\n', &self.text[found.end..]).is_some()
    }

    /// Index of the best transient cause that stands on a later line than the permanent one that is first.
    fn outlives(&self, hits: &[Hit]) -> Option<usize> {
        let first = hits.first().filter(|hit| self.may_be_outlived(hit))?;
        let Clue::Text(end) = &first.clue else { return None };
        hits.iter().position(|hit| {
            let Clue::Text(found) = &hit.clue else { return false };
            let tier = self.engine.rules[hit.rule].tier;
            tier.of_packs == self.engine.rules[first.rule].tier.of_packs
                && tier.strength <= WEAKEST_THAT_OUTLIVES
                && self.engine.rule(hit.rule).1.verdict == Verdict::Transient
                && found.start > end.end
                && memchr(b'\n', &self.text[end.end..found.start]).is_some()
        })
    }

    /// Where the last line begins that any rule but a hint matches, or any rule at all.
    fn last_line(&self, hits: &[Hit]) -> usize {
        let last = |hints: bool| {
            let counts = |hit: &&Hit| hints || self.engine.rules[hit.rule].tier.strength < Strength::Hint;
            let start = |hit: &Hit| if let Clue::Text(found) = &hit.clue { Some(found.start) } else { None };
            hits.iter().filter(counts).filter_map(start).max()
        };
        last(false)
            .or_else(|| last(true))
            .and_then(|last| memrchr(b'\n', &self.text[..last]))
            .map_or(0, |line_feed| line_feed + 1)
    }

    /// Smaller is better.
    fn rank(&self, hit: &Hit, last_line: usize) -> Rank {
        let tier = self.engine.rules[hit.rule].tier;
        let (earlier_line, place) = match &hit.clue {
            Clue::Code(_) => (false, (0, Reverse(0), Reverse(0))),
            Clue::Class(index) => (false, (*index, Reverse(0), Reverse(0))),
            Clue::Text(found) => (found.start < last_line, (usize::MAX, Reverse(found.end), Reverse(found.len()))),
        };
        (tier.of_packs, earlier_line, tier.strength, place, hit.rule)
    }

    /// Look at everything that points to one rule.
    fn examine(&self, candidates: &[Candidate], depth: Depth) -> Examined {
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
        let matches = |pattern: &&u32| self.last_match(**pattern, &mut false).is_some();
        let text = |pattern: &u32| match depth {
            Depth::Decision => String::new(),
            Depth::Everything => self.engine.patterns[*pattern as usize].pattern.text().to_owned(),
        };
        if let Some(missing) = rule.also.iter().find(|pattern| !matches(pattern)) {
            return kept_back(Hindrance::Also(text(missing)));
        }
        if let Some(found) = rule.unless.iter().find(matches) {
            return kept_back(Hindrance::Unless(text(found)));
        }
        Examined::Hit(hit)
    }
}

type Rank = (bool, bool, Strength, (usize, Reverse<usize>, Reverse<usize>), usize);

enum Examined {
    Hit(Hit),
    KeptBack(KeptBack),
    Nothing,
}

#[cfg(test)]
mod tests {
    use super::super::source::read_pack;
    use super::*;
    use proptest::prelude::*;
    use regex::bytes::{Regex, RegexBuilder};

    const PACK: &str = r#"
        title = "Test"
        about = "Rules of every kind."
        [[rule]]
        id = "settled"
        verdict = "permanent"
        why = "nothing else counts"
        strength = "decisive"
        message = "quota (?:used up|gone)"
        [[rule]]
        id = "refused"
        verdict = "transient"
        why = "it may come back"
        message = ["connection.*refused", 'port \d+ closed']
        unless = "for ever"
        [[rule]]
        id = "denied"
        verdict = "permanent"
        why = "somebody has to allow it"
        message = "denied"
        also = ["^user ", "access"]
        [[rule]]
        id = "coded"
        verdict = "transient"
        why = "a code says so"
        errno = "EPIPE"
        code = "SlowDown"
        exception = "wire.errors.Broken"
        http_status = 503
        strength = "code"
        [[rule]]
        id = "seen"
        verdict = "unknown"
        why = "this says nothing"
        strength = "symptom"
        message = "refused|timed out"
        [[noise]]
        pattern = "see .* denied$"
        why = "advice"
        example = "see why it was denied"
    "#;

    fn engine() -> Engine {
        Engine::new(None, [Arc::new(read_pack("test", PACK).unwrap())])
    }

    fn decided<'e>(engine: &'e Engine, text: &str) -> Option<(&'e str, Clue)> {
        let assessment = engine.assess(&Evidence::of_text(text.as_bytes()), Depth::Decision);
        assessment.hits.first().map(|hit| (engine.rule(hit.rule).1.id.as_str(), hit.clue.clone()))
    }

    fn rule(engine: &Engine, text: &str) -> Option<String> {
        decided(engine, text).map(|(id, _)| id.to_owned())
    }

    #[test]
    fn the_stronger_rule_decides_then_the_later_match_then_the_longer() {
        let table = [
            ("Connection to db refused", Some("refused")),
            ("connection refused\nquota used up\nport 12 closed", Some("settled")),
            ("user x: access denied, then port 80 closed", Some("refused")),
            ("port 80 closed\nuser x: access denied", Some("denied")),
            ("port 80 closed, but for ever; timed out", Some("seen")),
            ("access denied", None),
            ("user x has access; see why it was denied", None),
            ("user x has no access: denied; see why it was denied", Some("denied")),
            ("EPIPE: broken", Some("coded")),
            ("[Errno 32] gone", Some("coded")),
            ("wire.errors.Broken: x", Some("coded")),
            ("503 Server Error", Some("coded")),
            ("", None),
        ];
        let engine = engine();
        for (text, expected) in table {
            assert_eq!(rule(&engine, text).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn in_a_log_of_attempts_the_last_line_that_any_rule_matches_decides() {
        let engine = engine();
        let log = "attempt 1: quota used up\nattempt 2: timed out\ngiving up";
        assert_eq!(rule(&engine, log).as_deref(), Some("seen"));
        assert_eq!(rule(&engine, &log.replace("attempt", "step")).as_deref(), Some("settled"));
        assert_eq!(rule(&engine, &log.replace('\n', ", ")).as_deref(), Some("settled"));
    }

    #[test]
    fn what_the_exception_holds_beats_its_text_within_a_strength() {
        let engine = engine();
        let code = Code::read(CodeKind::HttpStatus, "503").unwrap();
        let evidence = Evidence {
            text: "slowdown".as_bytes().into(),
            classes: vec![String::from("own.Error"), String::from("wire.errors.Broken")],
            codes: vec![code],
        };
        let hits = engine.assess(&evidence, Depth::Everything).hits;
        assert_eq!(hits, [Hit { rule: 3, clue: Clue::Code(0) }]);
        let stronger = Evidence { text: "quota gone".as_bytes().into(), ..evidence };
        assert_eq!(engine.assess(&stronger, Depth::Decision).hits[0].rule, 0);
    }

    #[test]
    fn what_kept_a_rule_back_is_told() {
        let engine = engine();
        let table = [
            ("connection refused for ever", 1, Hindrance::Unless(String::from("for ever"))),
            ("denied", 2, Hindrance::Also(String::from("^user "))),
            ("see why it was denied", 2, Hindrance::Noise),
        ];
        for (text, rule, by) in table {
            let assessment = engine.assess(&Evidence::of_text(text.as_bytes()), Depth::Everything);
            assert!(assessment.kept_back.contains(&KeptBack { rule, by }), "{text}: {:?}", assessment.kept_back);
        }
    }

    #[test]
    fn a_match_far_from_others_on_a_long_line_is_found() {
        let engine = engine();
        for length in [10, 3_000, 100_000] {
            let text = format!("connection {} connection refused {}", "x ".repeat(length), "y ".repeat(length));
            assert_eq!(rule(&engine, &text).as_deref(), Some("refused"), "{length}");
        }
    }

    fn compiled(pattern: &Pattern) -> Regex {
        RegexBuilder::new(pattern.text()).unicode(false).multi_line(true).build().unwrap()
    }

    /// The last match on any line that is no noise, by one search a line.
    fn naive_last(pattern: &Pattern, text: &[u8], noise: &[Range<usize>]) -> Option<Range<usize>> {
        let regex = compiled(pattern);
        let mut last = None;
        let mut start = 0;
        for line in text.split(|byte| *byte == b'\n') {
            let found = regex.find_iter(line).map(|found| start + found.start()..start + found.end());
            let counts = |found: &Range<usize>| {
                !noise
                    .iter()
                    .any(|span| span.contains(&found.start) || (span.start < found.end && found.end <= span.end))
            };
            last = found.filter(counts).last().or(last);
            start += line.len() + 1;
        }
        last
    }

    /// The decision over a text without codes, classes or attempts, by the meaning of the rules.
    fn naive(engine: &Engine, text: &str) -> Option<(usize, Range<usize>)> {
        let text = text.to_ascii_lowercase();
        let text = text.as_bytes();
        let mut noise = Vec::new();
        for pattern in &engine.packs[0].noise {
            let spans: Vec<Range<usize>> =
                compiled(&pattern.pattern).find_iter(text).map(|found| found.range()).collect();
            noise.extend(spans);
        }
        let hits = engine.rules().filter_map(|(number, _, rule)| {
            let last = |pattern: &Pattern| naive_last(pattern, text, &noise);
            let found = rule.message.iter().filter_map(last).max_by_key(|found| (found.end, found.len()))?;
            let holds = rule.also.iter().all(|pattern| last(pattern).is_some())
                && rule.unless.iter().all(|pattern| last(pattern).is_none());
            holds.then_some((number, rule.strength, found))
        });
        hits.min_by_key(|(number, strength, found)| (*strength, Reverse(found.end), Reverse(found.len()), *number))
            .map(|(number, _, found)| (number, found))
    }

    proptest! {
        #[test]
        fn agrees_with_a_search_for_each_pattern_on_each_line(
            words in proptest::collection::vec(
                "connection|refused|denied|user |access|port 8|closed|quota |gone|see why|for ever|timed out|[a-z ]{1,3}|\n",
                0..24,
            ),
            depth in prop_oneof![Just(Depth::Decision), Just(Depth::Everything)],
        ) {
            let engine = engine();
            let text = words.join(" ");
            let assessment = engine.assess(&Evidence::of_text(text.as_bytes()), depth);
            let decided = assessment.hits.first().map(|hit| (hit.rule, hit.clue.clone()));
            let expected = naive(&engine, &text).map(|(rule, found)| (rule, Clue::Text(found)));
            prop_assert_eq!(decided, expected, "{}", text);
        }

        #[test]
        fn both_depths_take_the_same_decision(
            words in proptest::collection::vec(
                "connection|refused|attempt 1|retrying|epipe|503 server error|quota |gone|broken:|slowdown|denied|\n|[a-z ]{0,3}",
                0..24,
            ),
            classes in proptest::collection::vec("wire[.]errors[.]Broken|own[.]Error", 0..3),
        ) {
            let engine = engine();
            let text = words.join(" ");
            let evidence = Evidence { text: text.as_bytes().into(), classes, codes: Vec::new() };
            let decision = engine.assess(&evidence, Depth::Decision).hits.into_iter().next();
            let everything = engine.assess(&evidence, Depth::Everything).hits.into_iter().next();
            prop_assert_eq!(decision, everything);
        }
    }
}
