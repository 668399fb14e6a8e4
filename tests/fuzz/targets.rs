//! The promises that are tried.

use crate::cases::{literal_lists, messages, syntax};
use crate::oracle;
use crate::runner::{Case, Target};
use _native::batch;
use _native::error_text::{ErrorTextCleaner, LIMIT_BYTES};
use _native::fingerprint::{TEMPLATE_BYTES, fingerprint};
use _native::packs::chain::{self, Failure};
use _native::packs::engine::{Clue, Depth, Engine, Hit};
use _native::packs::evidence::Evidence;
use _native::packs::explanation::{self, Decider, Entry, Judgement, Lists};
use _native::packs::pattern::Pattern;
use _native::packs::rule::{Pack, Verdict};
use _native::packs::source::{Value, read_rules};
use _native::packs::{names, pack, retry_after};
use _native::patterns::{PERMANENT, TRANSIENT};
use _native::rules::{Message, Rule, RuleSet, parse};
use chrono::{DateTime, Utc};
use std::convert::Infallible;
use std::sync::{Arc, LazyLock};

/// Each with what it promises.
pub(crate) const TARGETS: &[Target] = &[
    // Lists of literals decide as a search for one pattern after the other does.
    Target { name: "lists", cases: literal_lists, check: lists },
    // Whatever stands in a list is compiled, and asked for in its place.
    Target { name: "foreign patterns", cases: syntax, check: foreign_patterns },
    // A pattern of a pack is refused in words, or matches where the regex crate says, and never without its literal.
    Target { name: "pack patterns", cases: syntax, check: pack_patterns },
    // Rules of a program are refused by name, or decide alike at both depths.
    Target { name: "rules", cases: syntax, check: rules },
    // An explanation has the verdict of the decision; a hint that no list matches is right.
    Target { name: "packs", cases: messages, check: packs },
    // Many messages at once are the loop.
    Target { name: "batches", cases: messages, check: batches },
    // A group is permanent if any member is; else the outermost that knows decides.
    Target { name: "chains", cases: messages, check: chains },
    // A cleaned text has no NUL, no secret, and is no longer than it may be.
    Target { name: "cleaning", cases: messages, check: cleaning },
    // A fingerprint is the same each time, bounded, and shows no secret.
    Target { name: "fingerprints", cases: messages, check: fingerprints },
    // A wait is a number of seconds that somebody would wait.
    Target { name: "retry after", cases: messages, check: waits },
];

macro_rules! promise {
    ($condition:expr, $($words:tt)+) => {
        if !$condition {
            return Err(format!($($words)+));
        }
    };
}

fn lists(case: &Case) -> Result<(), String> {
    let rules = RuleSet::new(case.patterns.iter().map(|pattern| Some(pattern.as_str())));
    let lowered = oracle::lower(&case.message);
    let expected = case.patterns.iter().position(|pattern| oracle::stands_in(pattern, &lowered));
    let refuse = |index| Err(format!("pattern {index} counts as foreign"));
    let found = rules.first_match(Message::new(&case.message), refuse)?;
    promise!(found == expected, "pattern {found:?} decides, not {expected:?}");
    for (index, pattern) in case.patterns.iter().enumerate() {
        let Some(span) = rules.find(index, &lowered) else {
            promise!(!oracle::stands_in(pattern, &lowered), "pattern {index} is not found");
            continue;
        };
        promise!(oracle::stands_in(pattern, &lowered[span.clone()]), "pattern {index} is not at {span:?}");
    }
    Ok(())
}

fn foreign_patterns(case: &Case) -> Result<(), String> {
    let rules = RuleSet::new(case.patterns.iter().map(|pattern| Some(pattern.as_str())));
    let foreign: Vec<usize> = rules.foreign().collect();
    let mut asked = Vec::new();
    let ask = |index| {
        asked.push(index);
        Ok::<_, Infallible>(false)
    };
    let lowered = oracle::lower(&case.message);
    let Ok(found) = rules.first_match(Message::new(&case.message), ask);
    let before_found: Vec<usize> = foreign
        .into_iter()
        .take_while(|index| found.is_none_or(|found| *index < found))
        .filter(|index| match parse(&case.patterns[*index]) {
            Rule::Foreign { required: Some(required) } => contains(&lowered, required.as_bytes()),
            _ => true,
        })
        .collect();
    promise!(asked == before_found, "asked for {asked:?}, not for {before_found:?}");
    Ok(())
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    part.is_empty() || text.windows(part.len()).any(|window| window == part)
}

