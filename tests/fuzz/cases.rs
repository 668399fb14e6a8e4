//! Random messages and patterns that meet: made of the words of the rules, and of their examples.

use crate::runner::Case;
use _native::packs::{names, pack};
use _native::patterns::{PERMANENT, TRANSIENT};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use std::collections::BTreeSet;
use std::sync::LazyLock;

/// What lower-casing, lines and encodings trip over: dotted capital I, Kelvin sign, long s, sigma, line separators, NUL,
/// separators of ASCII, lone surrogates, a half of a character.
const AWKWARD: &[&[u8]] = &[
    "\u{130}".as_bytes(),
    "\u{212a}".as_bytes(),
    "\u{17f}".as_bytes(),
    "\u{3a3}".as_bytes(),
    "\u{2028}".as_bytes(),
    "\u{85}".as_bytes(),
    b"\0",
    b"\x1c",
    b"\r\n",
    b"\xed\xb2\x80",
    b"\xed\xa0\x80",
    "\u{1f600}".as_bytes(),
];

/// What stands between words, and what logs, codes and dates are recognised by.
const GLUE: &[&str] = &[
    " ",
    " ",
    " ",
    "\n",
    "\n",
    ": ",
    ", ",
    "",
    "'",
    "\"",
    "(",
    "attempt 1 of 3: ",
    "retrying in 5s",
    "[Errno 111] ",
    "status 503 ",
    "HTTP/1.1 429 ",
    "exit code 137",
    "SQLSTATE 40001",
    "Retry-After: 30",
    "try again in 1m30s",
    "Sun, 06 Nov 2033 08:49:37 GMT",
    "password=",
    "token: ",
    "Bearer ",
    "https://user:",
    "@host",
    "0x7f3a",
    "10.0.0.1:5432",
    "2026-11-25T12:00:00Z",
    "/var/lib/x/y.sock",
    "550e8400-e29b-41d4-a716-446655440000",
    "not",
    "no",
    "see",
    "0",
    "7",
];

/// What joins the pieces of a message.
const BETWEEN: &[&[u8]] = &[b"", b" "];

struct Dictionary {
    words: Vec<String>,
    examples: Vec<String>,
}

/// The literals of all rules, and the texts that they decide.
static DICTIONARY: LazyLock<Dictionary> = LazyLock::new(|| {
    let mut words = BTreeSet::new();
    let mut examples = Vec::new();
    for pattern in TRANSIENT.iter().chain(PERMANENT) {
        words.extend(pattern.text.split(".*").map(str::to_owned));
        words.extend(pattern.text.split(|letter: char| !letter.is_ascii_alphabetic()).map(str::to_owned));
    }
    for rule in names().filter_map(|name| pack(name).ok()).flat_map(|pack| &pack.rules) {
        for pattern in rule.message.iter().chain(&rule.words).chain(&rule.also).chain(&rule.unless) {
            words.extend(pattern.literals().iter().map(|literal| String::from_utf8_lossy(literal).into_owned()));
        }
        let texts = rule.examples.iter().chain(&rule.counterexamples).map(|example| example.message.clone());
        examples.extend(texts.filter(|text| !text.is_empty()));
    }
    words.remove("");
    Dictionary { words: words.into_iter().collect(), examples }
});

/// An example as it is, cut off, or with a byte that is another.
fn example() -> impl Strategy<Value = Vec<u8>> {
    let mutation = (any::<Index>(), prop_oneof![Just(None), (0x20u8..0x7f).prop_map(Some)]);
    (select(&DICTIONARY.examples[..]), proptest::option::of(mutation)).prop_map(|(example, mutation)| {
        let mut characters: Vec<char> = example.chars().collect();
        match mutation {
            None => {}
            Some((place, None)) => characters.truncate(place.index(characters.len())),
            Some((place, Some(byte))) => {
                let place = place.index(characters.len());
                characters[place] = char::from(byte);
            }
        }
        characters.into_iter().collect::<String>().into_bytes()
    })
}

