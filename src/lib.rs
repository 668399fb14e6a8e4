//! The native half of `django-job-retry`: what kind of failure an error text is, whether and when a job runs again.
//!
//! The crate knows nothing of Python. [`rules`] matches error texts against lists of patterns, [`packs`] against what is
//! known of the errors of many systems; [`batch`] shares many of them out to the processors; [`fingerprint`] tells which
//! texts speak of the same cause; [`strategy`] computes delays, [`error_text`] makes texts safe to store; [`patterns`] and
//! [`presets`] are the shipped data. The module `python`, behind the feature of that name, converts between these and
//! Python objects and decides nothing.

pub mod batch;
pub mod error;
pub mod error_text;
pub mod fingerprint;
pub mod packs;
pub mod patterns;
pub mod presets;
#[cfg(feature = "python")]
mod python;
pub mod rules;
pub mod strategy;