fn pack_patterns(case: &Case) -> Result<(), String> {
    let lowered = case.message.to_ascii_lowercase();
    // A pattern sees a part of a longer line only.
    let lines = || lowered.split(|byte| *byte == b'\n').filter(|line| line.len() < 2000);
    for text in &case.patterns {
        let pattern = match Pattern::new(text) {
            Ok(pattern) => pattern,
            Err(reason) => {
                promise!(!reason.is_empty(), "{text:?} is refused without a word");
                continue;
            }
        };
        let plain = regex::bytes::RegexBuilder::new(text).unicode(false).multi_line(true).build();
        let plain = plain.map_err(|error| format!("{text:?} is accepted: {error}"))?;
        for line in lines() {
            let found = pattern.last_match(line, 0..line.len(), |_| true);
            let expected = plain.is_match(line);
            promise!(found.is_some() == expected, "{text:?} on {line:?}: {found:?}, and not {expected}");
            if let Some(found) = found {
                let has_literal = pattern.literals().iter().any(|literal| contains(&line[found.clone()], literal));
                promise!(has_literal, "{text:?} matches {found:?} without any of its literals");
            }
        }
    }
    Ok(())
}

fn rules(case: &Case) -> Result<(), String> {
    let text = |text: &str| Value::Text(text.to_owned());
    let rule = |(number, pattern): (usize, &String)| {
        let key = if number == 0 { "message" } else { ["message", "also", "unless"][number % 3] };
        let mut table = vec![
            (String::from("id"), text(&format!("rule-{number}"))),
            (String::from("verdict"), text(["transient", "permanent"][number % 2])),
            (String::from("why"), text("for a test")),
            (String::from(key), text(pattern)),
        ];
        if key != "message" {
            table.push((String::from("message"), text("connection")));
        }
        table
    };
    let rules = match read_rules("project", case.patterns.iter().enumerate().map(rule).collect()) {
        Ok(rules) => rules,
        Err(error) => {
            promise!(error.to_string().contains("project/"), "the error does not name the rule: {error}");
            return Ok(());
        }
    };
    let project = Pack {
        name: String::from("project"),
        title: String::from("Project"),
        about: String::from("Rules of a test."),
        rules,
        noise: Vec::new(),
    };
    both_depths(&Engine::new(Some(Arc::new(project)), []), &case.message)
}

fn both_depths(engine: &Engine, message: &[u8]) -> Result<(), String> {
    let evidence = Evidence::of_text(message);
    let [decided, everything] = [Depth::Decision, Depth::Everything].map(|depth| engine.assess(&evidence, depth));
    let first = |hits: &[Hit]| hits.first().cloned();
    let (decided, explained) = (first(&decided.hits), first(&everything.hits));
    promise!(decided == explained, "{decided:?} decides, {explained:?} is explained");
    for hit in &everything.hits {
        if let Clue::Text(span) = &hit.clue {
            promise!(span.start <= span.end && span.end <= message.len(), "a match at {span:?}");
        }
    }
    Ok(())
}

static ENGINE: LazyLock<Engine> =
    LazyLock::new(|| Engine::new(None, names().filter_map(|name| pack(name).ok().map(Arc::clone))));

static SHIPPED: LazyLock<RuleSet> =
    LazyLock::new(|| RuleSet::new(TRANSIENT.iter().chain(PERMANENT).map(|pattern| Some(pattern.text))));

/// The shipped lists over one message.
struct ShippedLists<'a>(&'a [u8]);

impl ShippedLists<'_> {
    fn first_match(&self) -> Option<Entry> {
        let Ok(found) = SHIPPED.first_match(Message::new(self.0), |_| Ok::<_, Infallible>(true));
        let verdict = |index| if index < TRANSIENT.len() { Verdict::Transient } else { Verdict::Permanent };
        found.map(|index| Entry { index, verdict: verdict(index) })
    }
}

impl Lists for ShippedLists<'_> {
    type Error = Infallible;

    fn added(&mut self) -> Result<Option<Entry>, Infallible> {
        Ok(None)
    }

    fn others(&mut self, may_match: bool) -> Result<Option<Entry>, Infallible> {
        Ok(if may_match { self.first_match() } else { None })
    }
}

fn judged(message: &[u8], depth: Depth) -> Judgement {
    let assessment = explanation::assess(Some(&ENGINE), &Evidence::of_text(message), depth);
    let Ok(judgement) = explanation::decide(Some(&ENGINE), assessment, &mut ShippedLists(message));
    judgement
}

fn packs(case: &Case) -> Result<(), String> {
    both_depths(&ENGINE, &case.message)?;
    let [decided, explained] = [Depth::Decision, Depth::Everything].map(|depth| judged(&case.message, depth));
    promise!(
        (decided.verdict, &decided.decider) == (explained.verdict, &explained.decider),
        "{decided:?} is decided, {explained:?} explained"
    );
    for near in explanation::near_misses(&ENGINE, &explained) {
        promise!(!near.why.is_empty(), "{} came near for no reason", near.pack.full_id(near.rule));
    }
    if decided.decider == Decider::Nothing {
        let listed = ShippedLists(&case.message).first_match();
        promise!(listed.is_none(), "nothing decides, but {listed:?} matches");
    }
    Ok(())
}

