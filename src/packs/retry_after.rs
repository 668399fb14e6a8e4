//! How long a service asks to be left alone, as headers and texts say it.

use chrono::{DateTime, Datelike, NaiveDateTime, Utc};
use once_cell::sync::OnceCell;
use regex::bytes::{Captures, Regex, RegexBuilder};

/// Longest wait that is believed, in seconds: quotas of a month end sooner.
pub const LONGEST_SECONDS: f64 = 31.0 * 24.0 * 3600.0;

/// Years that a date with two digits may lie ahead; RFC 9110, 5.6.7.
const YEARS_AHEAD: i32 = 50;

/// A unit and its seconds. The longer of two that begin alike stands first.
const UNITS: &[(&str, f64)] = &[
    ("milliseconds", 0.001),
    ("millisecond", 0.001),
    ("millis", 0.001),
    ("msec", 0.001),
    ("ms", 0.001),
    ("seconds", 1.0),
    ("second", 1.0),
    ("secs", 1.0),
    ("sec", 1.0),
    ("s", 1.0),
    ("minutes", 60.0),
    ("minute", 60.0),
    ("mins", 60.0),
    ("min", 60.0),
    ("m", 60.0),
    ("hours", 3600.0),
    ("hour", 3600.0),
    ("hrs", 3600.0),
    ("hr", 3600.0),
    ("h", 3600.0),
    ("days", 86400.0),
    ("day", 86400.0),
    ("d", 86400.0),
];

/// What stands in a pattern for a number and its unit, repeated as in `1m30s` or `1 minute and 30 seconds`.
macro_rules! duration {
    () => {
        concat!(
            r"(?P<duration>-?[0-9]{1,20}(?:\.[0-9]{1,20})?",
            r"(?:(?: ?|-)(?:milliseconds?|millis|msec|ms|seconds?|secs?|s|minutes?|mins?|m|hours?|hrs?|hr?|days?|d)",
            r"(?:(?:,| and)? ?[0-9]{1,20}(?:\.[0-9]{1,20})? ?",
            r"(?:milliseconds?|millis|msec|ms|seconds?|secs?|s|minutes?|mins?|m|hours?|hrs?|h)){0,4})?\b)"
        )
    };
}

/// What stands in a pattern for a date, in any of the three forms of RFC 9110.
macro_rules! date {
    () => {
        concat!(
            r"(?P<date>[a-z]{3,9}, [0-9]{2}[ -][a-z]{3}[ -][0-9]{2,4} [0-9]{2}:[0-9]{2}:[0-9]{2} gmt",
            r"|[a-z]{3} [a-z]{3} [ 0-9][0-9] [0-9]{2}:[0-9]{2}:[0-9]{2} [0-9]{4})"
        )
    };
}

/// A way in which texts say how long to wait.
struct Wording {
    /// Matched against the text in lower case. The group `duration` is a number and perhaps its unit; `date` a date.
    pattern: &'static str,
    /// What a number without a unit means.
    bare: Bare,
    /// Who writes it so.
    #[cfg_attr(not(test), expect(dead_code, reason = "for readers, and a test that no row lacks it"))]
    reason: &'static str,
}

/// What a number without a unit means.
#[derive(Clone, Copy, PartialEq)]
enum Bare {
    Seconds,
    Milliseconds,
    /// Seconds where the clause ends behind it; otherwise it counts something else, as in `retry after 3 attempts`.
    SecondsAtEnd,
}

