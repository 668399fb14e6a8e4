//! Matching a message against an ordered list of patterns.
//!
//! [`parse`] reads what a pattern of Python's `re` means where that can be said with literals alone; [`RuleSet`]
//! searches all rules at once. A rule that needs a regular-expression engine is *foreign*: the caller runs it, at its
//! place in the list, and only where the literal it requires stands in the message.

mod anchors;
mod engine;
#[cfg(target_arch = "x86_64")]
mod grams;
mod lowercase;
#[cfg(target_arch = "x86_64")]
mod nibbles;
mod pattern;

pub use engine::{Message, RuleSet};
pub use pattern::{Rule, parse};
