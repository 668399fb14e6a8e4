//! One pass over a line: words are copied, variable parts replaced.
//!
//! What a token is follows from its shape and from the words before it, which are summed up in a [`Context`]. The rest
//! of the scanner stands in [`super::tokens`], [`super::segments`] and [`super::numbers`].

use super::variables::{Variable, leading_placeholder};
use super::words::{self, Roles};

/// What the words before the next token say of it.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Context {
    pub(super) roles: Roles,
    /// The word stood in quotes, as keys of JSON do.
    pub(super) quoted: bool,
    /// An equals sign stands between.
    pub(super) equals: bool,
    /// The last word may end a phrase behind which a name stands.
    pub(super) ends_phrase: bool,
}

impl Context {
    pub(super) fn says(self, roles: Roles) -> bool {
        self.roles & roles != 0
    }
}

pub(super) struct Scanner<'a> {
    pub(super) text: &'a str,
    pub(super) at: usize,
    pub(super) template: String,
    pub(super) context: Context,
    /// Ends of quoted prose around this place, the innermost last.
    closings: Vec<Closing>,
    /// By kind, before which place no mark without escapes closes a quotation: none is looked at twice.
    closed_from: [usize; QUOTES.len()],
}

#[derive(Clone, Copy)]
struct Closing {
    at: usize,
    length: usize,
}

/// Quotation marks, and what closes them.
const QUOTES: [(&str, &str); 5] = [("\"", "\""), ("'", "'"), ("`", "`"), ("“", "”"), ("‘", "’")];

/// Longest quotation, in bytes: what is longer is read on like all other text. Keeps hostile texts cheap.
const LONGEST_QUOTATION: usize = 512;

/// Most backslashes before a quotation mark that are understood, from quotations within quotations.
const MOST_ESCAPES: usize = 15;

/// What the cleaning of error texts puts in place of a secret.
const MASK: &str = "***";

/// Return the template of one line.
pub(super) fn scan(line: &str) -> String {
    let mut scanner = Scanner {
        text: line,
        at: 0,
        template: String::with_capacity(line.len() + 16),
        context: Context::default(),
        closings: Vec::new(),
        closed_from: [0; QUOTES.len()],
    };
    scanner.run();
    let end = scanner.template.trim_end().len();
    scanner.template.truncate(end);
    scanner.template
}

/// Whether a byte may stand inside a token. Letters that are not ASCII are no part of one: they are copied as they are.
pub(super) fn is_token(byte: u8) -> bool {
    is_word(byte) || b"-./:@+~%".contains(&byte)
}

/// Whether a byte may stand inside a word.
pub(super) fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

impl<'a> Scanner<'a> {
    pub(super) fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    pub(super) fn byte(&self, at: usize) -> Option<u8> {
        self.text.as_bytes().get(at).copied()
    }

    /// The byte before this place.
    pub(super) fn previous(&self) -> Option<u8> {
        self.at.checked_sub(1).and_then(|at| self.byte(at))
    }