/// How texts say how long to wait. No pattern repeats without an end, so that each takes time linear in the text.
const WORDINGS: &[Wording] = &[
    Wording {
        pattern: concat!(
            r#"\bretry[ _-]?after(?:[ _-]?(?:seconds|secs?))?(?:["']? ?[:=,] ?|["'])["'\[(]{0,2}(?:"#,
            date!(),
            "|",
            duration!(),
            ")"
        ),
        bare: Bare::Seconds,
        reason: "the header in a log, and its name as a key: Retry-After: 120",
    },
    Wording {
        pattern: concat!(
            r#"\bretry[ _-]?after[ _-]?(?:milliseconds|millis|ms)["']? ?[:=,]? ?["'\[(]{0,2}"#,
            duration!()
        ),
        bare: Bare::Milliseconds,
        reason: "the header of Azure and of services of language models, in a log or as a key",
    },
    Wording {
        pattern: concat!(r#"\bretry[_-]?delay["']? ?[:=] ?["']?"#, duration!()),
        bare: Bare::Seconds,
        reason: "google.rpc.RetryInfo in JSON: \"retryDelay\": \"34.07s\"",
    },
    Wording {
        pattern: concat!(r"\bretry_delay ?\{\s{0,8}seconds: ?", duration!()),
        bare: Bare::Seconds,
        reason: "google.rpc.RetryInfo as protobuf prints it",
    },
    Wording {
        pattern: concat!(r#"\bestimated_time["'] ?: ?"#, duration!()),
        bare: Bare::Seconds,
        reason: "Hugging Face, while it loads a model",
    },
    Wording {
        pattern: concat!(
            r"\b(?:re-?)?try(?: again| later| (?:the|your|this) (?:request|operation))?,?",
            r" (?:in|after)(?: about| approximately| at least| another)? ",
            duration!()
        ),
        bare: Bare::SecondsAtEnd,
        reason: "prose: please try again in 6m0s, retry your request after 20 seconds, retry in 20s",
    },
    Wording {
        pattern: concat!(
            r"\bwait(?: for)?(?: about| approximately| at least| another)? ",
            duration!(),
            r" (?:before|and|then|to)\b"
        ),
        bare: Bare::SecondsAtEnd,
        reason: "prose: please wait 30 seconds before retrying",
    },
    Wording {
        pattern: concat!(r"\b(?:available|resets?)(?: again)? in(?: about| approximately)? ", duration!()),
        bare: Bare::SecondsAtEnd,
        reason: "prose: expected available in 42 seconds, rate limit resets in 12 minutes",
    },
];

/// Return the seconds that the value of a `Retry-After` header asks for: a number of seconds, or a date less `now`.
///
/// Some headers of the same kind count in another unit, of so many seconds. RFC 9110, 10.2.3; decimals, which some
/// services send, are read as well. None for a date that has passed, a negative number, more than 31 days, and for
/// whatever else is no such value.
#[must_use]
pub fn of_header(value: &str, unit: f64, now: DateTime<Utc>) -> Option<f64> {
    let value = value.trim();
    if value.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
        value.parse().ok().and_then(|number: f64| believed(number * unit))
    } else {
        until(value, now)
    }
}

/// Return `seconds` where they are a wait that is believed: not negative, and at most 31 days.
#[must_use]
pub fn believed(seconds: f64) -> Option<f64> {
    (0.0..=LONGEST_SECONDS).contains(&seconds).then_some(seconds)
}

/// Return the seconds that a text asks for, in prose, in JSON or in a header that it quotes; the last that it names.
///
/// What it says of retries that are under way ("retrying in 5 s") asks for nothing. Takes time linear in the text.
#[must_use]
pub fn of_text(text: &[u8], now: DateTime<Utc>) -> Option<f64> {
    let lowered = text.to_ascii_lowercase();
    let mut last: Option<(usize, f64)> = None;
    for (wording, pattern) in WORDINGS.iter().zip(compiled()) {
        for captures in pattern.captures_iter(&lowered) {
            let end = captures.get_match().end();
            if last.is_some_and(|(known, _)| known >= end) {
                continue;
            }
            if let Some(seconds) = read(wording, &captures, &lowered, now) {
                last = Some((end, seconds));
            }
        }
    }
    last.map(|(_, seconds)| seconds)
}

fn compiled() -> &'static [Regex] {
    static COMPILED: OnceCell<Vec<Regex>> = OnceCell::new();
    // A test compiles each row, so none is dropped here.
    COMPILED.get_or_init(|| WORDINGS.iter().filter_map(|wording| compile(wording.pattern).ok()).collect())
}

fn compile(pattern: &str) -> Result<Regex, regex::Error> {
    RegexBuilder::new(pattern).unicode(false).build()
}

fn read(wording: &Wording, captures: &Captures<'_>, text: &[u8], now: DateTime<Utc>) -> Option<f64> {
    if let Some(date) = captures.name("date") {
        return until(std::str::from_utf8(date.as_bytes()).ok()?, now);
    }
    let duration = captures.name("duration")?;
    let behind = &text[duration.end()..];
    // The number goes on: it is a date, a time of day, a version.
    if matches!(behind, [b'-' | b':' | b'/' | b'.', b'0'..=b'9', ..]) {
        return None;
    }
    let written = std::str::from_utf8(duration.as_bytes()).ok()?;
    let has_unit = written.ends_with(|last: char| last.is_ascii_alphabetic());
    let goes_on = matches!(behind, [b' ', b'a'..=b'z', ..] | [b'%' | b'x', ..]);
    if wording.bare == Bare::SecondsAtEnd && !has_unit && goes_on {
        return None;
    }
    seconds(written, if wording.bare == Bare::Milliseconds { 0.001 } else { 1.0 }).and_then(believed)
}

