//! Making an error text safe to store, to log and to send: no NUL, no secrets, no more than 64 KiB.

use crate::error::Error;
use once_cell::sync::OnceCell;
use regex::{Captures, Regex};
use std::borrow::Cow;

/// Most bytes of UTF-8 that a cleaned text has.
pub const LIMIT_BYTES: usize = 64 * 1024;

/// Of these, how many are the beginning of a longer text; its end has the rest.
pub const HEAD_BYTES: usize = 48 * 1024;

const MASK: &str = "***";

/// A kind of secret. In the pattern the group `secret` is what is masked.
struct Secret {
    pattern: &'static str,
    /// Why it is masked, and what it must leave alone.
    #[cfg_attr(not(test), expect(dead_code, reason = "for readers, and a test that no row lacks it"))]
    reason: &'static str,
}

/// Keys whose values are secret whatever they look like.
macro_rules! secret_key {
    () => {
        r"(?:pass(?:word|wd|phrase)|pwd|secret|api[_-]?key|(?:access|account|private|secret|signing)[_-]?key|credentials?)"
    };
}

/// A value on the line of its key: in quotes, with a Python prefix or escaped inside another string, or bare. Quotes
/// that never close, where a text was cut off, hide nothing.
macro_rules! value {
    () => {
        concat!(
            r#"(?:[bru]?"(?<secret>(?:[^"\\\n]|\\.)+)"|[bru]?'(?<single>(?:[^'\\\n]|\\.)+)'"#,
            r#"|\\+["'](?<escaped>[^"'\\\n]+)|["']?(?<bare>[^\s"'&,;)}\]]+))"#
        )
    };
}

/// Values that say whether there is a secret, as in `using password: YES`.
const NO_SECRETS: [&str; 6] = ["yes", "no", "true", "false", "none", "null"];

const SECRETS: &[Secret] = &[
    Secret {
        pattern: r"-----BEGIN [A-Z ]*PRIVATE KEY-----(?<secret>(?s:.*?))(?:-----END [A-Z ]*PRIVATE KEY-----|\z)",
        reason: "a private key in PEM, complete or cut off",
    },
    Secret {
        pattern: r"[A-Za-z][A-Za-z0-9+.-]*://[^\s/:@]*:(?<secret>[^\s/]+)@",
        reason: "the password in a URL; user and host say which service it was",
    },
    Secret {
        pattern: r"[A-Za-z][A-Za-z0-9+.-]*://(?<secret>[A-Za-z0-9_.~%+=-]{20,})@",
        reason: "a token in place of the user in a URL; a short one, as in ssh://git@host, is a name",
    },
    Secret {
        pattern: r#"(?i)(?-u:\b)(?:proxy-)?authorization["']?\s*[:=]\s*["']?(?:(?:bearer|basic|token|digest)\s+)?(?<secret>[^\s"',;]+)"#,
        reason: "the header of a request",
    },
    Secret {
        pattern: concat!(
            r"(?i)(?-u:\b)(?:bearer|basic)\s+(?<secret>[a-z0-9._~+/=-]{20,}",
            r"|[a-z._~+/=-]{3,}[0-9][a-z0-9._~+/=-]*|[a-z._~+/=-]*[0-9][a-z0-9._~+/=-]{3,})"
        ),
        reason: "a token outside of a header; a word, as in `bearer authentication`, is none, nor is a status",
    },
    Secret {
        pattern: concat!("(?i)", secret_key!(), r#"\\*["']?[ \t]*[=:][ \t]*"#, value!()),
        reason: "key=value, key: value, JSON, the repr of a dict, a query string",
    },
    Secret {
        pattern: concat!(r#"(?i)token(?:[ \t]*=[ \t]*|\\*["'][ \t]*:[ \t]*)"#, value!()),
        reason: "the same for a token, but not prose such as `invalid token: expired`",
    },
    Secret {
        pattern: concat!(r"(?i)[a-z][_-]token[ \t]*:[ \t]*", value!()),
        reason: "a header or a setting such as X-Auth-Token",
    },
    Secret {
        pattern: concat!(r"(?i)--[a-z-]*(?:", secret_key!(), r"|token)[= ]+(?<secret>[^\s]+)"),
        reason: "an option on a command line",
    },
    Secret {
        pattern: r"(?-u:\b)(?<secret>eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*|gh[pousr]_[A-Za-z0-9]{20,}|glpat-[A-Za-z0-9_-]{20,}|xox[abprs]-[A-Za-z0-9-]{10,})",
        reason: "tokens known by their form: JSON web tokens, GitHub, GitLab, Slack",
    },
];

/// Cleans texts by the shipped kinds of secrets and by a program's own.
#[derive(Debug, Default)]
pub struct ErrorTextCleaner {
    own: Vec<Regex>,
}

impl ErrorTextCleaner {
    /// Add patterns in the syntax of the regex crate: what they match is masked, or the group `secret` where it has
    /// one.
    ///
    /// # Errors
    /// [`Error::MaskPattern`] for a pattern that cannot be compiled.
    pub fn new<'a>(patterns: impl IntoIterator<Item = &'a str>) -> Result<Self, Error> {
        let compile = |pattern: &str| {
            Regex::new(pattern)
                .map_err(|error| Error::MaskPattern { pattern: pattern.to_owned(), reason: error.to_string() })
        };
        Ok(Self { own: patterns.into_iter().map(compile).collect::<Result<_, _>>()? })
    }

    /// Return `text` with NUL escaped, secrets masked, and its middle left out where it is longer than 64 KiB.
    ///
    /// Secrets are masked before the cut, so that none is cut in half and shown. `characters` is the length that is named
    /// in place of the middle: that of the text before anything in it was escaped.
    #[must_use]
    pub fn clean<'a>(&self, text: &'a str, characters: usize) -> Cow<'a, str> {
        let mut cleaned = Cow::Borrowed(text);
        if text.contains('\0') {
            cleaned = Cow::Owned(text.replace('\0', r"\x00"));
        }
        for pattern in shipped().iter().chain(&self.own) {
            if let Cow::Owned(masked) = pattern.replace_all(&cleaned, masked) {
                cleaned = Cow::Owned(masked);
            }
        }
        if cleaned.len() > LIMIT_BYTES {
            cleaned = Cow::Owned(cut(&cleaned, characters));
        }
        if cleaned == text { Cow::Borrowed(text) } else { cleaned }
    }
}

