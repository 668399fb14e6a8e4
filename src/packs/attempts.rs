//! Telling a log of retries, in which the last line that says anything decides.

use super::pattern::Pattern;
use once_cell::sync::OnceCell;

/// How logs number attempts, and why such a text is no message of one failure.
const MARKERS: &[(&str, &str)] = &[
    (r"attempt[ #:=(]*\d", "attempt 2, attempt #2"),
    (r"\d attempt", "after 3 attempts"),
    (r"retry(?:ing)?[ #:=(]*\d", "retry 3/5, retrying (2)"),
    (r"\btry #?\d", "try 2 of 3"),
    (r"\d retries", "curl: will retry in 1 seconds. 3 retries left"),
    ("retrying", "connection failed, retrying"),
];

/// The patterns, compiled.
pub(super) fn markers() -> &'static [Pattern] {
    static PATTERNS: OnceCell<Vec<Pattern>> = OnceCell::new();
    PATTERNS.get_or_init(|| MARKERS.iter().filter_map(|(pattern, _)| Pattern::new(pattern).ok()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_marker_is_a_pattern_and_says_where_it_stands() {
        assert_eq!(markers().len(), MARKERS.len());
        assert!(MARKERS.iter().all(|(_, reason)| !reason.is_empty()));
    }
}