/// Read numbers and their units, such as `1m30s`; a number without one is in units of `bare` seconds.
fn seconds(duration: &str, bare: f64) -> Option<f64> {
    let (sign, mut rest) = duration.strip_prefix('-').map_or((1.0, duration), |rest| (-1.0, rest));
    let mut total = 0.0;
    while !rest.is_empty() {
        let end = rest.find(|character: char| !character.is_ascii_digit() && character != '.').unwrap_or(rest.len());
        let number: f64 = rest[..end].parse().ok()?;
        rest = rest[end..].trim_start_matches([' ', '-']);
        let (name, factor) = UNITS.iter().find(|(name, _)| rest.starts_with(name)).copied().unwrap_or(("", bare));
        total += number * factor;
        rest = rest[name.len()..].trim_start_matches([',', ' ']);
        rest = rest.strip_prefix("and ").unwrap_or(rest);
    }
    Some(sign * total)
}

/// Return the seconds from `now` until an HTTP date, in whatever case; None where it has passed or is none.
fn until(date: &str, now: DateTime<Utc>) -> Option<f64> {
    let date = date.to_ascii_lowercase();
    let read = |text: &str, form: &str| NaiveDateTime::parse_from_str(text, form).ok();
    let then = read(&date, "%a, %d %b %Y %H:%M:%S gmt")
        .or_else(|| read(&with_century(&date, now)?, "%d-%b-%Y %H:%M:%S gmt"))
        .or_else(|| read(&date, "%a %b %e %H:%M:%S %Y"))?;
    believed((then.and_utc() - now).as_seconds_f64())
}