fn batches(case: &Case) -> Result<(), String> {
    let messages: Vec<&[u8]> = case.message.chunks(24).collect();
    let decide = |message: &&[u8]| Some(judged(message, Depth::Decision));
    let loop_of_single_calls: Vec<_> = messages.iter().map(decide).collect();
    let Ok(batch) = batch::map(&messages, 3, decide, || Ok::<_, Infallible>(()));
    promise!(batch == loop_of_single_calls, "the batch differs from the loop");
    Ok(())
}

struct Known(Verdict);

impl chain::Decision for Known {
    fn verdict(&self) -> Verdict {
        self.0
    }

    fn is_reasoned(&self) -> bool {
        self.0 != Verdict::Unknown
    }
}

fn chains(case: &Case) -> Result<(), String> {
    let mut lines = case.message.split(|byte| *byte == b'\n' || *byte == b' ').map(<[u8]>::to_vec);
    let mut failure = |shape: u8| {
        let mut make = || {
            lines.next().map(|text| Failure {
                evidence: Evidence { text: text.into(), ..Evidence::default() },
                ..Failure::default()
            })
        };
        let mut outer = make()?;
        outer.cause = if shape & 1 == 0 { None } else { make().map(Box::new) };
        outer.context = if shape & 2 == 0 { None } else { make().map(Box::new) };
        outer.members = if shape & 4 == 0 { Vec::new() } else { make().into_iter().chain(make()).collect() };
        Some(outer)
    };
    let mut outermost = Failure::default();
    for shape in case.message.iter().copied().take(12) {
        let Some(mut next) = failure(shape) else { break };
        if shape & 8 == 0 {
            next.cause = Some(Box::new(outermost));
        } else {
            next.members.push(outermost);
        }
        outermost = next;
    }
    let verdict = |evidence: &Evidence<'_>| judged(&evidence.text, Depth::Decision).verdict;
    let (_, Known(decided)) = chain::decide(&outermost, &mut |evidence| Known(verdict(evidence)));
    let expected = plain_chain(&outermost, &verdict);
    promise!(decided == expected, "{decided:?}, not {expected:?}");
    Ok(())
}

fn plain_chain(failure: &Failure, verdict: &impl Fn(&Evidence<'_>) -> Verdict) -> Verdict {
    let members: Vec<Verdict> = failure.members.iter().map(|member| plain_chain(member, verdict)).collect();
    for of_group in [Verdict::Permanent, Verdict::Transient] {
        if members.contains(&of_group) {
            return of_group;
        }
    }
    let own = verdict(&failure.evidence);
    let behind = [&failure.cause, &failure.context].into_iter().flatten().map(|behind| plain_chain(behind, verdict));
    [own].into_iter().chain(behind).find(|verdict| *verdict != Verdict::Unknown).unwrap_or(Verdict::Unknown)
}

const SECRET: &str = "hunter2correcthorsebattery9";

fn cleaning(case: &Case) -> Result<(), String> {
    let cleaner = ErrorTextCleaner::new([]).map_err(|error| error.to_string())?;
    let text = String::from_utf8_lossy(&case.message);
    let planted = format!("{text}\npassword={SECRET}\n{text}\npostgres://me:{SECRET}@db/x\n{text}");
    for text in [text.as_ref(), &planted] {
        let clean = cleaner.clean(text, text.chars().count());
        promise!(clean.len() <= LIMIT_BYTES, "{} bytes are left", clean.len());
        promise!(!clean.contains('\0'), "a NUL is left");
        promise!(!clean.contains(SECRET), "a secret is left");
        promise!(cleaner.clean(text, text.chars().count()) == clean, "cleaned in two ways");
    }
    Ok(())
}

fn fingerprints(case: &Case) -> Result<(), String> {
    let text = String::from_utf8_lossy(&case.message);
    for text in [text.as_ref(), &format!("{text}\npassword={SECRET}\n{text}")] {
        let [first, second] = [(), ()].map(|()| fingerprint(text, 1).map_err(|error| error.to_string()));
        promise!(first == second, "{first:?}, then {second:?}");
        let template = first?.template;
        promise!(template.len() <= TEMPLATE_BYTES, "a template of {} bytes", template.len());
        promise!(!template.contains(SECRET), "a secret is left");
    }
    Ok(())
}

fn waits(case: &Case) -> Result<(), String> {
    let now = DateTime::<Utc>::from_timestamp(1_795_608_000, 0).ok_or("no such time")?;
    let seconds = retry_after::of_text(&case.message, now);
    promise!(seconds == retry_after::of_text(&case.message, now), "two answers");
    promise!(seconds.is_none_or(|seconds| retry_after::believed(seconds).is_some()), "{seconds:?} seconds");
    let text = String::from_utf8_lossy(&case.message);
    for line in text.lines() {
        let seconds = retry_after::of_header(line, 1.0, now);
        promise!(seconds.is_none_or(|seconds| retry_after::believed(seconds).is_some()), "{line}: {seconds:?} seconds");
    }
    Ok(())
}
