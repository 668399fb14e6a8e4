//! Which numbers are the cause, and which only say how many, how long or how large.

use super::scanner::{Context, Scanner, is_word};
use super::shapes;
use super::variables::Variable;
use super::words::{self, CODE, MAYBE_CODE, PORT};
use crate::packs::codes::{Code, CodeKind};

/// Most digits of a code: an HRESULT in decimal digits has so many.
const MOST_DIGITS: usize = 10;

/// Numbers of errnos from here on are those of the network; smaller ones in brackets are counts as often.
const FIRST_NETWORK_ERRNO: u32 = 100;

impl Scanner<'_> {
    /// Read a number with its unit, or keep it where it is the cause. False where the token is no number.
    pub(super) fn numeric(&mut self, end: usize) -> bool {
        let token = &self.text.as_bytes()[self.at..end];
        let sign = usize::from(token[0] == b'-');
        let number = sign + shapes::number(&self.rest().as_bytes()[sign..]);
        if number == sign {
            return false;
        }
        let after = self.at + number;
        if let Some((variable, length)) = self.with_unit(after) {
            self.replace(variable, number + length);
            return true;
        }
        let followed = self.byte(after).is_some_and(is_word);
        // Dates that are none, names that begin with a number, and ids.
        let compound = self.byte(after) == Some(b'-')
            && self.byte(after + 1).is_some_and(is_word)
            && enhanced_status(&self.text.as_bytes()[after..]) == 0;
        let id = number == 12 || number >= 32;
        if followed || compound || id {
            return false;
        }
        let digits = &self.text[self.at + sign..after];
        if digits.bytes().all(|byte| byte.is_ascii_digit()) && self.decides(digits, after) {
            self.keep(number);
        } else {
            self.replace(if self.context.says(PORT) { Variable::Port } else { Variable::Number }, number);
        }
        true
    }

    /// What a number is by the unit behind it, and how long all that follows of it is: `m30s` of `1m30s`.
    fn with_unit(&self, after: usize) -> Option<(Variable, usize)> {
        let text = self.text.as_bytes();
        let letters =
            |at: usize| text[at..].iter().take_while(|byte| byte.is_ascii_alphabetic() || **byte >= 0x80).count();
        let blank = usize::from(self.byte(after) == Some(b' ') && !self.context.says(CODE));
        let start = after + blank;
        let mut length = letters(start);
        let word = &self.text[start..start + length];
        let variable = words::unit(word)?;
        let ends = |at: usize| !text.get(at).copied().is_some_and(is_word);
        // A letter behind a blank is a unit where it can hardly be anything else.
        if blank > 0 && length == 1 && !["s", "h", "B"].contains(&word) {
            return None;
        }
        if blank == 0 && variable == Variable::Duration {
            let mut further = shapes::number(&text[start + length..]);
            while further > 0 {
                let unit = letters(start + length + further);
                words::unit(&self.text[start + length + further..start + length + further + unit])?;
                length += further + unit;
                further = shapes::number(&text[start + length..]);
            }
        }
        ends(start + length).then_some((variable, blank + length))
    }

    /// Copy a code; what stands in brackets behind it may be another: `ERROR 1045 (28000)`, `550 5.1.1`.
    fn keep(&mut self, length: usize) {
        self.push(&self.text[self.at..self.at + length], length);
        let rest = self.rest();
        if [" (", "(", " [", "] ["].iter().any(|bracket| rest.starts_with(bracket)) {
            self.context = Context { roles: CODE, ..Context::default() };
        }
        let enhanced = enhanced_status(rest.as_bytes());
        if enhanced > 0 {
            self.push(&self.text[self.at..self.at + enhanced], enhanced);
        }
    }

    /// Whether a number is the cause, by what stands beside it.
    fn decides(&self, digits: &str, after: usize) -> bool {
        let rest = &self.text[after..];
        let before = self.text[..self.at].trim_end_matches('-');
        if self.context.says(CODE) {
            return digits.len() <= MOST_DIGITS;
        }
        if self.context.says(MAYBE_CODE) && digits.len() <= MOST_DIGITS && !counts(rest) {
            return true;
        }
        let bracketed = before.ends_with(['(', '[']);
        let is_argument =
            bracketed && [", '", ", \"", ", b'", ", b\"", ", u'"].iter().any(|next| rest.starts_with(next));
        let is_errno = bracketed
            && (rest.starts_with(')') || rest.starts_with(": "))
            && digits.parse().is_ok_and(|number: u32| number >= FIRST_NETWORK_ERRNO)
            && Code::read(CodeKind::Errno, digits).is_some();
        let is_reply = digits.len() == 3 && enhanced_status(rest.as_bytes()) > 0;
        // Of HTTP and of mail, at the beginning of a clause.
        let begins = self.template.is_empty() || self.template.ends_with(": ") || self.template.ends_with("; ");
        let is_status = digits.len() == 3
            && digits.starts_with(['4', '5'])
            && (gives_reason(rest) || (begins && rest.starts_with([',', ':', ' ']) && !counts(rest)));
        let is_grpc = digits.len() <= 2
            && word_after_blank(rest).is_some_and(|word| word.len() >= 5 && Code::read(CodeKind::Grpc, word).is_some());
        is_argument || is_errno || is_reply || is_status || is_grpc
    }
}

/// The length of an enhanced status code of mail behind a blank or a hyphen; RFC 3463, 2.
fn enhanced_status(text: &[u8]) -> usize {
    let fits = matches!(text.first(), Some(b' ' | b'-')) && matches!(text.get(1), Some(b'2' | b'4' | b'5'));
    let mut at = 2;
    for _ in 0..2 {
        let digits = text.iter().skip(at + 1).take_while(|byte| byte.is_ascii_digit()).count();
        if !fits || text.get(at) != Some(&b'.') || !(1..=3).contains(&digits) {
            return 0;
        }
        at += 1 + digits;
    }
    at
}

fn word_after_blank(rest: &str) -> Option<&str> {
    let word = rest.strip_prefix(' ')?;
    let end = word.find(|character: char| !character.is_ascii_alphabetic() && character != '_').unwrap_or(word.len());
    (end > 0).then(|| &word[..end])
}

/// Whether what follows a number is the reason of a status: capitals, or a word that such reasons begin with.
fn gives_reason(rest: &str) -> bool {
    let capital = |word: &str| word.starts_with(|first: char| first.is_ascii_uppercase());
    word_after_blank(rest).is_some_and(|word| capital(word) || words::begins_reason(word))
}

/// Whether a number counts something: a plural follows, `3 of 5`, or the dashes before the thread in logs of Java.
fn counts(rest: &str) -> bool {
    let plural =
        |word: &str| word.len() > 2 && word.ends_with('s') && !word.starts_with(|c: char| c.is_ascii_uppercase());
    rest.starts_with(" ---") || word_after_blank(rest).is_some_and(|word| word == "of" || plural(word))
}
