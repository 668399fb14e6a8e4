//! Deciding over messages without the interpreter, as far as that is possible.

use super::lists::{Lists, NeedsInterpreter, Part, Split};
use crate::packs::engine::{Depth, Engine};
use crate::packs::evidence::Evidence;
use crate::packs::explanation::{self, Entry, Judgement};
use crate::packs::rule::Verdict;

/// What a class decides by, for any thread.
pub(super) struct Detached<'a> {
    /// None where it uses neither packs nor rules.
    pub(super) engine: Option<&'a Engine>,
    pub(super) lists: &'a Lists,
    /// The patterns by where they come from; None where no packs stand between them.
    pub(super) split: Option<&'a Split>,
}

impl Detached<'_> {
    /// Decide over a text in UTF-8 in which lone surrogates may stand; None where only the interpreter can tell.
    pub(super) fn decide(&self, text: &[u8], depth: Depth) -> Option<Judgement> {
        let assessment = explanation::assess(self.engine, &Evidence::of_text(text), depth);
        explanation::decide(self.engine, assessment, &mut OverText { decide_by: self, text }).ok()
    }

    /// The verdict of that decision.
    pub(super) fn verdict(&self, text: &[u8]) -> Option<Verdict> {
        if self.engine.is_some() {
            return self.decide(text, Depth::Decision).map(|judgement| judgement.verdict);
        }
        let found = self.lists.all.first_match_detached(text).ok()?;
        Some(found.map_or(Verdict::Unknown, |index| self.lists.verdict(index)))
    }
}

struct OverText<'a> {
    decide_by: &'a Detached<'a>,
    text: &'a [u8],
}

impl OverText<'_> {
    fn first_match(&self, part: Option<&Part>) -> Result<Option<Entry>, NeedsInterpreter> {
        let found = part.map_or(Ok(None), |part| part.first_match_detached(self.text))?;
        Ok(found.map(|index| Entry { index, verdict: self.decide_by.lists.verdict(index) }))
    }
}

impl explanation::Lists for OverText<'_> {
    type Error = NeedsInterpreter;

    fn added(&mut self) -> Result<Option<Entry>, NeedsInterpreter> {
        self.first_match(self.decide_by.split.and_then(|split| split.added.as_ref()))
    }

    fn others(&mut self, may_match: bool) -> Result<Option<Entry>, NeedsInterpreter> {
        if self.decide_by.split.is_some() && !may_match {
            return Ok(None);
        }
        let split = self.decide_by.split.filter(|split| split.added.is_some());
        self.first_match(split.map_or(Some(&self.decide_by.lists.all), |split| split.shipped.as_ref()))
    }
}
