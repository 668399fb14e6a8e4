use super::super::codes::{Code, CodeKind};
use super::super::pattern::Pattern;
use super::super::source::read_pack;
use super::*;
use proptest::prelude::*;
use regex::bytes::{Regex, RegexBuilder};
use std::cmp::Reverse;

const PACK: &str = r#"
    title = "Test"
    about = "Rules of every kind."
    [[rule]]
    id = "settled"
    verdict = "permanent"
    why = "nothing else counts"
    strength = "decisive"
    message = "quota (?:used up|gone)"
    [[rule]]
    id = "refused"
    verdict = "transient"
    why = "it may come back"
    message = ["connection.*refused", 'port \d+ closed']
    unless = "for ever"
    [[rule]]
    id = "denied"
    verdict = "permanent"
    why = "somebody has to allow it"
    message = "denied"
    also = ["^user ", "access"]
    [[rule]]
    id = "coded"
    verdict = "transient"
    why = "a code says so"
    errno = "EPIPE"
    code = "SlowDown"
    exception = "wire.errors.Broken"
    http_status = 503
    strength = "code"
    [[rule]]
    id = "seen"
    verdict = "unknown"
    why = "this says nothing"
    strength = "symptom"
    message = "refused|timed out"
    [[noise]]
    pattern = "see .* denied$"
    why = "advice"
    example = "see why it was denied"
"#;

fn engine() -> Engine {
    Engine::new(None, [Arc::new(read_pack("test", PACK).unwrap())])
}

fn decided<'e>(engine: &'e Engine, text: &str) -> Option<(&'e str, Clue)> {
    let assessment = engine.assess(&Evidence::of_text(text.as_bytes()), Depth::Decision);
    assessment.hits.first().map(|hit| (engine.rule(hit.rule).1.id.as_str(), hit.clue.clone()))
}

fn rule(engine: &Engine, text: &str) -> Option<String> {
    decided(engine, text).map(|(id, _)| id.to_owned())
}

#[test]
fn the_stronger_rule_decides_then_the_later_match_then_the_longer() {
    let table = [
        ("Connection to db refused", Some("refused")),
        ("connection refused\nquota used up\nport 12 closed", Some("settled")),
        ("user x: access denied, then port 80 closed", Some("refused")),
        ("port 80 closed\nuser x: access denied", Some("denied")),
        ("port 80 closed, but for ever; timed out", Some("seen")),
        ("access denied", None),
        ("user x has access; see why it was denied", None),
        ("user x has no access: denied; see why it was denied", Some("denied")),
        ("EPIPE: broken", Some("coded")),
        ("[Errno 32] gone", Some("coded")),
        ("wire.errors.Broken: x", Some("coded")),
        ("503 Server Error", Some("coded")),
        ("", None),
    ];
    let engine = engine();
    for (text, expected) in table {
        assert_eq!(rule(&engine, text).as_deref(), expected, "{text}");
    }
}

#[test]
fn in_a_log_of_attempts_the_last_line_that_any_rule_matches_decides() {
    let engine = engine();
    let log = "attempt 1: quota used up\nattempt 2: timed out\ngiving up";
    assert_eq!(rule(&engine, log).as_deref(), Some("seen"));
    assert_eq!(rule(&engine, &log.replace("attempt", "step")).as_deref(), Some("settled"));
    assert_eq!(rule(&engine, &log.replace('\n', ", ")).as_deref(), Some("settled"));
}

#[test]
fn what_the_exception_holds_beats_its_text_within_a_strength() {
    let engine = engine();
    let code = Code::read(CodeKind::HttpStatus, "503").unwrap();
    let evidence = Evidence {
        text: "slowdown".as_bytes().into(),
        classes: vec![String::from("own.Error"), String::from("wire.errors.Broken")],
        codes: vec![code],
    };
    let hits = engine.assess(&evidence, Depth::Everything).hits;
    assert_eq!(hits, [Hit { rule: 3, clue: Clue::Code(0) }]);
    let stronger = Evidence { text: "quota gone".as_bytes().into(), ..evidence };
    assert_eq!(engine.assess(&stronger, Depth::Decision).hits[0].rule, 0);
}