/// A message; a lone surrogate may stand in it, as in what Python gives.
pub(crate) fn message() -> impl Strategy<Value = Vec<u8>> {
    let word = || select(&DICTIONARY.words[..]).prop_map(String::into_bytes);
    let piece = prop_oneof![
        6 => word(),
        2 => word().prop_map(|word| word.to_ascii_uppercase()),
        6 => select(GLUE).prop_map(|glue| glue.as_bytes().to_vec()),
        2 => example(),
        1 => select(AWKWARD).prop_map(<[u8]>::to_vec),
        1 => any::<String>().prop_map(String::into_bytes),
    ];
    // Now and then a piece so often that windows, limits and lines come to their ends.
    let repeated = (piece, prop_oneof![64 => Just(1usize), 1 => 2usize..300]);
    (vec(repeated, 0..12), select(BETWEEN)).prop_map(|(pieces, between)| {
        let pieces: Vec<Vec<u8>> = pieces.into_iter().map(|(piece, times)| piece.repeat(times)).collect();
        pieces.join(between)
    })
}

/// A message alone.
pub(crate) fn messages() -> BoxedStrategy<Case> {
    message().prop_map(|message| Case { patterns: Vec::new(), message }).boxed()
}

/// An alphabet so small that lists and messages of it meet.
const SMALL: &[&str] = &["a", "b", "ab", "A", "ba", " ", "\n", "\u{212a}", "\u{130}"];

/// Literals joined by gaps, of words and of a small alphabet, so that they meet the message often.
pub(crate) fn literal_lists() -> BoxedStrategy<Case> {
    let literal = prop_oneof![
        select(&DICTIONARY.words[..]).prop_filter("syntax", |word| word
            .bytes()
            .all(|byte| b" :-_,/".contains(&byte) || byte.is_ascii_alphanumeric())),
        "[ab ]{1,3}".prop_map(|text| text),
    ];
    let pattern = vec(literal, 0..4).prop_map(|literals| literals.join(".*"));
    let small = vec(select(SMALL), 0..24);
    let message = prop_oneof![message(), small.prop_map(|pieces| pieces.concat().into_bytes())];
    let cases = (vec(pattern, 1..80), message, any::<Index>(), any::<Index>());
    cases
        .prop_map(|(patterns, mut message, which, place)| {
            // Without this few messages meet a rule that has several words.
            let meeting = which.get(&patterns).replace(".*", " ");
            let place = place.index(message.len() + 1);
            message.splice(place..place, meeting.into_bytes());
            Case { patterns, message }
        })
        .boxed()
}

/// Pieces of the syntax of regular expressions, put together into patterns valid and not.
const SYNTAX: &[&str] = &[
    "a",
    "b",
    "ab",
    "k",
    "s",
    " ",
    ".",
    ".*",
    ".*?",
    ".+",
    "*",
    "+",
    "?",
    "^",
    "$",
    "|",
    "(",
    ")",
    "(?:",
    "(?i)",
    "(?=",
    "(?P<n>",
    "[",
    "]",
    "[a-z]",
    "[^a]",
    "[[:alpha:]]",
    "{2}",
    "{2,}",
    "{,3}",
    "{0,1000}",
    r"\d",
    r"\d+",
    r"\s",
    r"\w",
    r"\b",
    r"\B",
    r"\A",
    r"\z",
    r"\x61",
    r"\u{130}",
    r"\p{L}",
    r"\.",
    r"\n",
    r"\Q",
    "\\",
    "-",
    ",",
    "&&",
    "~~",
    "\n",
    "\0",
    "A",
    "\u{130}",
    "\u{e9}",
    "\u{1f600}",
    "denied",
    "connection",
    "not found",
    "timeout",
];

/// Anything between literals and nonsense, also in a text that it may be found in.
pub(crate) fn syntax() -> BoxedStrategy<Case> {
    let pattern = prop_oneof![
        3 => vec(select(SYNTAX), 0..9).prop_map(|pieces| pieces.concat()),
        1 => (select(&DICTIONARY.words[..]), vec(select(SYNTAX), 0..4), select(&DICTIONARY.words[..]))
            .prop_map(|(first, pieces, last)| format!("{first}{}{last}", pieces.concat())),
        1 => any::<String>(),
    ];
    let small = "[abks.A\\n \u{130}]{0,30}".prop_map(String::into_bytes);
    (vec(pattern, 1..5), prop_oneof![message(), small])
        .prop_map(|(patterns, message)| Case { patterns, message })
        .boxed()
}
