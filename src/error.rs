//! The one error type of the crate.

use crate::fingerprint;
use crate::packs;
use std::fmt;

/// What can be wrong with the values a program hands in.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Error {
    /// A parameter of a strategy is out of range.
    Parameter {
        /// Name of the parameter.
        name: &'static str,
        /// The value, as text.
        value: String,
        /// What would be allowed.
        allowed: &'static str,
    },
    /// A strategy has more attempts than a list of its delays may have entries.
    ScheduleTooLong {
        /// The strategy's attempts.
        max_attempts: i64,
        /// The most that can be listed.
        limit: i64,
    },
    /// A pattern for masking secrets cannot be compiled.
    MaskPattern {
        /// The pattern.
        pattern: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A rule cannot be used.
    Rule {
        /// Its full name, or its place where it has none.
        rule: String,
        /// The key that is wrong.
        key: String,
        /// The value, as text.
        value: String,
        /// What is wrong with it, and what would do.
        reason: String,
    },
    /// A pack cannot be read.
    Pack {
        /// Its name.
        pack: String,
        /// What is wrong with it.
        reason: String,
    },
    /// There is no pack of this name.
    UnknownPack {
        /// The name.
        name: String,
    },
    /// There is no such version of fingerprints.
    FingerprintVersion {
        /// The version, as text.
        version: String,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Parameter { name, value, allowed } => write!(formatter, "{name} must be {allowed}, not {value}"),
            Self::ScheduleTooLong { max_attempts, limit } => write!(
                formatter,
                "max_attempts is {max_attempts}; a schedule of at most {limit} attempts can be listed"
            ),
            Self::MaskPattern { pattern, reason } => {
                write!(formatter, "invalid mask pattern {pattern:?}: {reason}")
            }
            Self::Rule { rule, key, value, reason } => write!(formatter, "rule {rule}: {key} is {value}; {reason}"),
            Self::Pack { pack, reason } => write!(formatter, "rule pack {pack}: {reason}"),
            Self::UnknownPack { name } => {
                let known: Vec<&str> = packs::names().collect();
                write!(formatter, "there is no rule pack {name:?}; the shipped ones are {}", known.join(", "))
            }
            Self::FingerprintVersion { version } => {
                let known: Vec<String> = fingerprint::VERSIONS.iter().map(ToString::to_string).collect();
                write!(formatter, "there is no version {version} of fingerprints; there are {}", known.join(", "))
            }
        }
    }
}

impl std::error::Error for Error {}
