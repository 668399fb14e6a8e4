//! Patterns, and the literals by which they are found.

use super::super::anchors::Anchors;
use super::super::pattern::Pattern;
use super::number;
use std::collections::HashMap;

/// Patterns, compiled so that one pass over a text finds the literals of all.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) patterns: Vec<Pattern>,
    pub(super) anchors: Anchors,
    /// Of patterns that only one literal finds that one, else [`SEVERAL`].
    alone: Vec<u32>,
    /// The other patterns that literals belong to, in the order of the literals.
    users: Vec<u32>,
    /// For each literal where its patterns begin in `users`; one more for where the last ones end.
    starts: Vec<u32>,
}

impl Table {
    /// How many literals there are.
    pub(super) fn literals(&self) -> u32 {
        number(self.starts.len() - 1)
    }

    /// The literal that alone finds a pattern.
    pub(super) fn alone(&self, pattern: u32) -> Option<u32> {
        Some(self.alone[pattern as usize]).filter(|literal| *literal != SEVERAL)
    }

    /// The patterns that a literal belongs to and does not find alone, in order.
    pub(super) fn users(&self, literal: u32) -> &[u32] {
        let literal = literal as usize;
        &self.users[self.starts[literal] as usize..self.starts[literal + 1] as usize]
    }
}

/// Takes the place of the literal of a pattern that has several, or that is to be named among the finds of each text.
const SEVERAL: u32 = u32::MAX;

/// A table while its patterns are gathered.
#[derive(Debug, Default)]
pub(super) struct TableBuilder {
    patterns: Vec<Pattern>,
    numbers: HashMap<Vec<u8>, u32>,
    literals: Vec<Vec<u8>>,
    alone: Vec<u32>,
    users: Vec<Vec<u32>>,
}

impl TableBuilder {
    /// The number of a literal, which is added where it is new.
    pub(super) fn literal(&mut self, literal: &[u8]) -> u32 {
        if let Some(known) = self.numbers.get(literal) {
            return *known;
        }
        let new = number(self.literals.len());
        self.numbers.insert(literal.to_vec(), new);
        self.literals.push(literal.to_vec());
        self.users.push(Vec::new());
        new
    }

    /// Add a pattern and return its number.
    pub(super) fn add(&mut self, pattern: &Pattern) -> u32 {
        if let [literal] = pattern.literals() {
            let literal = self.literal(literal);
            self.alone.push(literal);
            self.patterns.push(pattern.clone());
            return number(self.patterns.len() - 1);
        }
        self.add_named(pattern)
    }

    /// Add a pattern that [`Finds::patterns`](super::finds::Finds::patterns) is to name wherever one of its literals stands.
    pub(super) fn add_named(&mut self, pattern: &Pattern) -> u32 {
        let own = number(self.patterns.len());
        for literal in pattern.literals() {
            let literal = self.literal(literal);
            let users = &mut self.users[literal as usize];
            if users.last() != Some(&own) {
                users.push(own);
            }
        }
        self.alone.push(SEVERAL);
        self.patterns.push(pattern.clone());
        own
    }

    /// Compile what was gathered.
    pub(super) fn build(self) -> Table {
        let ends = self.users.iter().scan(0, |end, users| {
            *end += number(users.len());
            Some(*end)
        });
        Table {
            starts: std::iter::once(0).chain(ends).collect(),
            alone: self.alone,
            users: self.users.concat(),
            anchors: Anchors::new(self.literals),
            patterns: self.patterns,
        }
    }
}
