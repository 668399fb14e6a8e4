//! Deciding over an exception and those behind it.

use super::evidence::Evidence;
use super::rule::Verdict;

/// An exception and those behind it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Failure {
    /// What is known of the exception itself.
    pub evidence: Evidence<'static>,
    /// The exceptions that it groups.
    pub members: Vec<Failure>,
    /// The one that it was raised from.
    pub cause: Option<Box<Failure>>,
    /// The one that was being handled when it was raised; None where that is suppressed.
    pub context: Option<Box<Failure>>,
}

/// What is decided over one piece of evidence.
pub trait Decision {
    /// The verdict.
    fn verdict(&self) -> Verdict;

    /// Whether a rule decided; otherwise the verdict is unknown for want of one.
    fn is_reasoned(&self) -> bool;
}

/// Return the decision over `failure`, and the evidence it was taken over. `judge` decides over one piece of evidence.
///
/// The outermost exception with a verdict other than unknown decides, then the one it was raised from, then the one
/// that was being handled. A group is permanent if any member is, else transient if any is; its own text counts where
/// its members tell nothing. Where all is unknown, an exception that a rule calls so stands before one without a rule.
pub fn decide<'f, D: Decision>(
    failure: &'f Failure,
    judge: &mut impl FnMut(&'f Evidence<'static>) -> D,
) -> (&'f Evidence<'static>, D) {
    let group = decide_group(&failure.members, judge);
    let mut best = match group {
        Some(known) if rank(&known.1) >= Rank::Transient => return known,
        Some(group) => better((&failure.evidence, judge(&failure.evidence)), group),
        None => (&failure.evidence, judge(&failure.evidence)),
    };
    for behind in [&failure.cause, &failure.context].into_iter().flatten() {
        if rank(&best.1) >= Rank::Transient {
            break;
        }
        best = better(best, decide(behind, judge));
    }
    best
}

fn decide_group<'f, D: Decision>(
    members: &'f [Failure],
    judge: &mut impl FnMut(&'f Evidence<'static>) -> D,
) -> Option<(&'f Evidence<'static>, D)> {
    members.iter().map(|member| decide(member, judge)).reduce(better)
}

/// How much a decision counts beside those of the same group.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    NoRule,
    Unknown,
    Transient,
    Permanent,
}

fn rank(decision: &impl Decision) -> Rank {
    match decision.verdict() {
        Verdict::Permanent => Rank::Permanent,
        Verdict::Transient => Rank::Transient,
        Verdict::Unknown if decision.is_reasoned() => Rank::Unknown,
        Verdict::Unknown => Rank::NoRule,
    }
}

/// The one of the higher rank; of two equals the first.
fn better<E, D: Decision>(first: (E, D), second: (E, D)) -> (E, D) {
    if rank(&second.1) > rank(&first.1) { second } else { first }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::borrow::Cow;

    /// A decision that the text of the evidence names.
    impl Decision for &str {
        fn verdict(&self) -> Verdict {
            match *self {
                "transient" => Verdict::Transient,
                "permanent" => Verdict::Permanent,
                _ => Verdict::Unknown,
            }
        }

        fn is_reasoned(&self) -> bool {
            *self != "no rule"
        }
    }

    fn failure(text: &'static str) -> Failure {
        let evidence = Evidence { text: Cow::Borrowed(text.as_bytes()), ..Evidence::default() };
        Failure { evidence, ..Failure::default() }
    }

    fn chained(text: &'static str, cause: Option<Failure>, context: Option<Failure>) -> Failure {
        Failure { cause: cause.map(Box::new), context: context.map(Box::new), ..failure(text) }
    }

    fn group(text: &'static str, members: Vec<Failure>) -> Failure {
        Failure { members, ..failure(text) }
    }

    /// The decision over a failure, and how many judgements it took.
    fn decided(failure: &Failure) -> (&str, usize) {
        let mut judged = 0;
        let (evidence, decision) = decide(failure, &mut |evidence| {
            judged += 1;
            std::str::from_utf8(&evidence.text).unwrap()
        });
        assert_eq!(evidence.text, decision.as_bytes());
        (decision, judged)
    }

    #[test]
    fn the_outermost_that_knows_decides_then_its_cause_then_its_context() {
        let table = [
            (failure("no rule"), "no rule"),
            (failure("permanent"), "permanent"),
            (chained("transient", Some(failure("permanent")), None), "transient"),
            (chained("no rule", Some(failure("permanent")), Some(failure("transient"))), "permanent"),
            (chained("unknown", Some(failure("no rule")), Some(failure("transient"))), "transient"),
            (chained("no rule", Some(chained("no rule", None, Some(failure("permanent")))), None), "permanent"),
            (chained("no rule", Some(failure("unknown")), None), "unknown"),
            (chained("unknown", Some(failure("no rule")), None), "unknown"),
        ];
        for (failure, expected) in &table {
            assert_eq!(decided(failure).0, *expected, "{failure:?}");
        }
    }

    #[test]
    fn a_group_is_permanent_if_any_member_is_else_transient_if_any_is() {
        let behind = chained("no rule", None, Some(failure("permanent")));
        let table = [
            (group("no rule", vec![failure("transient"), failure("permanent"), failure("no rule")]), "permanent"),
            (group("permanent", vec![failure("no rule"), failure("transient")]), "transient"),
            (group("no rule", vec![failure("transient"), behind.clone()]), "permanent"),
            (group("no rule", vec![failure("transient"), group("transient", vec![behind])]), "permanent"),
            (group("permanent", vec![failure("no rule"), failure("unknown")]), "permanent"),
            (group("no rule", vec![failure("no rule"), failure("unknown")]), "unknown"),
        ];
        for (failure, expected) in &table {
            assert_eq!(decided(failure).0, *expected, "{failure:?}");
        }
        let wrapped = chained("no rule", Some(group("no rule", vec![failure("permanent")])), None);
        assert_eq!(decided(&wrapped).0, "permanent");
    }

    #[test]
    fn nothing_behind_a_decision_is_looked_at() {
        let failure = chained("transient", Some(failure("permanent")), Some(failure("permanent")));
        assert_eq!(decided(&failure), ("transient", 1));
    }

    fn failures() -> impl Strategy<Value = Failure> {
        let leaf =
            prop_oneof![Just("transient"), Just("permanent"), Just("unknown"), Just("no rule")].prop_map(failure);
        leaf.prop_recursive(4, 30, 3, |inner| {
            let link = || proptest::option::of(inner.clone().prop_map(Box::new));
            (inner.clone(), proptest::collection::vec(inner.clone(), 0..3), link(), link())
                .prop_map(|(own, members, cause, context)| Failure { evidence: own.evidence, members, cause, context })
        })
    }

    fn texts(failure: &Failure) -> Vec<&[u8]> {
        let behind = failure.members.iter().chain(failure.cause.as_deref()).chain(failure.context.as_deref());
        std::iter::once(&*failure.evidence.text).chain(behind.flat_map(texts)).collect()
    }

    proptest! {
        #[test]
        fn a_verdict_is_unknown_only_where_none_is_known(failure in failures()) {
            let texts = texts(&failure);
            let known = |text: &&[u8]| [&b"transient"[..], b"permanent"].contains(text);
            let (decision, judged) = decided(&failure);
            prop_assert_eq!(known(&decision.as_bytes()), texts.iter().any(known));
            prop_assert_eq!(decision == "no rule", texts.iter().all(|text| *text == b"no rule"));
            prop_assert!(judged <= texts.len());
        }
    }
}
