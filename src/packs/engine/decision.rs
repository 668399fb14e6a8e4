//! Which of the rules that match decides.

use super::super::rule::{Strength, Verdict};
use super::search::{Candidate, Search};
use super::{Clue, Depth, Hindrance, Hit, KeptBack, Tier};
use memchr::{memchr, memrchr};
use std::cmp::Reverse;
use std::ops::Range;

/// The weakest rule that says of a later line why a program failed in the end: a status is enough, a symptom is not.
const WEAKEST_THAT_OUTLIVES: Strength = Strength::Status;

/// What a rule recognised, as far as that decides between rules of one tier; smaller is better.
type Place = (usize, Reverse<usize>, Reverse<usize>);

/// How much a match counts; smaller is better.
type Rank = (bool, bool, Strength, Place, usize);

fn place(clue: &Clue) -> Place {
    match clue {
        Clue::Code(_) => (0, Reverse(0), Reverse(0)),
        Clue::Class(index) => (*index, Reverse(0), Reverse(0)),
        Clue::Text(found) => (usize::MAX, Reverse(found.end), Reverse(found.len())),
    }
}

/// The least that the place of a clue can be that ends no later than this.
fn least_place(end: usize) -> Place {
    let of_text = end != usize::MAX;
    if of_text { (usize::MAX, Reverse(end), Reverse(usize::MAX)) } else { (0, Reverse(0), Reverse(0)) }
}

