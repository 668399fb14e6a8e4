//! What is wrong with rules that can be used.

use super::engine::{Depth, Engine};
use super::pattern::Pattern;
use super::rule::{Example, Pack, Rule};

/// What is wrong with a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Its full id.
    pub rule: String,
    /// The kind of problem.
    pub kind: ProblemKind,
    /// What is wrong, and what would do.
    pub message: String,
}

/// The kinds of problems.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProblemKind {
    /// It cannot be used: something in it is no pattern, no code, no key.
    Invalid,
    /// Nothing shows what it is for.
    NoExample,
    /// Another rule, or none, decides its own example.
    Example,
    /// It decides what it must not.
    Counterexample,
    /// Another rule decides whatever it matches.
    Hidden,
}

impl ProblemKind {
    /// Each kind under its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Invalid => "invalid",
            Self::NoExample => "no-example",
            Self::Example => "example",
            Self::Counterexample => "counterexample",
            Self::Hidden => "hidden",
        }
    }
}

/// Return what is wrong with the rules of one of the packs of `engine`, in their order.
#[must_use]
pub fn check(engine: &Engine, pack: &str) -> Vec<Problem> {
    let rules: Vec<(usize, &Pack, &Rule)> = engine.rules().collect();
    let mut problems = Vec::new();
    for (number, own_pack, rule) in rules.iter().filter(|(_, own_pack, _)| own_pack.name == pack) {
        let mut add = |kind, message: String| {
            problems.push(Problem { rule: own_pack.full_id(rule), kind, message });
        };
        if rule.examples.is_empty() {
            add(ProblemKind::NoExample, String::from("it has no example; give it one that it decides"));
        }
        for example in &rule.examples {
            let decisive = decisive(engine, example);
            if decisive != Some(*number) {
                let by = decisive.map_or_else(
                    || String::from("no rule decides"),
                    |other| format!("{} decides", name(engine, other)),
                );
                let way_out = "change its patterns or its strength, or the example";
                add(ProblemKind::Example, format!("{by} its example {}; {way_out}", shown(example)));
            }
        }
        for example in &rule.counterexamples {
            if decisive(engine, example) == Some(*number) {
                let way_out = "narrow its patterns, or add what tells them apart under `unless`";
                add(
                    ProblemKind::Counterexample,
                    format!("it decides its counterexample {}; {way_out}", shown(example)),
                );
            }
        }
        let before = |other: usize| engine.comes_before(other, *number);
        if let Some((other, ..)) = rules.iter().find(|(other, _, candidate)| before(*other) && hides(candidate, rule)) {
            let message = format!("{} decides whatever it matches; leave one of them out", name(engine, *other));
            add(ProblemKind::Hidden, message);
        }
    }
    problems
}

fn decisive(engine: &Engine, example: &Example) -> Option<usize> {
    engine.assess(&example.evidence(), Depth::Decision).hits.first().map(|hit| hit.rule)
}

fn name(engine: &Engine, number: usize) -> String {
    let (pack, rule) = engine.rule(number);
    pack.full_id(rule)
}

/// Most characters of an example that are shown.
const SHOWN_CHARACTERS: usize = 100;

fn shown(example: &Example) -> String {
    let mut parts: Vec<String> = example.exception.iter().take(1).cloned().collect();
    parts.extend(example.codes.iter().map(|code| code.written.clone()));
    if !example.message.is_empty() {
        let shortened: String = example.message.chars().take(SHOWN_CHARACTERS).collect();
        let more = if shortened.len() < example.message.len() { "..." } else { "" };
        parts.push(format!("{shortened:?}{more}"));
    }
    parts.join(", ")
}

/// Whether `first`, which comes before `second`, matches whatever `second` does.
fn hides(first: &Rule, second: &Rule) -> bool {
    // Of equals the later or longer match decides, so only the same one always does.
    let implied = |pattern: &Pattern| {
        first.message.iter().any(|other| {
            other.text() == pattern.text()
                || (first.strength < second.strength && other.is_literal() && contains_always(pattern, other))
        })
    };
    first.also.is_empty()
        && first.unless.is_empty()
        && second.message.iter().all(implied)
        && second.exception.iter().all(|class| first.exception.contains(class))
        && second.codes.iter().all(|code| first.codes.iter().any(|other| other.code == code.code))
}

