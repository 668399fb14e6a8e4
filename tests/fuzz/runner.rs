//! Trying targets with random cases, and saying what was found.

use proptest::strategy::BoxedStrategy;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};
use std::fmt;
use std::time::{Duration, Instant};

/// What a target is tried with.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Case {
    /// Patterns of rules or lists; none where the target has its own.
    pub patterns: Vec<String>,
    /// The message, in UTF-8 in which lone surrogates may stand.
    pub message: Vec<u8>,
}

/// As the fields of a row of `REGRESSIONS`.
impl fmt::Debug for Case {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "&{:?}, b\"{}\"", self.patterns, self.message.escape_ascii())
    }
}

/// A promise, and how to find out whether it is kept.
pub(crate) struct Target {
    /// What it is about.
    pub name: &'static str,
    /// The cases that it is tried with.
    pub cases: fn() -> BoxedStrategy<Case>,
    /// Tells what is wrong.
    pub check: fn(&Case) -> Result<(), String>,
}

/// A case in which a promise is broken, as small as it could be made.
#[derive(Debug)]
pub(crate) struct Finding {
    /// The target's name.
    pub target: &'static str,
    /// What is wrong.
    pub reason: String,
    /// The case.
    pub case: Case,
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { target, reason, case } = self;
        write!(formatter, "{target}: {reason}\n    row for REGRESSIONS: ({target:?}, {case:?}),")
    }
}

/// Cases that a target is tried with before it is another's turn.
const CASES: u32 = 128;

/// Try a target with the cases of one seed.
pub(crate) fn try_target(target: &Target, cases: &BoxedStrategy<Case>, seed: u64) -> Result<(), Finding> {
    let config = Config { cases: CASES, failure_persistence: None, ..Config::default() };
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes));
    let tried = runner.run(cases, |case| (target.check)(&case).map_err(TestCaseError::fail));
    tried.map_err(|error| match error {
        TestError::Fail(reason, case) => Finding { target: target.name, reason: reason.message().to_owned(), case },
        TestError::Abort(reason) => panic!("{} cannot be tried: {reason}", target.name),
    })
}

/// What came of trying all targets.
pub(crate) struct Report {
    /// How often each was tried.
    pub rounds: u64,
    /// At most one of each target.
    pub findings: Vec<Finding>,
}

impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} rounds of {CASES} cases, {} findings", self.rounds, self.findings.len())?;
        self.findings.iter().try_for_each(|finding| write!(formatter, "\n  {finding}"))
    }
}

/// Try the targets in turn for so long, and at least once each. The same seed tries the same cases.
pub(crate) fn try_all(targets: &[Target], seed: u64, time: Duration) -> Report {
    let until = Instant::now() + time;
    let mut report = Report { rounds: 0, findings: Vec::new() };
    let mut tried: Vec<_> = targets.iter().map(|target| (target, (target.cases)())).collect();
    while report.rounds == 0 || (Instant::now() < until && !tried.is_empty()) {
        let seed = seed.wrapping_add(report.rounds);
        tried.retain(|(target, cases)| match try_target(target, cases, seed) {
            Ok(()) => true,
            Err(finding) => {
                report.findings.push(finding);
                false
            }
        });
        report.rounds += 1;
    }
    report
}
