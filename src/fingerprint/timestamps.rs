//! Dates and times as programs write them.

use super::scanner::is_word;

const NAMES: [&[u8; 3]; 19] = [
    b"jan", b"feb", b"mar", b"apr", b"may", b"jun", b"jul", b"aug", b"sep", b"oct", b"nov", b"dec", b"mon", b"tue",
    b"wed", b"thu", b"fri", b"sat", b"sun",
];
const MONTHS: usize = 12;

/// How a date or time is written: `Y` a digit of any number, `NN` one or two digits, `M` the name of a month, `D` that of
/// a day, `_` one or two blanks, `S` a separator of dates, all else itself.
struct Form {
    pattern: &'static [u8],
    /// Whether a time may follow.
    date: bool,
    #[cfg_attr(not(test), expect(dead_code, reason = "for readers, and a test that each is read"))]
    example: &'static str,
}

const fn form(pattern: &'static [u8], date: bool, example: &'static str) -> Form {
    Form { pattern, date, example }
}

/// The longer of two that begin alike stands first.
const FORMS: &[Form] = &[
    form(b"YYYYSNNSNN", true, "2026-01-15T10:30:00.123456Z"),
    form(b"YYYYYYYYTYYYYYY", false, "20260115T103000Z"),
    form(b"NN/M/YYYY", true, "15/Jan/2026:10:30:00 +0000"),
    form(b"NN-M-YYYY", true, "15-Jan-2026 10:30:00"),
    form(b"NN/NN/YYYY", true, "01/15/2026 10:30:00 AM"),
    form(b"D, NN M YYYY", true, "Thu, 15 Jan 2026 10:30:00 GMT"),
    form(b"D, NN-M-YY", true, "Thursday, 15-Jan-26 10:30:00 GMT"),
    form(b"D_M_NN", true, "Thu Jan 15 10:30:00 2026"),
    form(b"M_NN_YY:YY:YY", false, "Jan  5 10:30:00"),
    form(b"M NN, YYYY", true, "Jan 15, 2026 10:30:00 AM"),
    form(b"NN M YYYY", true, "15 Jan 2026 10:30:00"),
    form(b"YY:YY:YY", false, "10:30:00.123"),
];

/// The letters before the date in Kubernetes' logs: `E0115 10:30:00.123456`.
const KLOG: &[u8] = b"IWEF";

/// Zones by name; others are written as an offset.
const ZONES: [&[u8]; 6] = [b" UTC", b" GMT", b" CET", b" CEST", b" EST", b"Z"];

/// Return the length of the date or time that `text` begins with.
pub(super) fn timestamp(text: &[u8]) -> Option<usize> {
    if !text.iter().take(6).any(u8::is_ascii_digit) && !begins_date(text) {
        return None;
    }
    let length = klog(text).or_else(|| FORMS.iter().find_map(|form| read_form(text, form)))?;
    let goes_on = match text.get(length) {
        Some(b':') => text.get(length + 1).is_some_and(u8::is_ascii_digit),
        Some(next) => is_word(*next),
        None => false,
    };
    (!goes_on).then_some(length)
}

/// Whether a word may begin a date.
pub(super) fn begins_date(word: &[u8]) -> bool {
    let [first, second, third, ..] = word else { return false };
    let key = [first, second, third].map(u8::to_ascii_lowercase);
    NAMES.iter().any(|name| **name == key)
}

fn klog(text: &[u8]) -> Option<usize> {
    let is_klog = KLOG.contains(text.first()?) && text.len() > 14 && text[1..5].iter().all(u8::is_ascii_digit);
    if !is_klog || text[5] != b' ' {
        return None;
    }
    Some(6 + clock(&text[6..])?)
}

/// How many bytes of `text` a symbol takes; None where it is something else.
fn take(symbol: u8, repeated: bool, text: &[u8]) -> Option<usize> {
    let one = |fits: bool| fits.then_some(1);
    match (symbol, text.first().copied()) {
        (b'N', byte) if repeated => Some(usize::from(byte.is_some_and(|byte| byte.is_ascii_digit()))),
        (b'Y' | b'N', Some(byte)) => one(byte.is_ascii_digit()),
        (b'S', Some(byte)) => one(matches!(byte, b'-' | b'/' | b'.')),
        (b'M', _) => name(text, &NAMES[..MONTHS]),
        (b'D', _) => name(text, &NAMES[MONTHS..]),
        (b'_', Some(b' ')) => Some(1 + usize::from(text.get(1) == Some(&b' '))),
        (symbol, Some(byte)) => one(byte == symbol),
        (_, None) => None,
    }
}