    fn run(&mut self) {
        while let Some(byte) = self.byte(self.at) {
            let begin = self.at;
            match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' => self.token(),
                b' ' | 0..=31 | 127 => self.blank(1),
                b'<' => match leading_placeholder(self.rest()) {
                    Some(placeholder) => self.push(placeholder, placeholder.len()),
                    None => self.punctuation(),
                },
                b'"' | b'\'' | b'`' | b'\\' | 0x80.. if self.close() || self.quote() => {}
                b'\\' if matches!(self.byte(self.at + 1), Some(b'n' | b'r' | b't')) => self.blank(2),
                0x80.. => self.punctuation(),
                _ if self.begins_token() => self.token(),
                _ => self.punctuation(),
            }
            debug_assert!(self.at > begin, "nothing is read of {:?}", self.rest());
        }
    }

    /// Whether punctuation begins a token here: a path, a dotfile, an IPv6 address, a negative number.
    fn begins_token(&self) -> bool {
        let rest = self.rest().as_bytes();
        let next = |offset: usize| rest.get(offset).copied().is_some_and(is_word);
        let apart = !self.previous().is_some_and(is_word);
        match rest[0] {
            // Not after `</`, in the tags of XML.
            b'/' => apart && self.previous() != Some(b'<') && (next(1) || (rest.get(1) == Some(&b'.') && next(2))),
            b'+' => apart && next(1),
            b'~' => rest.get(1) == Some(&b'/'),
            b'.' => rest.starts_with(b"./") || rest.starts_with(b"../") || self.begins_dotfile(),
            b':' => rest.get(1) == Some(&b':') && next(2) && apart,
            b'-' => rest.get(1).is_some_and(u8::is_ascii_digit) && apart,
            _ => false,
        }
    }

    /// `.env`, `.git`: behind a blank a dot begins a name.
    fn begins_dotfile(&self) -> bool {
        let starts = self.byte(self.at + 1).is_some_and(|byte| byte.is_ascii_lowercase());
        starts && self.previous().is_none_or(|byte| byte == b' ')
    }

    fn blank(&mut self, length: usize) {
        if !self.template.is_empty() && !self.template.ends_with(' ') {
            self.template.push(' ');
        }
        self.at += length;
    }

    /// Copy `text`, which stands for so many bytes of the line, and forget what was said before.
    pub(super) fn push(&mut self, text: &str, length: usize) {
        self.template.push_str(text);
        self.at += length;
        self.context = Context::default();
    }

    /// Replace so many bytes. Of a list only the first is shown: how many there are is no part of the cause.
    pub(super) fn replace(&mut self, variable: Variable, length: usize) {
        let placeholder = variable.text();
        let listed = self.template.strip_suffix(", ").filter(|before| before.ends_with(placeholder)).map(str::len);
        match listed {
            Some(before) => {
                self.template.truncate(before);
                self.push("", length);
            }
            None => self.push(placeholder, length),
        }
    }

    /// Copy one character that belongs to no token.
    pub(super) fn punctuation(&mut self) {
        let Some(character) = self.rest().chars().next() else { return };
        match character {
            '=' => self.context.equals = true,
            // These stand between a word and what it speaks of.
            ':' | '"' | '\'' | '`' | '(' | '[' | '#' | '<' | '-' | '\\' | '/' => {}
            // SQLSTATE[HY000] [2002]
            ']' if self.rest().starts_with("] [") => {}
            _ => self.context = Context::default(),
        }
        self.template.push(character);
        self.at += character.len_utf8();
    }

    /// Copy the mark that closes quoted prose, if it stands here.
    fn close(&mut self) -> bool {
        while self.closings.last().is_some_and(|closing| closing.at < self.at) {
            self.closings.pop();
        }
        let Some(closing) = self.closings.last().filter(|closing| closing.at == self.at).copied() else { return false };
        self.closings.pop();
        let mark = &self.text[self.at..self.at + closing.length];
        self.template.push_str(mark);
        self.at += closing.length;
        true
    }

    /// Read what stands in quotes, if an opening mark stands here: a name is replaced, prose is read on.
    fn quote(&mut self) -> bool {
        let escapes = self.rest().bytes().take(MOST_ESCAPES).take_while(|byte| *byte == b'\\').count();
        let marked = &self.text[self.at + escapes..];
        let Some(kind) = QUOTES.iter().position(|(open, _)| marked.starts_with(open)) else { return false };
        let before = if self.previous_is_string_prefix() { None } else { self.previous() };
        if before.is_some_and(is_word) {
            return false;
        }
        let open = escapes + QUOTES[kind].0.len();
        let Some(close) = self.closing(kind, escapes, self.at + open) else { return false };
        let content = &self.text[self.at + open..close];
        // The mark around a list of quoted names: '['a', 'b']'.
        if content.starts_with(['[', '(', '{']) && content[1..].starts_with(['"', '\'', '`']) {
            return false;
        }
        let closing = Closing { at: close, length: escapes + QUOTES[kind].1.len() };
        self.quoted(content, open, closing);
        true
    }

    /// The letter of `b'...'` or `u'...'`, which has been copied as a word.
    fn previous_is_string_prefix(&self) -> bool {
        let before = |back: usize| self.at.checked_sub(back).and_then(|at| self.byte(at));
        matches!(before(1), Some(b'b' | b'u' | b'r')) && !before(2).is_some_and(is_word)
    }

    /// Where the quotation ends: at the next mark of its kind that is escaped as often and ends a word.
    fn closing(&mut self, kind: usize, escapes: usize, from: usize) -> Option<usize> {
        let text = self.text.as_bytes();
        let mark = QUOTES[kind].1.as_bytes();
        let start = if escapes == 0 { from.max(self.closed_from[kind]) } else { from };
        let end = text.len().min(from + LONGEST_QUOTATION);
        let closes = |at: &usize| {
            let backslashes =
                text[from..*at].iter().rev().take(MOST_ESCAPES).take_while(|byte| **byte == b'\\').count();
            let ends_word = !text.get(at + mark.len()).copied().is_some_and(is_word);
            text[*at..].starts_with(mark) && backslashes == escapes && ends_word
        };
        let mut places = memchr::memchr_iter(mark[0], text.get(start..end).unwrap_or_default()).map(|at| start + at);
        let found = places.find(closes);
        if escapes == 0 {
            self.closed_from[kind] = found.unwrap_or_else(|| end.max(start));
        }
        found.map(|at| at - escapes)
    }

    fn quoted(&mut self, content: &str, open: usize, closing: Closing) {
        let end = closing.at + closing.length;
        let key_follows = self.text[end..].trim_start().starts_with([':', '=']);
        let opens_object = self.template.trim_end().ends_with(['{', ',']) || self.template.is_empty();
        let is_name = !content.contains([' ', '\n', '{', '"', '<']) || content.starts_with('/');
        let is_key = self.context.says(words::KEY)
            && (self.context.quoted || self.context.equals || self.context.says(words::CODE));
        let is_code = self.context.says(words::CODE) && content.bytes().all(|byte| byte.is_ascii_digit());
        if content == MASK {
            self.push(MASK, end - self.at);
        } else if key_follows && opens_object && is_identifier(content) {
            self.template.push('"');
            self.push(content, end - self.at);
            self.template.push('"');
            self.context = Context { roles: words::roles(content), quoted: true, ..Context::default() };
        } else if (is_name && !is_key && !is_code) || (self.context.says(words::NAMES | words::HOST) && !is_key) {
            self.replace(Variable::Quoted, end - self.at);
        } else {
            self.template.push_str(&self.text[self.at..self.at + open]);
            self.at += open;
            self.closings.push(closing);
        }
    }
}

fn is_identifier(content: &str) -> bool {
    !content.is_empty()
        && content.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte))
        && !content.starts_with(|first: char| first.is_ascii_digit())
}
