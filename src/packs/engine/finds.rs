//! The patterns of which a text has literals, and where.

use super::super::text::Lowered;
use super::super::trigrams::Trigrams;
use super::super::windows::{Places, window};
use super::table::Table;
use std::ops::Range;

/// A text, and what was found out about it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Message<'a> {
    pub(super) text: &'a Lowered,
    pub(super) trigrams: &'a Trigrams,
}

impl<'a> Message<'a> {
    pub(super) fn bytes(&self) -> &'a [u8] {
        self.text.bytes()
    }
}

/// What a search for the literals of a table found.
#[derive(Debug, Default)]
pub(super) struct Finds {
    places: Places,
    /// Patterns that no literal finds alone, and those of their literals that stand in the text, in that order.
    found: Vec<(u32, u32)>,
    searched: bool,
}

impl Finds {
    /// Forget the text before, and let go of buffers larger than this.
    pub(super) fn clear(&mut self, most_bytes: usize) {
        self.places.clear(most_bytes);
        self.found.clear();
        self.found.shrink_to(most_bytes / size_of::<(u32, u32)>());
        self.searched = false;
    }

    /// Look for the literals of `table`, unless that was done.
    pub(super) fn search(&mut self, table: &Table, text: &Lowered) {
        if self.searched {
            return;
        }
        self.searched = true;
        table.anchors.each(text, |literal, start| self.places.add(text.bytes(), literal, start));
        self.places.finish(text.bytes());
        for (literal, _) in self.places.last_of_each() {
            self.found.extend(table.users(literal).iter().map(|pattern| (*pattern, literal)));
        }
        self.found.sort_unstable();
    }

    /// The literals that stand in the text, each with its last place.
    pub(super) fn literals(&self) -> impl Iterator<Item = (u32, usize)> {
        self.places.last_of_each()
    }

    /// The patterns of which literals stand in the text and that no literal finds alone, in order.
    pub(super) fn patterns(&self) -> impl Iterator<Item = u32> {
        self.found.chunk_by(|left, right| left.0 == right.0).map(|of_pattern| of_pattern[0].0)
    }

    /// Where the last literal stands of a pattern that no literal finds alone.
    pub(super) fn last_place(&self, pattern: u32) -> usize {
        let last = |(_, literal): &(u32, u32)| self.places.of(*literal).last().map(|(_, start)| *start);
        self.of(pattern).iter().filter_map(last).max().unwrap_or(0)
    }

    /// The literals of a pattern that no literal finds alone, those that stand in the text, each behind the pattern.
    fn of(&self, pattern: u32) -> &[(u32, u32)] {
        let from = self.found.partition_point(|(other, _)| *other < pattern);
        let count = self.found[from..].iter().take_while(|(other, _)| *other == pattern).count();
        &self.found[from..from + count]
    }

    /// Call `look` with each window in which a pattern may match and that does not end before `from`, the last one first,
    /// until it returns something.
    pub(super) fn in_windows<T>(
        &self,
        table: &Table,
        text: &[u8],
        pattern: u32,
        from: usize,
        look: impl FnMut(Range<usize>) -> Option<T>,
    ) -> Option<T> {
        let places = |literal: u32| self.places.of(literal).iter().map(|(_, start)| *start);
        let found = if table.alone(pattern).is_some() { &[] } else { self.of(pattern) };
        let only = table.alone(pattern).or(if let [(_, literal)] = found { Some(*literal) } else { None });
        if let Some(literal) = only {
            return look_back(text, places(literal), from, look);
        }
        let mut starts: Vec<usize> = found.iter().flat_map(|(_, literal)| places(*literal)).collect();
        starts.sort_unstable();
        look_back(text, starts.into_iter(), from, look)
    }

    /// Whether a pattern may match, as far as that can be told without trying.
    pub(super) fn may_match(&self, table: &Table, message: Message<'_>, pattern: u32) -> bool {
        let searched = &table.patterns[pattern as usize];
        let text = message.bytes();
        searched.may_match(message.text, message.trigrams)
            && self
                .in_windows(table, text, pattern, 0, |window| searched.may_match_part(text, &window).then_some(()))
                .is_some()
    }

    /// The last match of a pattern that is `wanted`; one that ends before `from` need not be told. `all` says that each is
    /// wanted.
    pub(super) fn last_match(
        &self,
        table: &Table,
        message: Message<'_>,
        pattern: u32,
        from: usize,
        all: bool,
        mut wanted: impl FnMut(&Range<usize>) -> bool,
    ) -> Option<Range<usize>> {
        let searched = &table.patterns[pattern as usize];
        if all && searched.is_literals() {
            let last = |literal: u32| {
                let (_, start) = self.places.of(literal).last()?;
                Some(*start..start + table.anchors.literal(literal).len())
            };
            return match table.alone(pattern) {
                Some(literal) => last(literal),
                None => self.of(pattern).iter().filter_map(|(_, literal)| last(*literal)).max_by_key(|found| found.end),
            };
        }
        if !searched.may_match(message.text, message.trigrams) {
            return None;
        }
        let text = message.bytes();
        self.in_windows(table, text, pattern, from, |window| searched.last_match(text, window, &mut wanted))
    }
}

/// Call `look` with each window around one of these places, which are in order, that does not end before `from`; the last one
/// first, until it returns something.
fn look_back<T>(
    text: &[u8],
    starts: impl DoubleEndedIterator<Item = usize>,
    from: usize,
    mut look: impl FnMut(Range<usize>) -> Option<T>,
) -> Option<T> {
    let mut last = None;
    for start in starts.rev() {
        let window = window(text, start);
        if window.end < from {
            return None;
        }
        if last.as_ref() != Some(&window) {
            if let Some(found) = look(last.insert(window).clone()) {
                return Some(found);
            }
        }
    }
    None
}
