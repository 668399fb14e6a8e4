//! Which of the rules that match decides.

use super::super::rule::{Strength, Verdict};
use super::search::{Candidate, Examined, Search};
use super::{Clue, Depth, Hit, KeptBack, Tier};
use memchr::{memchr, memrchr};
use std::cmp::Reverse;

/// The weakest rule that says of a later line why a program failed in the end: a status is enough, a symptom is not.
const WEAKEST_THAT_OUTLIVES: Strength = Strength::Status;

/// How much a match counts; smaller is better.
type Rank = (bool, bool, Strength, (usize, Reverse<usize>, Reverse<usize>), usize);

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
            self.finds.in_windows(text, *marker, |window| {
                lines.extend(pattern.last_match(text, window, |_| true).map(|found| found.start));
                None::<()>
            });
        }
        lines.sort_unstable();
        lines.windows(2).any(|pair| memchr(b'\n', &text[pair[0]..pair[1]]).is_some())
    }

    /// The rules that match, the one that decides first, and those that nearly did; of [`Depth::Decision`] no more than
    /// it takes to decide.
    pub(super) fn decide(self, candidates: &mut [Candidate], depth: Depth) -> (Vec<Hit>, Vec<KeptBack>) {
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
                Examined::KeptBack(kept) if depth == Depth::Everything => kept_back.push(kept),
                Examined::KeptBack(_) | Examined::Nothing => {}
            }
        }
        let last_line = if log { self.last_line(&hits) } else { 0 };
        hits.sort_by_key(|hit| self.rank(hit, last_line));
        if !log {
            if let Some(outlives) = self.outlives(&hits) {
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

    /// Index of the best transient cause that stands on a later line than the permanent one that is first.
    fn outlives(&self, hits: &[Hit]) -> Option<usize> {
        let text = self.message.bytes();
        let first = hits.first().filter(|hit| self.may_be_outlived(hit))?;
        let Clue::Text(end) = &first.clue else { return None };
        hits.iter().position(|hit| {
            let Clue::Text(found) = &hit.clue else { return false };
            let tier = self.engine.rules[hit.rule].tier;
            tier.of_packs == self.engine.rules[first.rule].tier.of_packs
                && tier.strength <= WEAKEST_THAT_OUTLIVES
                && self.engine.rule(hit.rule).1.verdict == Verdict::Transient
                && found.start > end.end
                && memchr(b'\n', &text[end.end..found.start]).is_some()
        })
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
    pub(super) fn rank(&self, hit: &Hit, last_line: usize) -> Rank {
        let tier = self.engine.rules[hit.rule].tier;
        let (earlier_line, place) = match &hit.clue {
            Clue::Code(_) => (false, (0, Reverse(0), Reverse(0))),
            Clue::Class(index) => (false, (*index, Reverse(0), Reverse(0))),
            Clue::Text(found) => (found.start < last_line, (usize::MAX, Reverse(found.end), Reverse(found.len()))),
        };
        (tier.of_packs, earlier_line, tier.strength, place, hit.rule)
    }
}
