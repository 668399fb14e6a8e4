//! The parts of a token between hyphens, dots and slashes.

use super::scanner::{Context, Scanner, is_word};
use super::shapes::{self, Shape};
use super::variables::Variable;
use super::words;

impl Scanner<'_> {
    /// Copy a token part by part, without its numbers and random parts.
    pub(super) fn segments(&mut self, end: usize) {
        let text = self.text;
        // Where in the template the last part stands that was replaced, and as what.
        let mut replaced: Option<(usize, Variable)> = None;
        while self.at < end {
            let rest = &text.as_bytes()[self.at..end];
            let length = rest.iter().take_while(|byte| is_word(**byte)).count();
            if length == 0 {
                let keeps = rest[0] == b'-';
                replaced = replaced.filter(|_| keeps);
                self.template.push(char::from(rest[0]));
                self.at += 1;
                continue;
            }
            let segment = &text[self.at..self.at + length];
            let after_hyphen = self.previous() == Some(b'-');
            let ending = after_hyphen && rest.get(length) != Some(&b'-');
            let (kept, variable, taken) = part_of(segment, rest, ending);
            let place = self.template.len();
            self.template.push_str(&text[self.at..self.at + kept]);
            self.at += taken;
            let Some(variable) = variable else {
                replaced = None;
                continue;
            };
            // The random parts of a name are one, however many there are.
            match replaced {
                Some((place, before)) if kept == 0 && [before, variable].contains(&Variable::Id) => {
                    self.template.truncate(place);
                    self.template.push_str(Variable::Id.text());
                    replaced = Some((place, Variable::Id));
                }
                _ => {
                    self.template.push_str(variable.text());
                    replaced = (kept == 0).then_some((place, variable));
                }
            }
        }
        self.context = Context::default();
    }
}

/// How many bytes of a part of a token are kept, what stands for those behind them, and how many are read in all.
fn part_of(segment: &str, rest: &[u8], ending: bool) -> (usize, Option<Variable>, usize) {
    let length = segment.len();
    let numbers = rest.get(length) == Some(&b'-') && rest.get(length + 1).is_some_and(u8::is_ascii_digit);
    if numbers && words::is_code_prefix(segment) {
        let code = length + 1 + rest[length + 1..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        return (code, None, code);
    }
    if let Some(length) = shapes::uuid(rest) {
        return (0, Some(Variable::Uuid), length);
    }
    let fraction = rest.get(length) == Some(&b'.') && rest.get(length + 1).is_some_and(u8::is_ascii_digit);
    if words::keeps_digits(segment) && !fraction {
        return (length, None, length);
    }
    match shapes::shape(segment, ending) {
        Shape::Word => (length, None, length),
        Shape::Digits => (0, Some(Variable::Number), shapes::number(rest).max(length)),
        Shape::Numbered(start) => (start, Some(Variable::Number), start + shapes::number(&rest[start..])),
        Shape::Id => (0, Some(Variable::Id), length),
        Shape::Digest => (0, Some(Variable::Digest), length),
    }
}
