//! Which cause an error text speaks of: its template, without what differs from one time to the next, and an id.
//!
//! A text is cleaned of secrets first. `lines` chooses the lines that say something of the cause, `scanner` reads
//! each once and replaces what varies, by the tables in `variables` and `words`; `hash` makes the id. All of it
//! takes time linear in the text.

mod hash;
mod lines;
mod numbers;
mod scanner;
mod segments;
mod shapes;
#[cfg(test)]
mod tests;
mod timestamps;
mod tokens;
mod variables;
mod words;

use crate::error::Error;
use crate::error_text::ErrorTextCleaner;
use once_cell::sync::OnceCell;
use regex::Regex;
use std::borrow::Cow;

/// The version of the algorithm that is used unasked.
pub const LATEST_VERSION: i64 = 1;

/// Every version there is. One that has been released never changes: ids are stored.
pub const VERSIONS: [i64; 1] = [LATEST_VERSION];

/// Most bytes of UTF-8 that a template has.
pub const TEMPLATE_BYTES: usize = 2048;

/// What stands in place of the middle of a longer template.
const OMITTED: &str = " [...] ";

/// The cause that an error text speaks of.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Fingerprint {
    /// The version, a colon, and the template's FNV-1a of 128 bits in hexadecimal digits.
    pub id: String,
    /// The text without what varies.
    pub template: String,
}

/// Return the fingerprint of an error text.
///
/// Of a text of more than 64 KiB the first 48 and the last 16 count, as they are stored; of its template the first and
/// the last KiB.
///
/// # Errors
/// [`Error::FingerprintVersion`] where there is no such version.
pub fn fingerprint(text: &str, version: i64) -> Result<Fingerprint, Error> {
    if !VERSIONS.contains(&version) {
        return Err(Error::FingerprintVersion { version: version.to_string() });
    }
    let text = without_escapes(text);
    let text = cleaner().clean(&text, text.len());
    let template = bounded(lines::template(&text));
    let id = format!("{version}:{:032x}", hash::fnv1a_128(template.as_bytes()));
    Ok(Fingerprint { id, template })
}

fn cleaner() -> &'static ErrorTextCleaner {
    static CLEANER: OnceCell<ErrorTextCleaner> = OnceCell::new();
    CLEANER.get_or_init(ErrorTextCleaner::default)
}

/// The text without what colours it on a terminal, which would hide secrets, too.
fn without_escapes(text: &str) -> Cow<'_, str> {
    static ESCAPES: OnceCell<Option<Regex>> = OnceCell::new();
    if memchr::memchr(b'\x1b', text.as_bytes()).is_none() {
        return Cow::Borrowed(text);
    }
    // Control sequences, and commands of the operating system such as a window's title: ECMA-48, 5.4 and 8.3.89.
    let compile = || Regex::new(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\^_])?").ok();
    let escapes = ESCAPES.get_or_init(compile);
    escapes.as_ref().map_or(Cow::Borrowed(text), |escapes| escapes.replace_all(text, ""))
}

/// The beginning and the end of a template that is too long, cut where words end.
fn bounded(template: String) -> String {
    if template.len() <= TEMPLATE_BYTES {
        return template;
    }
    let half = (TEMPLATE_BYTES - OMITTED.len()) / 2;
    let is_boundary = |at: &usize| template.is_char_boundary(*at);
    let end = (0..=half).rev().find(is_boundary).unwrap_or(0);
    let start = (template.len() - half..template.len()).find(is_boundary).unwrap_or(template.len());
    let head = template[..end].rsplit_once(char::is_whitespace).map_or(&template[..end], |(head, _)| head);
    let tail = template[start..].split_once(char::is_whitespace).map_or(&template[start..], |(_, tail)| tail);
    [head.trim_end(), OMITTED, tail.trim_start()].concat()
}
