//! Hostile texts of three sizes through everything that reads texts, for `growth.py`, which counts the instructions.

use _native::error_text::ErrorTextCleaner;
use _native::fingerprint::fingerprint;
use _native::packs::engine::{Depth, Engine};
use _native::packs::evidence::Evidence;
use _native::packs::{names, pack, retry_after};
use _native::patterns::{PERMANENT, TRANSIENT};
use _native::rules::{Message, RuleSet};
use chrono::{DateTime, Utc};
use std::convert::Infallible;
use std::error::Error;
use std::hint::black_box;
use std::io::Write;
use std::sync::Arc;

/// Each text is twice as long as the one before it.
const FACTORS: [usize; 3] = [1, 2, 4];

/// What a text consists of, over and over: beginnings without an end, ends without a beginning, and all that patterns try
/// again and again.
const PIECES: &[&str] = &[
    "connection ",
    "connection reset by peer\n",
    "docker daemon not ",
    "invalid ",
    "repository image command executable ",
    "error cannot connect to timeout while failed to not found invalid denied ",
    "attempt 1 failed: timed out\nretrying ",
    "  File \"x.py\", line 1, in f\n    raise OSError(111)\n",
    "see why it was denied ",
    "\u{e9}",
    "\u{130}\u{212a}",
    "a",
    " ",
    "\n",
    "0",
    "f0",
    "/a",
    "a.b",
    "10.",
    "::",
    "'",
    "\"",
    "\\\"",
    "(",
    "{'a': [",
    "550e8400-e29b-",
    "2026-11-25T",
    "password=",
    "password='",
    "token: bearer ",
    "https://user:",
    "-----BEGIN PRIVATE KEY-----",
    "retry after 1 hour, ",
    "wait for 1 ",
];

/// What is done with texts, and how long the shortest is, in bytes.
type Work<'a> = (&'static str, usize, Box<dyn Fn(&str) + 'a>);

/// The one place where instructions are counted.
#[inline(never)]
fn measured(work: &dyn Fn(&str), text: &str) {
    work(black_box(text));
}

fn main() -> Result<(), Box<dyn Error>> {
    let lists = RuleSet::new(TRANSIENT.iter().chain(PERMANENT).map(|pattern| Some(pattern.text)));
    let packs: Vec<_> = names().map(|name| pack(name).map(Arc::clone)).collect::<Result<_, _>>()?;
    let engine = Engine::new(None, packs);
    let cleaner = ErrorTextCleaner::new([])?;
    let now = DateTime::<Utc>::from_timestamp(0, 0).ok_or("no such time")?;
    let works: [Work<'_>; 6] = [
        (
            "lists",
            16_000,
            Box::new(|text| {
                let message = Message::new(text.as_bytes());
                black_box(lists.first_match(message, |_| Ok::<_, Infallible>(false))).ok();
            }),
        ),
        (
            "packs",
            16_000,
            Box::new(|text| {
                black_box(engine.assess(&Evidence::of_text(text.as_bytes()), Depth::Decision));
            }),
        ),
        (
            "explanations",
            16_000,
            Box::new(|text| {
                black_box(engine.assess(&Evidence::of_text(text.as_bytes()), Depth::Everything));
            }),
        ),
        (
            "cleaning",
            // Up to about 30 kB the regex crate takes another engine for groups; the step between them is no growth.
            40_000,
            Box::new(|text| {
                black_box(cleaner.clean(text, text.len()));
            }),
        ),
        (
            "fingerprints",
            40_000,
            Box::new(|text| {
                black_box(fingerprint(text, 1)).ok();
            }),
        ),
        (
            "waits",
            16_000,
            Box::new(|text| {
                black_box(retry_after::of_text(text.as_bytes(), now));
            }),
        ),
    ];
    let mut output = std::io::stdout().lock();
    for (name, shortest, work) in &works {
        for piece in PIECES {
            let texts = FACTORS.map(|factor| piece.repeat(factor * (shortest / piece.len())));
            // Once before, for what is compiled when it is first needed.
            work(&texts[0]);
            for text in &texts {
                measured(work, text);
                writeln!(output, "{name}\t{}\t{}", piece.escape_debug(), text.len())?;
            }
        }
    }
    Ok(())
}
