//! Which lines of a text say what the cause is, and which only where and how often it was met.

use super::scanner::scan;
use std::collections::HashSet;

/// What a line begins with, after blanks, that is left out.
const LEFT_OUT: &[(&str, &str)] = &[
    ("File \"", "a frame of a Python traceback"),
    ("DETAIL:", "PostgreSQL: the values of the row"),
    ("HINT:", "PostgreSQL: advice"),
    ("CONTEXT:", "PostgreSQL: where in a function"),
    ("STATEMENT:", "PostgreSQL: the statement, in its log"),
    ("QUERY:", "PostgreSQL: the statement inside a function"),
    ("LOCATION:", "PostgreSQL: where in its own source"),
    ("LINE ", "PostgreSQL: the line of the statement"),
    ("note: run with `RUST_BACKTRACE", "Rust: advice"),
    ("During handling of the above exception", "Python: between two tracebacks"),
    ("The above exception was the direct cause", "Python: between two tracebacks"),
    ("... ", "Java: frames that two stacks share"),
];

/// What frames of JavaScript and Java begin with, indented.
const FRAME: &str = "at ";

const TRACEBACK: &str = "Traceback (most recent call last):";

/// What is behind such a line says what else went on, not why.
const ENDS: &[(&str, &str)] =
    &[("goroutine ", "Go: what each goroutine was doing"), ("stack backtrace:", "Rust: frames")];

/// How lines that number attempts read in a template, in lower case: only the last of them says why it was given up.
const ATTEMPTS: &[&str] = &[
    "attempt <number>",
    "attempt #<number>",
    "attempt: <number>",
    "<number> attempts",
    "retry <number>",
    "retry #<number>",
    "retrying in <",
    "try <number>",
    "<number> retries",
];

/// Return the template of a text: its telling lines, each once.
pub(super) fn template(text: &str) -> String {
    let mut lines: Vec<String> = Vec::new();
    let mut attempt: Option<usize> = None;
    let telling = telling_lines(text);
    if let [line] = telling[..] {
        return scan(line);
    }
    for line in telling {
        let scanned = scan(line);
        if numbers_attempts(&scanned) {
            if let Some(earlier) = attempt.replace(lines.len()) {
                lines[earlier].clear();
            }
        }
        lines.push(scanned);
    }
    let mut seen = HashSet::new();
    let once: Vec<&str> =
        lines.iter().map(String::as_str).filter(|line| !line.is_empty() && seen.insert(*line)).collect();
    once.join("\n")
}

/// The lines that say something of the cause, of those from the last traceback on; all of them where none does.
fn telling_lines(text: &str) -> Vec<&str> {
    let mut telling = Vec::new();
    let mut in_traceback = false;
    for line in text.lines() {
        let trimmed = line.trim();
        if trimmed.ends_with(TRACEBACK) {
            telling.clear();
            in_traceback = true;
            continue;
        }
        let indented = line.starts_with([' ', '\t']);
        in_traceback &= indented || trimmed.is_empty();
        if ENDS.iter().any(|(end, _)| trimmed.starts_with(end) && trimmed.ends_with(':')) {
            break;
        }
        if !in_traceback && !says_nothing(trimmed, indented) {
            telling.push(trimmed);
        }
    }
    if telling.is_empty() {
        telling.extend(text.lines().map(str::trim).filter(|line| !line.is_empty()));
    }
    telling
}

fn says_nothing(trimmed: &str, indented: bool) -> bool {
    (indented && trimmed.starts_with(FRAME))
        || LEFT_OUT.iter().any(|(begin, _)| trimmed.starts_with(begin))
        || !trimmed.chars().any(char::is_alphanumeric)
}

fn numbers_attempts(line: &str) -> bool {
    // Most lines have neither word.
    let may = line.contains("<number>") || line.contains("etrying in <");
    may && {
        let lowered = line.to_ascii_lowercase();
        ATTEMPTS.iter().any(|marker| lowered.contains(marker))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_telling_lines_are_left() {
        let table = [
            ("one line", "one line"),
            ("first\r\n\n  second  \n-----\n", "first\nsecond"),
            ("same 1\nsame 2\nother", "same <number>\nother"),
            (
                "before\nTraceback (most recent call last):\n  File \"x.py\", line 1, in f\n    g()\n    ^^^\nKeyError: 'x'",
                "KeyError: <quoted>",
            ),
            (
                "Traceback (most recent call last):\n  f()\nA: 1\n\nDuring handling of the above exception, another exception \
                 occurred:\n\nTraceback (most recent call last):\n  g()\nB: failed\nwith more",
                "B: failed\nwith more",
            ),
            ("Error: x\n    at run (a.js:1:2)\n    at node:net:12", "Error: x"),
            ("panic: oops\n\ngoroutine 1 [running]:\nmain.main()\n", "panic: oops"),
            ("ERROR:  no\nLINE 1: select\nDETAIL:  Key (id)=(1)", "ERROR: no"),
            ("attempt 1: refused\nattempt 2: timed out\nattempt 3: reset", "attempt <number>: reset"),
            ("at noon it failed", "at noon it failed"),
            ("\n-- \n", "--"),
            ("", ""),
            ("Traceback (most recent call last):\n  File \"x\"", "Traceback (most recent call last):\nFile <quoted>"),
        ];
        for (text, expected) in table {
            assert_eq!(template(text), expected, "{text}");
        }
    }

    #[test]
    fn every_row_says_why() {
        assert!(LEFT_OUT.iter().chain(ENDS).all(|(_, reason)| !reason.is_empty()));
    }
}
