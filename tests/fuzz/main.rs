//! Random rules, messages and texts against what the core promises, restated plainly.
//!
//! `cargo test` tries each target a few times, always with the same cases; `make fuzz` for as long as it is told, with a
//! seed that it prints. What it finds becomes a row of [`REGRESSIONS`].

mod cases;
mod oracle;
mod runner;
mod targets;

use crate::runner::{Case, Target, try_all, try_target};
use crate::targets::TARGETS;
use std::time::Duration;

/// What was found once: target, patterns, message.
const REGRESSIONS: &[(&str, &[&str], &[u8])] = &[
    ("lists", &["aba.*aba"], b"ababa"),
    ("lists", &["k.*i"], b"\xe2\x84\xaa \xc4\xb0"),
    ("rules", &["\0{2}\0"], b"  full"),
    ("fingerprints", &[], b"::171https://host"),
];

#[test]
fn what_was_found_once_stays_mended() {
    for (name, patterns, message) in REGRESSIONS {
        let target = TARGETS.iter().find(|target| target.name == *name).unwrap();
        let case = Case { patterns: patterns.iter().map(ToString::to_string).collect(), message: message.to_vec() };
        assert_eq!((target.check)(&case), Ok(()), "{name}: {case:?}");
    }
}

#[test]
fn no_target_finds_anything() {
    let number = |name| std::env::var(name).ok().map(|value| value.parse::<u64>().unwrap());
    let time = Duration::from_secs(number("FUZZ_SECONDS").unwrap_or(0));
    let report = try_all(TARGETS, number("FUZZ_SEED").unwrap_or(7), time);
    // Of a passing test nobody sees what it prints, but for `make fuzz`.
    if let Some(path) = std::env::var_os("FUZZ_REPORT") {
        std::fs::write(path, format!("{report}\n")).unwrap();
    }
    assert!(report.findings.is_empty(), "{report}");
}

/// A promise that nobody keeps: gaps cross no line, whatever this says.
fn gaps_cross_lines(case: &Case) -> Result<(), String> {
    let lowered = oracle::lower(&case.message);
    let one_line: Vec<u8> = lowered.iter().map(|byte| if *byte == b'\n' { b' ' } else { *byte }).collect();
    let differs = |pattern: &&String| oracle::stands_in(pattern, &lowered) != oracle::stands_in(pattern, &one_line);
    case.patterns.iter().find(differs).map_or(Ok(()), |pattern| Err(format!("{pattern} stands on two lines")))
}

fn panics_at_nul(case: &Case) -> Result<(), String> {
    case.message.iter().try_for_each(|byte| if *byte == 0 { panic!("a NUL") } else { Ok(()) })
}

#[test]
fn a_promise_that_is_not_kept_is_reported_with_a_row_for_the_table() {
    let wrong = [
        Target { name: "wrong", cases: cases::literal_lists, check: gaps_cross_lines },
        Target { name: "panicking", cases: cases::messages, check: panics_at_nul },
    ];
    let report = try_all(&wrong, 1, Duration::from_secs(3600));
    assert_eq!(report.findings.len(), 2, "{report}");
    let [difference, panic] = &report.findings[..] else { panic!("{report}") };
    assert!(difference.reason.ends_with("stands on two lines"));
    assert_eq!(difference.case.message.split(|byte| *byte == b'\n').count(), 2, "{difference}");
    assert!(difference.to_string().contains(r#"row for REGRESSIONS: ("wrong", &[""#), "{difference}");
    assert!((wrong[0].check)(&difference.case).is_err());
    assert_eq!(panic.case, Case { patterns: Vec::new(), message: vec![0] }, "{panic}");
    assert!(panic.to_string().ends_with(r#"row for REGRESSIONS: ("panicking", &[], b"\x00"),"#), "{panic}");
}

#[test]
fn one_seed_tries_the_same_cases() {
    fn finding(seed: u64) -> Option<Case> {
        let target = Target { name: "wrong", cases: cases::literal_lists, check: gaps_cross_lines };
        (0..50).find_map(|round| try_target(&target, &(target.cases)(), seed + round).err()).map(|found| found.case)
    }
    assert!(finding(3).is_some());
    assert_eq!(finding(3), finding(3));
}