#[test]
fn what_kept_a_rule_back_is_told() {
    let engine = engine();
    let table = [
        ("connection refused for ever", 1, Hindrance::Unless(String::from("for ever"))),
        ("denied", 2, Hindrance::Also(String::from("^user "))),
        ("see why it was denied", 2, Hindrance::Noise),
    ];
    for (text, rule, by) in table {
        let assessment = engine.assess(&Evidence::of_text(text.as_bytes()), Depth::Everything);
        assert!(assessment.kept_back.contains(&KeptBack { rule, by }), "{text}: {:?}", assessment.kept_back);
    }
}

#[test]
fn a_match_far_from_others_on_a_long_line_is_found() {
    let engine = engine();
    for length in [10, 3_000, 100_000] {
        let text = format!("connection {} connection refused {}", "x ".repeat(length), "y ".repeat(length));
        assert_eq!(rule(&engine, &text).as_deref(), Some("refused"), "{length}");
    }
}

fn compiled(pattern: &Pattern) -> Regex {
    RegexBuilder::new(pattern.text()).unicode(false).multi_line(true).build().unwrap()
}

/// The last match on any line that is no noise, by one search a line.
fn naive_last(pattern: &Pattern, text: &[u8], noise: &[Range<usize>]) -> Option<Range<usize>> {
    let regex = compiled(pattern);
    let mut last = None;
    let mut start = 0;
    for line in text.split(|byte| *byte == b'\n') {
        let found = regex.find_iter(line).map(|found| start + found.start()..start + found.end());
        let counts = |found: &Range<usize>| {
            !noise.iter().any(|span| span.contains(&found.start) || (span.start < found.end && found.end <= span.end))
        };
        last = found.filter(counts).last().or(last);
        start += line.len() + 1;
    }
    last
}

/// The decision over a text without codes, classes or attempts, by the meaning of the rules.
fn naive(engine: &Engine, text: &str) -> Option<(usize, Range<usize>)> {
    let text = text.to_ascii_lowercase();
    let text = text.as_bytes();
    let mut noise = Vec::new();
    for pattern in &engine.packs[0].noise {
        let spans: Vec<Range<usize>> = compiled(&pattern.pattern).find_iter(text).map(|found| found.range()).collect();
        noise.extend(spans);
    }
    let hits = engine.rules().filter_map(|(number, _, rule)| {
        let last = |pattern: &Pattern| naive_last(pattern, text, &noise);
        let found = rule.message.iter().filter_map(last).max_by_key(|found| (found.end, found.len()))?;
        let holds = rule.also.iter().all(|pattern| last(pattern).is_some())
            && rule.unless.iter().all(|pattern| last(pattern).is_none());
        holds.then_some((number, rule.strength, found))
    });
    hits.min_by_key(|(number, strength, found)| (*strength, Reverse(found.end), Reverse(found.len()), *number))
        .map(|(number, _, found)| (number, found))
}

proptest! {
    #[test]
    fn agrees_with_a_search_for_each_pattern_on_each_line(
        words in proptest::collection::vec(
            "connection|refused|denied|user |access|port 8|closed|quota |gone|see why|for ever|timed out|[a-z ]{1,3}|\n",
            0..24,
        ),
        depth in prop_oneof![Just(Depth::Decision), Just(Depth::Everything)],
    ) {
        let engine = engine();
        let text = words.join(" ");
        let assessment = engine.assess(&Evidence::of_text(text.as_bytes()), depth);
        let decided = assessment.hits.first().map(|hit| (hit.rule, hit.clue.clone()));
        let expected = naive(&engine, &text).map(|(rule, found)| (rule, Clue::Text(found)));
        prop_assert_eq!(decided, expected, "{}", text);
    }

    #[test]
    fn both_depths_take_the_same_decision(
        words in proptest::collection::vec(
            "connection|refused|attempt 1|retrying|epipe|503 server error|quota |gone|broken:|slowdown|denied|\n|[a-z ]{0,3}",
            0..24,
        ),
        classes in proptest::collection::vec("wire[.]errors[.]Broken|own[.]Error", 0..3),
    ) {
        let engine = engine();
        let text = words.join(" ");
        let evidence = Evidence { text: text.as_bytes().into(), classes, codes: Vec::new() };
        let decision = engine.assess(&evidence, Depth::Decision).hits.into_iter().next();
        let everything = engine.assess(&evidence, Depth::Everything).hits.into_iter().next();
        prop_assert_eq!(decision, everything);
    }
}