fn shipped() -> &'static [Regex] {
    static COMPILED: OnceCell<Vec<Regex>> = OnceCell::new();
    // A test compiles each row, so none is dropped here.
    COMPILED.get_or_init(|| SECRETS.iter().filter_map(|secret| Regex::new(secret.pattern).ok()).collect())
}

/// Replace the secret part of a match, or the whole match where the pattern names no part.
fn masked(captures: &Captures<'_>) -> String {
    let whole = captures.get_match();
    let secret = ["secret", "single", "escaped", "bare"].iter().find_map(|name| captures.name(name)).unwrap_or(whole);
    let text = whole.as_str();
    if NO_SECRETS.iter().any(|value| value.eq_ignore_ascii_case(secret.as_str())) {
        return text.to_owned();
    }
    let (start, end) = (secret.start() - whole.start(), secret.end() - whole.start());
    [&text[..start], MASK, &text[end..]].concat()
}

fn cut(text: &str, characters: usize) -> String {
    let notice = format!("\n[... {characters} characters in all, middle left out ...]\n");
    let is_boundary = |index: &usize| text.is_char_boundary(*index);
    let head = (0..=HEAD_BYTES).rev().find(is_boundary).unwrap_or(0);
    let tail_bytes = LIMIT_BYTES - HEAD_BYTES - notice.len();
    let tail = (text.len() - tail_bytes..text.len()).find(is_boundary).unwrap_or(text.len());
    [&text[..head], &notice, &text[tail..]].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn clean(text: &str) -> String {
        ErrorTextCleaner::new([]).unwrap().clean(text, text.chars().count()).into_owned()
    }

    #[test]
    fn every_row_compiles_and_says_why() {
        for secret in SECRETS {
            assert!(Regex::new(secret.pattern).is_ok(), "{}", secret.pattern);
            assert!(!secret.reason.is_empty());
        }
        assert_eq!(shipped().len(), SECRETS.len());
    }

    #[test]
    fn secrets_are_masked_and_their_surroundings_kept() {
        let table = [
            ("pull https://bob:hunter2@registry.example/v2 failed", "pull https://bob:***@registry.example/v2 failed"),
            ("postgres://app:p@ss:w@db:5432/x", "postgres://app:***@db:5432/x"),
            ("redis://:hunter2@cache", "redis://:***@cache"),
            ("clone https://abcdefghij0123456789@host/x", "clone https://***@host/x"),
            ("Authorization: Bearer abc.def-123", "Authorization: Bearer ***"),
            ("'Authorization': 'Basic dXNlcjpwYXNz'", "'Authorization': 'Basic ***'"),
            ("sent bearer abc123def", "sent bearer ***"),
            ("password=hunter2; user=bob", "password=***; user=bob"),
            ("DB_PASSWORD: hunter2", "DB_PASSWORD: ***"),
            (r#"{"client_secret": "a\"b c", "id": 1}"#, r#"{"client_secret": "***", "id": 1}"#),
            ("{'api_key': 'x y', 'n': 2}", "{'api_key': '***', 'n': 2}"),
            ("GET /x?access_token=abc&page=2", "GET /x?access_token=***&page=2"),
            ("AWS_SECRET_ACCESS_KEY=abc/def+1", "AWS_SECRET_ACCESS_KEY=***"),
            ("cut off: password=\"hunter2", "cut off: password=\"***"),
            ("{'token': 'abc", "{'token': '***"),
            ("{'password': b'hunter2', 'x': 1}", "{'password': b'***', 'x': 1}"),
            (r#"body "{\"password\": \"hunter2\", \"id\": 1}""#, r#"body "{\"password\": \"***\", \"id\": 1}""#),
            ("X-Auth-Token: abc", "X-Auth-Token: ***"),
            ("login --password hunter2 --user bob", "login --password *** --user bob"),
            ("jwt eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc-_1", "jwt ***"),
            (
                "-----BEGIN RSA PRIVATE KEY-----\nabc\n-----END RSA PRIVATE KEY-----.",
                "-----BEGIN RSA PRIVATE KEY-----***-----END RSA PRIVATE KEY-----.",
            ),
        ];
        for (text, cleaned) in table {
            assert_eq!(clean(text), cleaned);
            assert_eq!(clean(cleaned), cleaned, "cleaning twice");
        }
    }

    #[test]
    fn ordinary_texts_stay_as_they_are() {
        for text in [
            "password authentication failed for user \"bob\"",
            "token expired",
            "invalid token: expired at noon",
            "bearer authentication required",
            "HTTP Basic 401",
            "ssh://git@host/repository: connection refused",
            "dial tcp 10.0.0.1:5432: connect: connection refused",
            "secret not found",
            "Access denied for user 'bob'@'localhost' (using password: YES)",
            "Password:\nsudo: a password is required",
        ] {
            assert!(matches!(ErrorTextCleaner::new([]).unwrap().clean(text, text.len()), Cow::Borrowed(_)), "{text}");
        }
    }

    #[test]
    fn own_patterns_mask_their_match_or_their_group() {
        let cleaner = ErrorTextCleaner::new([r"\bT-[0-9]+", "pin (?<secret>[0-9]+)"]).unwrap();
        assert_eq!(cleaner.clean("T-123 pin 4711 ok", 17), "*** pin *** ok");
        let error = ErrorTextCleaner::new(["("]).unwrap_err().to_string();
        assert!(error.starts_with("invalid mask pattern \"(\""), "{error}");
    }

    #[test]
    fn nul_is_escaped_and_long_texts_lose_their_middle() {
        assert_eq!(clean("a\0b"), r"a\x00b");
        let long = format!("{}{}", "ä".repeat(100_000), "end");
        let cleaned = clean(&long);
        assert!(cleaned.len() <= LIMIT_BYTES && cleaned.len() > LIMIT_BYTES - 8);
        assert!(cleaned.starts_with(&"ä".repeat(HEAD_BYTES / 2)) && cleaned.ends_with("ääend"));
        assert!(cleaned.contains("\n[... 100003 characters in all, middle left out ...]\n"));
    }

    proptest! {
        #[test]
        fn cleaning_twice_changes_nothing_more(text in "(?s).{0,60}|(password|token|Bearer|://|=|:|@|\"|'| |ab1|\0){0,12}") {
            let once = clean(&text);
            prop_assert!(!once.contains('\0'));
            prop_assert_eq!(&clean(&once), &once);
        }
    }
}
