//! Which rules a literal leads to.

use super::super::trigrams::Trace;
use super::table::Table;
use super::{Tier, number};
use std::ops::Range;

/// The rules of patterns that one literal alone finds, by literals; those of one tier together, so that all of them are
/// passed over at once where they cannot decide.
#[derive(Debug)]
pub(super) struct Leads {
    /// In the order of literals, then of tiers.
    runs: Vec<Run>,
    /// For each literal where its runs begin; one more for where the last ones end.
    starts: Vec<u32>,
    all: Vec<Lead>,
}

/// The leads of one literal and one tier.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) tier: Tier,
    /// Where they stand in [`Leads`].
    pub(super) leads: Range<u32>,
}

/// A rule, and the pattern that a literal leads to.
#[derive(Debug)]
pub(super) struct Lead {
    pub(super) rule: u32,
    pub(super) pattern: u32,
    /// Another literal that the pattern requires. It stands here so that a pattern without it is never looked at.
    pub(super) companion: Option<Trace>,
}

impl Leads {
    /// Of the patterns of `table` for which `rule_of` tells a rule and its tier.
    pub(super) fn new(table: &Table, rule_of: impl Fn(u32) -> Option<(u32, Tier)>) -> Self {
        let found_alone = |pattern: u32| {
            let (rule, tier) = rule_of(pattern)?;
            Some((table.alone(pattern)?, tier, rule, pattern))
        };
        let mut all: Vec<(u32, Tier, u32, u32)> = (0..number(table.patterns.len())).filter_map(found_alone).collect();
        all.sort_unstable();
        let (mut runs, mut leads) = (Vec::new(), Vec::with_capacity(all.len()));
        let mut starts = vec![0; table.literals() as usize + 1];
        for of_run in all.chunk_by(|left, right| (left.0, left.1) == (right.0, right.1)) {
            let (literal, tier, ..) = of_run[0];
            let from = number(leads.len());
            leads.extend(of_run.iter().map(|(.., rule, pattern)| {
                let companion = table.patterns[*pattern as usize].companion();
                Lead { rule: *rule, pattern: *pattern, companion }
            }));
            runs.push(Run { tier, leads: from..number(leads.len()) });
            starts[literal as usize + 1] += 1;
        }
        for literal in 1..starts.len() {
            starts[literal] += starts[literal - 1];
        }
        Self { runs, starts, all: leads }
    }

    /// What a literal leads to, the strongest first.
    pub(super) fn of(&self, literal: u32) -> &[Run] {
        let literal = literal as usize;
        &self.runs[self.starts[literal] as usize..self.starts[literal + 1] as usize]
    }

    /// The leads of a run.
    pub(super) fn within(&self, leads: &Range<u32>) -> &[Lead] {
        &self.all[leads.start as usize..leads.end as usize]
    }
}
