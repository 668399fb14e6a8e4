//! Rules and packs, read and checked.

use super::codes::{Code, CodeKind};
use super::evidence::Evidence;
use super::pattern::Pattern;
use std::borrow::Cow;

/// What a rule says of an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// Another attempt may succeed with nobody changing anything.
    Transient,
    /// The same job fails again until somebody changes something.
    Permanent,
    /// The evidence cannot tell.
    Unknown,
}

/// How much a rule knows of what went wrong. The strongest rule that matches decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Strength {
    /// Settles the matter whatever else the text says.
    Decisive,
    /// Names the root cause.
    Cause,
    /// A precise code.
    Code,
    /// A broad code: an HTTP status, an exit code.
    Status,
    /// What was noticed, not why.
    Symptom,
    /// The type of the exception alone.
    Class,
    /// General English of errors.
    Hint,
}

impl Verdict {
    /// Each verdict under its name.
    pub const NAMES: [(&'static str, Self); 3] =
        [("transient", Self::Transient), ("permanent", Self::Permanent), ("unknown", Self::Unknown)];

    /// The name as rules write it.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::NAMES[self as usize].0
    }
}

impl Strength {
    /// Each strength under its name, the strongest first.
    pub const NAMES: [(&'static str, Self); 7] = [
        ("decisive", Self::Decisive),
        ("cause", Self::Cause),
        ("code", Self::Code),
        ("status", Self::Status),
        ("symptom", Self::Symptom),
        ("class", Self::Class),
        ("hint", Self::Hint),
    ];

    /// What a rule of this strength knows, in words.
    #[must_use]
    pub fn in_words(self) -> &'static str {
        match self {
            Self::Decisive => "what settles the matter",
            Self::Cause => "a root cause",
            Self::Code => "a precise code",
            Self::Status => "a broad code",
            Self::Symptom => "a symptom",
            Self::Class => "the class of an exception",
            Self::Hint => "general English",
        }
    }

    /// The name as rules write it.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::NAMES[self as usize].0
    }
}

/// The keys of a rule that name codes, and the kind of each.
pub const CODE_KEYS: [(&str, CodeKind); 7] = [
    ("errno", CodeKind::Errno),
    ("sqlstate", CodeKind::Sqlstate),
    ("http_status", CodeKind::HttpStatus),
    ("grpc", CodeKind::Grpc),
    ("exit_code", CodeKind::ExitCode),
    ("signal", CodeKind::Signal),
    ("code", CodeKind::Provider),
];

/// A code as a rule writes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrittenCode {
    /// As it is written.
    pub written: String,
    /// In its canonical form.
    pub code: Code,
}

/// A cause of failure: how it is recognised, a verdict, why.
#[derive(Debug)]
pub struct Rule {
    /// Name within its pack, in kebab-case.
    pub id: String,
    /// What it says.
    pub verdict: Verdict,
    /// Why another attempt may or cannot succeed.
    pub why: String,
    /// How much it knows.
    pub strength: Strength,
    /// Patterns of the text; one is enough.
    pub message: Vec<Pattern>,
    /// Names of its exceptions and codes that stand for themselves in a text; one is enough.
    pub words: Vec<Pattern>,
    /// Patterns that have to be found beside whatever else is.
    pub also: Vec<Pattern>,
    /// Patterns that must not be found.
    pub unless: Vec<Pattern>,
    /// Dotted names of exception classes; one, as the class itself or as a base, is enough.
    pub exception: Vec<String>,
    /// Codes; one is enough.
    pub codes: Vec<WrittenCode>,
    /// Evidence that it has to decide.
    pub examples: Vec<Example>,
    /// Evidence that it must not decide.
    pub counterexamples: Vec<Example>,
}

impl Rule {
    /// The codes of one kind as they are written.
    pub fn written(&self, kind: CodeKind) -> impl Iterator<Item = &str> {
        self.codes.iter().filter(move |code| code.code.kind == kind).map(|code| code.written.as_str())
    }
}

/// Evidence that shows what a rule decides.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Example {
    /// The text.
    pub message: String,
    /// Dotted names of the exception's class and of its bases.
    pub exception: Vec<String>,
    /// Codes the exception holds.
    pub codes: Vec<WrittenCode>,
}

impl Example {
    /// The same as evidence.
    #[must_use]
    pub fn evidence(&self) -> Evidence<'_> {
        Evidence {
            text: Cow::Borrowed(self.message.as_bytes()),
            classes: self.exception.clone(),
            codes: self.codes.iter().map(|code| code.code.clone()).collect(),
        }
    }
}

/// Text that is never evidence: advice, boilerplate, frames of tracebacks.
#[derive(Debug)]
pub struct Noise {
    /// What it looks like.
    pub pattern: Pattern,
    /// Why it says nothing of the cause.
    pub why: String,
    /// A text in which it stands.
    pub example: String,
}

/// The rules of one system.
#[derive(Debug)]
pub struct Pack {
    /// Its name.
    pub name: String,
    /// What people call the system.
    pub title: String,
    /// What of it the pack knows.
    pub about: String,
    /// Its rules.
    pub rules: Vec<Rule>,
    /// Its noise.
    pub noise: Vec<Noise>,
}

impl Pack {
    /// The name by which one of its rules is known among those of all packs.
    #[must_use]
    pub fn full_id(&self, rule: &Rule) -> String {
        format!("{}/{}", self.name, rule.id)
    }
}