/// Return a date such as `sunday, 06-nov-94 08:49:37 gmt` without its weekday and with all digits of its year: the last
/// such year that is not too far ahead.
fn with_century(date: &str, now: DateTime<Utc>) -> Option<String> {
    let (_, date) = date.split_once(", ")?;
    let (day_and_month, rest) = date.split_at_checked("06-nov-".len())?;
    let (digits, time) = rest.split_at_checked(2)?;
    let year: i32 = digits.parse().ok()?;
    let latest = now.year() + YEARS_AHEAD;
    Some(format!("{day_and_month}{}{time}", latest - (latest - year).rem_euclid(100)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// 2026-11-25 12:00:00, a Wednesday.
    fn noon() -> DateTime<Utc> {
        DateTime::from_timestamp(1_795_608_000, 0).unwrap()
    }

    #[test]
    fn a_header_holds_seconds_or_a_date() {
        let table: &[(&str, Option<f64>)] = &[
            ("120", Some(120.0)),
            (" 0 ", Some(0.0)),
            ("1.5", Some(1.5)),
            ("2678400", Some(LONGEST_SECONDS)),
            ("Wed, 25 Nov 2026 12:01:30 GMT", Some(90.0)),
            ("wed, 25 nov 2026 12:01:30 gmt", Some(90.0)),
            ("Wednesday, 25-Nov-26 12:01:30 GMT", Some(90.0)),
            ("Wed Nov 25 12:01:30 2026", Some(90.0)),
            ("Tue Dec  1 12:00:00 2026", Some(6.0 * 86400.0)),
            ("Wed, 25 Nov 2026 12:00:00 GMT", Some(0.0)),
            // Passed, too far ahead, or nonsense.
            ("Wed, 25 Nov 2026 11:59:59 GMT", None),
            ("Sunday, 06-Nov-94 08:49:37 GMT", None),
            ("Wed, 25 Nov 2099 12:00:00 GMT", None),
            ("Thu, 25 Nov 2026 12:01:30 GMT", None),
            ("Wed, 25 Nov 2026 12:01:30 CET", None),
            ("Wed, 31 Feb 2027 12:00:00 GMT", None),
            ("2026-11-25T12:01:30Z", None),
            ("2678401", None),
            ("99999999999999999999999999", None),
            ("-1", None),
            ("+1", None),
            ("1e3", None),
            ("1.2.3", None),
            ("inf", None),
            ("NaN", None),
            ("120s", None),
            ("soon", None),
            ("", None),
            ("\u{0661}", None),
        ];
        for (value, expected) in table {
            assert_eq!(of_header(value, 1.0, noon()), *expected, "{value:?}");
        }
    }

    #[test]
    fn a_year_of_two_digits_is_at_most_fifty_years_ahead() {
        let year = |digits: &str| {
            let date = with_century(&format!("sunday, 06-nov-{digits} 08:49:37 gmt"), noon()).unwrap();
            date["06-nov-".len()..][..4].to_owned()
        };
        assert_eq!(["26", "76", "77", "94", "00"].map(year), ["2026", "2076", "1977", "1994", "2000"]);
    }

    #[test]
    fn texts_say_it_in_many_ways() {
        let table: &[(&str, Option<f64>)] = &[
            ("429 Too Many Requests\nRetry-After: 120\nContent-Length: 0", Some(120.0)),
            ("Retry-After: Wed, 25 Nov 2026 12:01:30 GMT", Some(90.0)),
            ("headers: {'Retry-After': '30', 'Server': 'x'}", Some(30.0)),
            ("('Retry-After', '30')", Some(30.0)),
            ("Too Many Requests: retry after 35", Some(35.0)),
            ("slow down, retry after 1m30s", Some(90.0)),
            ("Please retry after 20 seconds.", Some(20.0)),
            ("Requests are throttled. Please retry your request after 17 seconds.", Some(17.0)),
            ("retry in 20s", Some(20.0)),
            ("Please try again in 6m0s. Visit https://llm.example/limits", Some(360.0)),
            ("Rate limit reached: Limit 3, Used 3. Please try again in 20 seconds", Some(20.0)),
            ("Please try again in 547ms.", Some(0.547)),
            ("Try again in 1 hour, 5 minutes and 3 seconds", Some(3903.0)),
            ("try again in about 2 days", Some(172_800.0)),
            ("Please wait for 30 seconds before retrying", Some(30.0)),
            ("Request was throttled. Expected available in 42 seconds.", Some(42.0)),
            ("403 API rate limit exceeded [rate reset in 13m45s]", Some(825.0)),
            (r#"{"@type": "google.rpc.RetryInfo", "retryDelay": "34.07s"}"#, Some(34.07)),
            ("retry_delay {\n  seconds: 41\n}", Some(41.0)),
            (r#"{"message": "slow", "retry_after": 3.5}"#, Some(3.5)),
            (r#"{"retry_after_seconds": 12}"#, Some(12.0)),
            ("retryAfterSeconds=12", Some(12.0)),
            ("x-ms-retry-after-ms: 1500", Some(1.5)),
            ("retryAfterMs: 1500", Some(1.5)),
            (r#"{"error": "Model is loading", "estimated_time": 20.5}"#, Some(20.5)),
            // The last one counts.
            ("attempt 1: retry in 5s\nattempt 2: retry in 10s", Some(10.0)),
            ("Retry-After: 7 (try again in 9s)", Some(9.0)),
            // Nothing is asked for.
            ("retrying in 5 seconds", None),
            ("will retry after 3 attempts", None),
            ("try again after 2 failures", None),
            ("try again later", None),
            ("retry after 2026-11-25T12:01:30Z", None),
            ("retry after 12:30", None),
            ("try again in 1.2.3", None),
            ("retry after -5 seconds", None),
            ("Retry-After: 99999999999999999999", None),
            ("Retry-After: Wed, 25 Nov 2020 12:01:30 GMT", None),
            ("retry in 40 days", None),
            ("retry after 10% of them failed", None),
            ("we wait 30 seconds", None),
            ("estimated_time 20", None),
            ("connection refused", None),
            ("", None),
        ];
        for (text, expected) in table {
            let found = of_text(text.as_bytes(), noon());
            let same = match (found, expected) {
                (Some(found), Some(expected)) => (found - expected).abs() < 1e-9,
                (found, expected) => found.is_none() && expected.is_none(),
            };
            assert!(same, "{text:?}: {found:?}, not {expected:?}");
        }
    }

    #[test]
    fn each_wording_compiles_and_has_a_reason() {
        for wording in WORDINGS {
            assert!(compile(wording.pattern).is_ok() && !wording.reason.is_empty(), "{}", wording.pattern);
        }
    }

    proptest! {
        #[test]
        fn what_is_found_is_a_wait_that_is_believed(
            text in concat!(
                r#"([Rr]etry[ -]?[Aa]fter|try again in|retryDelay)["']?[: ]{1,2}[-+]?[0-9.]{1,25} ?[a-z:%/-]{0,8}"#,
                "|.{0,40}"
            ),
        ) {
            for seconds in [of_text(text.as_bytes(), noon()), of_header(&text, 1.0, noon())].into_iter().flatten() {
                prop_assert!((0.0..=LONGEST_SECONDS).contains(&seconds), "{}", seconds);
            }
        }

        #[test]
        fn a_date_is_as_far_ahead_as_it_says(seconds in 0..2_678_400_i32) {
            let then = noon() + chrono::TimeDelta::seconds(seconds.into());
            for form in ["%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"] {
                let date = then.format(form).to_string();
                prop_assert_eq!(of_header(&date, 1.0, noon()), Some(seconds.into()), "{}", date);
            }
        }
    }
}