/// Whether every match of `pattern` contains `literal`, as far as its own literals tell.
fn contains_always(pattern: &Pattern, literal: &Pattern) -> bool {
    let within = |text: &[u8], part: &[u8]| text.windows(part.len()).any(|window| window == part);
    pattern.literals().iter().all(|text| within(text, &literal.literals()[0]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packs::source::read_pack;
    use crate::packs::{names, pack};
    use std::sync::Arc;

    fn problems(source: &str) -> Vec<(String, ProblemKind)> {
        let engine = Engine::new(Some(Arc::new(read_pack("project", source).unwrap())), []);
        check(&engine, "project").into_iter().map(|problem| (problem.rule, problem.kind)).collect()
    }

    const SOUND: &str = r#"
        title = "Project"
        about = "Rules of a test."
        [[rule]]
        id = "gone"
        verdict = "permanent"
        why = "it is gone"
        message = "widget (?:gone|lost)"
        examples = ["the widget gone", "Widget lost"]
        counterexamples = ["widget late"]
    "#;

    #[test]
    fn sound_rules_have_no_problems() {
        assert_eq!(problems(SOUND), []);
    }

    #[test]
    fn each_kind_of_problem_is_found() {
        let table = [
            ("message = \"other\"", ProblemKind::NoExample),
            ("message = \"other\"\nexamples = [\"the widget gone\"]", ProblemKind::Example),
            ("message = \"other\"\nexamples = [\"no such text\"]", ProblemKind::Example),
            (
                "message = \"other\"\nexamples = [\"other\"]\ncounterexamples = [\"other day\"]",
                ProblemKind::Counterexample,
            ),
            ("message = \"widget (?:gone|lost)\"\nexamples = [\"x\"]", ProblemKind::Hidden),
        ];
        for (rest, kind) in table {
            let rule = format!("[[rule]]\nid = \"added\"\nverdict = \"transient\"\nwhy = \"for a test\"\n{rest}");
            let found = problems(&format!("{SOUND}\n{rule}"));
            assert!(found.contains(&(String::from("project/added"), kind)), "{rest}: {found:?}");
        }
    }

    #[test]
    fn a_rule_is_hidden_by_a_stronger_one_with_a_part_of_its_literals_and_all_its_codes() {
        let rule = |id: &str, strength: &str, rest: &str| {
            format!(
                "[[rule]]\nid = \"{id}\"\nverdict = \"transient\"\nwhy = \"for a test\"\nstrength = \"{strength}\"\n{rest}\n"
            )
        };
        let hidden = |first: &str, second: &str| {
            let rules = [rule("first", "cause", first), rule("second", "symptom", second)].concat();
            let found = problems(&format!("title = \"x\"\nabout = \"x\"\n{rules}"));
            found.contains(&(String::from("project/second"), ProblemKind::Hidden))
        };
        assert!(hidden("message = \"disk full\"", "message = \"the disk full of it\""));
        assert!(hidden("errno = [\"EPIPE\", \"EIO\"]", "errno = \"EIO\""));
        assert!(!hidden("errno = \"EPIPE\"", "errno = [\"EPIPE\", \"EIO\"]"));
        assert!(!hidden("message = \"disk full\"\nunless = \"tape\"", "message = \"the disk full of it\""));
        assert!(!hidden("message = \"disk full\"", "message = [\"the disk full of it\", \"no space\"]"));
        assert!(!hidden("message = \"disk full\"", "message = \"the disk full of it\"\nexception = \"a.Full\""));
    }

    #[test]
    fn shipped_rules_have_no_problems() {
        let engine = Engine::new(None, names().map(|name| Arc::clone(pack(name).unwrap())));
        let problems: Vec<String> = names()
            .flat_map(|name| check(&engine, name))
            .map(|problem| format!("{}: {}", problem.rule, problem.message))
            .collect();
        assert!(problems.is_empty(), "{} problems\n{}", problems.len(), problems.join("\n"));
    }
}
