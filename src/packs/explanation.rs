//! The one decision over a piece of evidence, and what can be said of it.

use super::chain::Decision;
use super::engine::{Assessment, Depth, Engine, Hindrance, Hit, KeptBack};
use super::evidence::Evidence;
use super::rule::{Pack, Rule, Verdict};

/// A pattern of a list that matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// Its index in the list of whoever was asked.
    pub index: usize,
    /// What the list says.
    pub verdict: Verdict,
}

/// The lists of patterns of a classifier, which stand between the packs.
pub trait Lists {
    /// What a search may fail with.
    type Error;

    /// The first entry that matches, of those that the program added.
    ///
    /// # Errors
    /// What the search fails with.
    fn added(&mut self) -> Result<Option<Entry>, Self::Error>;

    /// The first entry that matches, of the others. `may_match` is false where none can.
    ///
    /// # Errors
    /// What the search fails with.
    fn others(&mut self, may_match: bool) -> Result<Option<Entry>, Self::Error>;
}

/// What decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decider {
    /// A rule.
    Rule(Hit),
    /// A pattern of a list.
    Entry(Entry),
    /// Nothing matches.
    Nothing,
}

/// A decision over a piece of evidence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    /// The verdict.
    pub verdict: Verdict,
    /// What decided.
    pub decider: Decider,
    /// Rules that match, but are weaker; complete of [`Depth::Everything`] only.
    pub weaker: Vec<Hit>,
    /// Rules that something kept back; of [`Depth::Everything`] only.
    pub kept_back: Vec<KeptBack>,
}

impl Judgement {
    /// The decision where there is nothing to decide by.
    #[must_use]
    pub fn nothing() -> Self {
        Self { verdict: Verdict::Unknown, decider: Decider::Nothing, weaker: Vec::new(), kept_back: Vec::new() }
    }
}

impl Decision for Judgement {
    fn verdict(&self) -> Verdict {
        self.verdict
    }

    fn is_reasoned(&self) -> bool {
        self.decider != Decider::Nothing
    }
}

/// What `evidence` comes to by the rules of a classifier; None for one without any.
#[must_use]
pub fn assess(engine: Option<&Engine>, evidence: &Evidence<'_>, depth: Depth) -> Assessment {
    let unassessed = || Assessment { lists_may_match: true, ..Assessment::default() };
    engine.map_or_else(unassessed, |engine| engine.assess(evidence, depth))
}

/// Decide over what was found out: first the rules of the project, then the patterns that the program added to its
/// lists, then the rules of packs, then the other patterns of the lists.
///
/// # Errors
/// What a search of `lists` fails with.
pub fn decide<L: Lists>(engine: Option<&Engine>, assessment: Assessment, lists: &mut L) -> Result<Judgement, L::Error> {
    let Assessment { hits, kept_back, lists_may_match } = assessment;
    let mut weaker = hits;
    let entry = |entry: Entry| (entry.verdict, Decider::Entry(entry));
    let of_project = |engine: &Engine, hit: &Hit| engine.is_of_project(hit.rule);
    let rule = |engine: &Engine, weaker: &mut Vec<Hit>| {
        let hit = weaker.remove(0);
        (engine.rule(hit.rule).1.verdict, Decider::Rule(hit))
    };
    let best = engine.zip(weaker.first());
    let (verdict, decider) = if let Some((engine, _)) = best.filter(|(engine, hit)| of_project(engine, hit)) {
        rule(engine, &mut weaker)
    } else if let Some(added) = lists.added()? {
        entry(added)
    } else if let Some((engine, _)) = best {
        rule(engine, &mut weaker)
    } else if let Some(other) = lists.others(lists_may_match)? {
        entry(other)
    } else {
        (Verdict::Unknown, Decider::Nothing)
    };
    Ok(Judgement { verdict, decider, weaker, kept_back })
}

/// A rule that came near.
#[derive(Debug)]
pub struct NearMiss<'e> {
    /// Its pack.
    pub pack: &'e Pack,
    /// The rule.
    pub rule: &'e Rule,
    /// Why it did not decide, in words.
    pub why: String,
}

/// The rules that came near, those that match first.
#[must_use]
pub fn near_misses<'e>(engine: &'e Engine, judgement: &Judgement) -> Vec<NearMiss<'e>> {
    let near = |number: usize, why: String| {
        let (pack, rule) = engine.rule(number);
        NearMiss { pack, rule, why }
    };
    let weaker = judgement.weaker.iter().map(|hit| near(hit.rule, weakness(engine, hit, &judgement.decider)));
    let kept_back = judgement.kept_back.iter().map(|kept| near(kept.rule, hindrance(&kept.by)));
    weaker.chain(kept_back).collect()
}

fn weakness(engine: &Engine, hit: &Hit, decider: &Decider) -> String {
    let strength = engine.rule(hit.rule).1.strength;
    let Decider::Rule(decisive) = decider else {
        return String::from("it matches, but the patterns that the program added to the lists come before the packs");
    };
    let stronger = engine.rule(decisive.rule).1.strength;
    if engine.is_of_project(decisive.rule) && !engine.is_of_project(hit.rule) {
        String::from("it matches, but the rules of the project come before the packs")
    } else if stronger < strength {
        format!("it matches, but {} counts more than {}", stronger.in_words(), strength.in_words())
    } else if stronger == strength {
        String::from("it matches, but what decides is the exception's own, stands later in the text or is longer")
    } else {
        // In a log of attempts, or where a program went on.
        String::from("it matches, but a later line decides")
    }
}

fn hindrance(by: &Hindrance) -> String {
    match by {
        Hindrance::Unless(pattern) => format!("it would match, but the text also has {pattern:?}, which it excludes"),
        Hindrance::Also(pattern) => format!("it would match, but the text lacks {pattern:?}, which it requires"),
        Hindrance::Noise => String::from("all that it matches is advice or boilerplate, which is never evidence"),
    }
}