impl Search<'_> {
    /// Whether several lines number attempts.
    fn is_log(&self) -> bool {
        let text = self.message.bytes();
        if self.markers.is_empty() || memchr(b'\n', text).is_none() {
            return false;
        }
        let mut lines = Vec::new();
        for marker in &self.markers {
            let pattern = &self.engine.evidence.patterns[*marker as usize];
            self.finds.in_windows(&self.engine.evidence, text, *marker, 0, |window| {
                lines.extend(pattern.last_match(text, window, |_| true).map(|found| found.start));
                None::<()>
            });
        }
        lines.sort_unstable();
        lines.windows(2).any(|pair| memchr(b'\n', &text[pair[0]..pair[1]]).is_some())
    }

    /// The rules that match, the one that decides first, and those that nearly did; of [`Depth::Decision`] the one that
    /// decides alone.
    pub(super) fn decide(self, candidates: &mut [Candidate], depth: Depth) -> (Vec<Hit>, Vec<KeptBack>) {
        let log = self.is_log();
        match depth {
            Depth::Decision => (self.decisive(candidates, log).into_iter().collect(), Vec::new()),
            Depth::Everything => self.everything(candidates, log),
        }
    }

    /// The rule that decides.
    fn decisive(&self, candidates: &mut [Candidate], log: bool) -> Option<Hit> {
        if log {
            candidates.sort_unstable_by_key(|candidate| (candidate.tier.of_packs, Reverse(candidate.end)));
            return [false, true].into_iter().find_map(|of_packs| self.decisive_of_attempts(candidates, of_packs));
        }
        candidates.sort_unstable_by_key(|candidate| (candidate.tier, Reverse(candidate.end)));
        let first = self.best(candidates, |_| true, |_| true, |tier, place| (tier, place))?;
        if !self.may_be_outlived(&first) {
            return Some(first);
        }
        let Clue::Text(found) = &first.clue else { return Some(first) };
        let of_packs = self.is_of_packs(&first);
        let may = |candidate: &Candidate| {
            let tier = candidate.tier;
            tier.of_packs == of_packs && tier.strength <= WEAKEST_THAT_OUTLIVES && candidate.end > found.end
        };
        let later = self.best(candidates, may, |hit| self.outlives(hit, found), |tier, place| (tier, place));
        later.or(Some(first))
    }

    /// The rule that decides in a log of attempts, of those of the project or of those of packs.
    fn decisive_of_attempts(&self, candidates: &[Candidate], of_packs: bool) -> Option<Hit> {
        let last = |hints: bool| {
            let counts = |candidate: &Candidate| {
                let tier = candidate.tier;
                tier.of_packs == of_packs && (hints || tier.strength < Strength::Hint) && candidate.end != usize::MAX
            };
            self.best(candidates, counts, |_| true, |_, place| place)
        };
        let last = last(false).or_else(|| last(true));
        let last_line = last.as_ref().map_or(0, |hit| self.last_line(std::slice::from_ref(hit)));
        let may = |candidate: &Candidate| candidate.tier.of_packs == of_packs && candidate.end >= last_line;
        let on_last_line = |hit: &Hit| if let Clue::Text(found) = &hit.clue { found.start >= last_line } else { true };
        self.best(candidates, may, on_last_line, |tier, place| (tier, place))
    }

    /// Of the hits that are `wanted` and of candidates that `may` be, the one with the smallest `key`; of those the first
    /// rule's. What cannot be smaller is not looked at.
    fn best<K: Ord>(
        &self,
        candidates: &[Candidate],
        may: impl Fn(&Candidate) -> bool,
        wanted: impl Fn(&Hit) -> bool,
        key: impl Fn(Tier, Place) -> K,
    ) -> Option<Hit> {
        let mut best: Option<((K, usize), Hit)> = None;
        for candidate in candidates {
            let least = || (key(candidate.tier, least_place(candidate.end)), 0);
            if !may(candidate) || best.as_ref().is_some_and(|(best, _)| *best < least()) {
                continue;
            }
            // Earlier ends would not do in this tier, either.
            let end = best.as_ref().map_or(0, |(_, hit)| if let Clue::Text(found) = &hit.clue { found.end } else { 0 });
            let earlier = || (key(candidate.tier, least_place(end - 1)), 0);
            let from = if end > 0 && best.as_ref().is_some_and(|(best, _)| *best < earlier()) { end } else { 0 };
            self.look_at(candidate, from, |rule, clue, _| {
                let Some(clue) = clue else { return };
                let hit = Hit { rule, clue };
                let key = (key(candidate.tier, place(&hit.clue)), rule);
                let better = best.as_ref().is_none_or(|(best, _)| key < *best) && wanted(&hit);
                if better && !self.is_told_otherwise(&hit) && self.hindrance(rule, Depth::Decision).is_none() {
                    best = Some((key, hit));
                }
            });
        }
        best.map(|(_, hit)| hit)
    }

    /// The rules that match, the one that decides first, and those that nearly did.
    fn everything(&self, candidates: &[Candidate], log: bool) -> (Vec<Hit>, Vec<KeptBack>) {
        let mut clues: Vec<(usize, Option<Clue>, bool)> = Vec::new();
        for candidate in candidates {
            self.look_at(candidate, 0, |rule, clue, noisy| clues.push((rule, clue, noisy)));
        }
        clues.sort_by_key(|(rule, ..)| (self.engine.rules[*rule].tier, *rule));
        let (mut hits, mut kept_back) = (Vec::new(), Vec::new());
        for of_rule in clues.chunk_by(|left, right| left.0 == right.0) {
            let rule = of_rule[0].0;
            let best = of_rule.iter().filter_map(|(_, clue, _)| clue.as_ref()).min_by_key(|clue| place(clue));
            let kept = match best {
                Some(_) => self.hindrance(rule, Depth::Everything),
                None => of_rule.iter().any(|(.., noisy)| *noisy).then_some(Hindrance::Noise),
            };
            kept_back.extend(kept.clone().map(|by| KeptBack { rule, by }));
            if kept.is_none() {
                hits.extend(best.map(|clue| Hit { rule, clue: clue.clone() }));
            }
        }
        // Those of the project, if there are any, which come first: packs on a later line do not decide.
        let deciding = hits
            .first()
            .map_or(0, |first| hits.partition_point(|hit| self.is_of_packs(hit) == self.is_of_packs(first)));
        let last_line = if log { self.last_line(&hits[..deciding]) } else { 0 };
        hits.sort_by_key(|hit| self.rank(hit, last_line));
        if !log {
            if let Some(outlives) = self.that_outlives(&hits) {
                hits[..=outlives].rotate_right(1);
            }
        }
        (hits, kept_back)
    }

    /// Whether a transient cause on a later line would beat this.
    fn may_be_outlived(&self, hit: &Hit) -> bool {
        let text = self.message.bytes();
        let tier = self.engine.rules[hit.rule].tier;
        let Clue::Text(found) = &hit.clue else { return false };
        tier.strength > Strength::Decisive
            && self.engine.rule(hit.rule).1.verdict == Verdict::Permanent
            && memchr(b'\n', &text[found.end..]).is_some()
    }

    /// Whether this is a transient cause on a later line than a permanent one that was found there.
    fn outlives(&self, hit: &Hit, permanent: &Range<usize>) -> bool {
        let Clue::Text(found) = &hit.clue else { return false };
        self.engine.rules[hit.rule].tier.strength <= WEAKEST_THAT_OUTLIVES
            && self.engine.rule(hit.rule).1.verdict == Verdict::Transient
            && found.start > permanent.end
            && memchr(b'\n', &self.message.bytes()[permanent.end..found.start]).is_some()
    }

    /// Index of the best transient cause that stands on a later line than the permanent one that is first.
    fn that_outlives(&self, hits: &[Hit]) -> Option<usize> {
        let first = hits.first().filter(|hit| self.may_be_outlived(hit))?;
        let Clue::Text(permanent) = &first.clue else { return None };
        hits.iter().position(|hit| self.is_of_packs(hit) == self.is_of_packs(first) && self.outlives(hit, permanent))
    }

    /// Whether a rule of a pack matches, and not one of the project.
    fn is_of_packs(&self, hit: &Hit) -> bool {
        self.engine.rules[hit.rule].tier.of_packs
    }

    /// Where the last line begins that any rule but a hint matches, or any rule at all.
    fn last_line(&self, hits: &[Hit]) -> usize {
        let text = self.message.bytes();
        let last = |hints: bool| {
            let counts = |hit: &&Hit| hints || self.engine.rules[hit.rule].tier.strength < Strength::Hint;
            let start = |hit: &Hit| if let Clue::Text(found) = &hit.clue { Some(found.start) } else { None };
            hits.iter().filter(counts).filter_map(start).max()
        };
        last(false)
            .or_else(|| last(true))
            .and_then(|last| memrchr(b'\n', &text[..last]))
            .map_or(0, |line_feed| line_feed + 1)
    }

    /// Smaller is better.
    fn rank(&self, hit: &Hit, last_line: usize) -> Rank {
        let tier = self.engine.rules[hit.rule].tier;
        let earlier_line = if let Clue::Text(found) = &hit.clue { found.start < last_line } else { false };
        (tier.of_packs, earlier_line, tier.strength, place(&hit.clue), hit.rule)
    }
}