fn read_form(text: &[u8], form: &Form) -> Option<usize> {
    let mut at = 0;
    for (index, symbol) in form.pattern.iter().enumerate() {
        let repeated = index > 0 && form.pattern[index - 1] == b'N';
        at += take(*symbol, repeated, &text[at..])?;
    }
    Some(if form.date { with_time(text, at) } else { with_rest(text, at) })
}

/// The length of the name that `text` begins with, up to the end of its letters.
fn name(text: &[u8], names: &[&[u8; 3]]) -> Option<usize> {
    let known = text.len() >= 3 && names.iter().any(|name| name.eq_ignore_ascii_case(&text[..3]));
    known.then(|| text.iter().take_while(|byte| byte.is_ascii_alphabetic()).count())
}

/// The end of a time that follows a date, after `T`, a colon or blanks; `at` itself where none does.
fn with_time(text: &[u8], at: usize) -> usize {
    let rest = &text[at..];
    let blanks = rest.iter().take(2).take_while(|byte| **byte == b' ').count();
    let between = if blanks > 0 { blanks } else { usize::from(matches!(rest.first(), Some(b'T' | b't' | b':'))) };
    match (between, clock(&rest[between..])) {
        (1.., Some(length)) => at + between + length,
        _ => at,
    }
}

/// `10:30`, `10:30:00`, with what may stand behind it.
fn clock(text: &[u8]) -> Option<usize> {
    let pair = |at: usize| text.get(at..at + 2).is_some_and(|pair| pair.iter().all(u8::is_ascii_digit));
    if !pair(0) || text.get(2) != Some(&b':') || !pair(3) {
        return None;
    }
    let seconds = text.get(5) == Some(&b':') && pair(6);
    Some(with_rest(text, if seconds { 8 } else { 5 }))
}

/// The end of what may stand behind a time: a fraction, AM or PM, the year, the zone.
fn with_rest(text: &[u8], at: usize) -> usize {
    let digits = |at: usize| text[at.min(text.len())..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let mut at = at;
    if matches!(text.get(at), Some(b'.' | b',')) && digits(at + 1) > 0 {
        at += 1 + digits(at + 1);
    }
    for suffix in [b" AM", b" PM"] {
        at += if text[at..].starts_with(suffix) { suffix.len() } else { 0 };
    }
    for _ in 0..2 {
        // Either may stand before the other.
        at += ZONES.iter().find(|zone| text[at..].starts_with(zone)).map_or(0, |zone| zone.len());
        if text.get(at) == Some(&b' ') && digits(at + 1) == 4 && text[at + 1..].starts_with(b"2") {
            at += 5;
        }
    }
    let sign = at + usize::from(text.get(at) == Some(&b' '));
    if matches!(text.get(sign), Some(b'+' | b'-')) {
        let hours = digits(sign + 1);
        let minutes = hours == 2 && text.get(sign + 3) == Some(&b':') && digits(sign + 4) == 2;
        at = match hours {
            4 => sign + 5,
            2 if minutes => sign + 6,
            _ => at,
        };
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<&str> {
        timestamp(text.as_bytes()).map(|length| &text[..length])
    }

    #[test]
    fn each_form_is_read_to_its_end() {
        for form in FORMS {
            assert_eq!(read(form.example), Some(form.example));
            assert_eq!(read(&format!("{} rest", form.example)), Some(form.example));
        }
    }

    #[test]
    fn what_follows_a_time_belongs_to_it() {
        for text in [
            "2026-01-15",
            "2026-01-15 10:30",
            "2026/01/15 10:30:00",
            "2026-01-15 10:30:00,123",
            "2026-01-15T10:30:00+00:00",
            "2026-01-15T10:30:00.5-0800",
            "2026-01-15 10:30:00.123 UTC",
            "Thu Jan 15 10:30:00 UTC 2026",
            "Jan 15 10:30:00 2026",
            "E0115 10:30:00.123456",
            "10:30:00",
        ] {
            assert_eq!(read(text), Some(text));
        }
    }

    #[test]
    fn other_numbers_are_no_times() {
        for text in
            ["2026", "10:30", "1.2.3", "2026-1", "12:34:56:78:9a:bc", "Mayor 15 10", "E0115", "May", "10:30:00x"]
        {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
