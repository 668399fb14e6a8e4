//! What tokens are: addresses, paths, names, words.

use super::scanner::{Context, Scanner, is_token, is_word};
use super::shapes::{self, url_length, windows_path};
use super::timestamps::{begins_date, timestamp};
use super::variables::Variable;
use super::words::{
    self, BEFORE_NAMES, BEHIND_NAMES, BETWEEN_NOUN_AND, CODE, FILLER, HOST, MAYBE_CODE, NAMES, PEER, Phrase, Roles,
};

/// Trees whose files say which resource failed; all other paths are those of a job.
const KEPT_TREES: &[&str] = &["/dev/", "/etc/", "/proc/", "/run/", "/sys/", "/var/run/"];

/// Schemes whose URLs name a file on this machine.
const LOCAL_SCHEMES: &[&str] = &["unix", "npipe", "file", "fd"];

/// Longest token, in bytes, whose parts are looked at; longer ones are keys, blobs or URLs. Keeps hostile texts cheap.
const LONGEST_TOKEN: usize = 256;

/// Longest code of letters and digits, such as an SQLSTATE.
const LONGEST_CODE: usize = 10;

impl Scanner<'_> {
    /// Read the token that begins here, or the first part of it.
    pub(super) fn token(&mut self) {
        let rest = self.rest().as_bytes();
        let letters = rest.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
        let mut length = letters + rest[letters..].iter().take_while(|byte| is_token(**byte)).count();
        if length > LONGEST_TOKEN && length > letters {
            return self.overlong(length);
        }
        while length > 1 && b".:-+~@%".contains(&rest[length - 1]) {
            length -= 1;
        }
        let end = self.at + length;
        if let Some(length) = windows_path(rest) {
            self.replace(Variable::Path, length);
        } else if letters == length {
            self.word(end);
        } else if !self.located(end) && !self.numeric(end) {
            self.compound(end);
        }
    }

    /// Replace what is too long to be looked at closely.
    fn overlong(&mut self, length: usize) {
        let token = &self.text[self.at..self.at + length];
        let url = token[..LONGEST_TOKEN].contains("://");
        let variable = if token.starts_with('/') { Variable::Path } else { Variable::Id };
        self.replace(if url { Variable::Url } else { variable }, length);
    }

    /// Copy a word, and remember what it says of what follows.
    fn word(&mut self, end: usize) {
        let word = &self.text[self.at..end];
        if begins_date(word.as_bytes()) && matches!(self.byte(end), Some(b' ' | b',')) {
            if let Some(length) = timestamp(self.rest().as_bytes()) {
                return self.replace(Variable::Timestamp, length);
            }
        }
        if let Some(variable) = self.named(end) {
            return self.replace(variable, end - self.at);
        }
        self.template.push_str(word);
        self.at = end;
        self.follow(words::roles(word));
    }

    fn follow(&mut self, roles: Roles) {
        let ends_phrase = roles & words::ENDS_PHRASE != 0;
        if roles & FILLER == 0 {
            self.context = Context { roles, ends_phrase, ..Context::default() };
        } else {
            let names = if roles & NAMES == 0 { 0 } else { NAMES | HOST };
            self.context =
                Context { roles: self.context.roles & (CODE | MAYBE_CODE | names), ends_phrase, ..self.context };
        }
    }

    /// What the token is by what stands beside it, whatever it looks like.
    fn named(&self, end: usize) -> Option<Variable> {
        if self.context.equals && self.context.says(NAMES | HOST) {
            return Some(if self.context.says(HOST) { Variable::Address } else { Variable::Name });
        }
        let begins_line = self.template.is_empty();
        let behind_colon = self.template.ends_with(": ");
        let following = &self.text.as_bytes()[end..];
        let is_word = self.text[self.at..end].bytes().all(|byte| byte.is_ascii_lowercase());
        let names = self.context.says(NAMES) && is_word && words::roles(&self.text[self.at..end]) == 0;
        let behind = |phrases: &'static [Phrase]| phrases.iter().find(|phrase| begins(following, phrase.text));
        let found = if behind_colon || self.context.ends_phrase {
            BEFORE_NAMES.iter().find(|phrase| ends(self.template.as_bytes(), phrase.text))
        } else {
            None
        };
        let found = found.or_else(|| if behind_colon || begins_line { behind(BEHIND_NAMES) } else { None });
        let found = found.or_else(|| if names { behind(BETWEEN_NOUN_AND) } else { None });
        found.map(|phrase| phrase.variable).or_else(|| self.logs(following).then_some(Variable::Address))
    }

    /// Whether this is the host in a line of syslog: a timestamp stands before it, a program with its number behind it.
    fn logs(&self, following: &[u8]) -> bool {
        self.template.len() == Variable::Timestamp.text().len() + 1
            && self.template.starts_with(Variable::Timestamp.text())
            && {
                let program = following
                    .iter()
                    .skip(1)
                    .take(64)
                    .take_while(|byte| is_word(**byte) || b"-./".contains(byte))
                    .count();
                following.first() == Some(&b' ')
                    && program > 0
                    && matches!(following.get(program + 1), Some(b'[' | b':'))
            }
    }

    /// Replace what says where or when: ids, addresses, times, paths, URLs. False where the token is none of them.
    fn located(&mut self, end: usize) -> bool {
        // Looked at no further than a token may reach, so that each costs no more.
        let rest = self.rest().as_bytes();
        let rest = &rest[..rest.len().min(LONGEST_TOKEN)];
        let token = &self.text[self.at..end];
        let bytes = token.as_bytes();
        let first = bytes[0];
        if let Some(length) = shapes::uuid(rest) {
            self.replace(Variable::Uuid, length);
        } else if let Some(length) = shapes::ipv4(rest).or_else(|| shapes::colons(rest)) {
            self.address(length);
        } else if let Some(length) = timestamp(rest).filter(|_| first.is_ascii_alphanumeric()) {
            self.replace(Variable::Timestamp, length);
        } else if let Some(length) = shapes::hexadecimal(bytes) {
            self.hexadecimal(length);
        } else if let Some(mark) = token.find("://") {
            self.url(mark);
        } else if matches!(first, b'/' | b'~') || token.starts_with("./") || token.starts_with("../") {
            self.path(end);
        } else if token.starts_with("arn:") {
            self.replace(Variable::Name, bytes.len());
        } else {
            return self.mail(end) || self.digest(token);
        }
        true
    }

    fn address(&mut self, length: usize) {
        self.replace(Variable::Address, length);
        self.port();
    }

    /// Replace the port behind an address.
    fn port(&mut self) {
        let rest = self.rest().as_bytes();
        let bracket = usize::from(rest.starts_with(b"]:"));
        let digits = rest.iter().skip(bracket + 1).take_while(|byte| byte.is_ascii_digit()).count();
        if rest.get(bracket) == Some(&b':') && (1..=5).contains(&digits) {
            self.template.push_str(&"]:"[1 - bracket..]);
            self.at += bracket + 1;
            self.replace(Variable::Port, digits);
        }
    }

    /// Keep the codes of Windows and what is called a code; all else is an address.
    fn hexadecimal(&mut self, length: usize) {
        let number = &self.text[self.at..self.at + length];
        let severe = number.len() == 10 && matches!(number.as_bytes()[2], b'8' | b'c' | b'C');
        if severe || self.context.says(CODE | MAYBE_CODE) {
            self.push(number, length);
        } else {
            self.replace(Variable::Address, length);
        }
    }

    fn url(&mut self, mark: usize) {
        let token = self.rest();
        let scheme = &token[..mark];
        if LOCAL_SCHEMES.contains(&scheme) {
            let length = mark + "://".len();
            self.push(&self.text[self.at..self.at + length], length);
        } else if scheme.starts_with(':') {
            self.punctuation();
        } else if let Some(colon) = scheme.find(':').filter(|_| !scheme.starts_with("jdbc:")) {
            self.compound(self.at + colon);
        } else {
            self.replace(Variable::Url, url_length(token));
        }
    }

    fn path(&mut self, end: usize) {
        let token = &self.text[self.at..end];
        let length = token.find(':').unwrap_or(token.len());
        if KEPT_TREES.iter().any(|tree| token.starts_with(tree)) {
            return self.segments(self.at + length);
        }
        let query = self.byte(self.at + length) == Some(b'?');
        self.replace(Variable::Path, if query { url_length(self.rest()) } else { length });
    }

    fn mail(&mut self, end: usize) -> bool {
        let Some((user, host)) = self.text[self.at..end].split_once('@') else { return false };
        let host = host.split([':', '/']).next().unwrap_or_default();
        let fits = !user.contains(['/', ':']) && host.starts_with(|first: char| first.is_ascii_alphabetic());
        let is_mail = fits && host != "sha256";
        if is_mail {
            self.replace(Variable::Email, user.len() + 1 + host.len());
        }
        is_mail
    }

    /// `sha256:...`, and an image that is named by it.
    fn digest(&mut self, token: &str) -> bool {
        let Some(start) = token.find("sha256:").or_else(|| token.find("sha512:")) else { return false };
        let digits = token[start + 7..].bytes().take_while(u8::is_ascii_hexdigit).count();
        let variable = if start == 0 { Variable::Digest } else { Variable::Name };
        let found = digits >= 12 && (start == 0 || token[..start].ends_with('@'));
        if found {
            self.replace(variable, start + 7 + digits);
        }
        found
    }

    /// Read a token that is made of several parts.
    fn compound(&mut self, end: usize) {
        let token = &self.text[self.at..end];
        if let Some(variable) = self.named(end).or_else(|| self.noun(token)) {
            let port = token.rsplit_once(':').filter(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit()));
            match port.filter(|_| variable == Variable::Address) {
                Some((host, _)) => self.address(host.len()),
                None => self.replace(variable, token.len()),
            }
        } else if self.is_code(token) || is_numbered_code(token, self.byte(end)) {
            self.push(token, token.len());
        } else if token.starts_with("HTTP/") {
            self.push(token, token.len());
            self.context.roles = CODE;
        } else if shapes::is_base64(token.as_bytes()) {
            self.replace(Variable::Id, token.len());
        } else if token.contains('/') {
            self.with_slashes(token);
        } else if let Some((left, right)) = token.split_once(':') {
            self.with_colon(left, right);
        } else if words::is_file_name(token) {
            self.replace(Variable::Path, token.len());
        } else if words::is_host_name(token) {
            self.replace(Variable::Address, token.len());
        } else if let Some(class) = self.exception_class(token) {
            self.push(class, token.len());
        } else {
            self.segments(end);
            self.follow(words::roles(token));
        }
    }

    /// What the noun before the token makes of it, if it looks like a name at all.
    fn noun(&self, token: &str) -> Option<Variable> {
        let looks_like_name = token.bytes().any(|byte| byte.is_ascii_digit()) || token.contains(['-', '_', '.', '/']);
        let host = self.context.says(HOST).then_some(Variable::Address);
        let name = self.context.says(NAMES).then_some(Variable::Name);
        host.or(name).filter(|_| looks_like_name)
    }

    /// Whether the token is the code that the words before it speak of: `SQLSTATE 40P01`, `ERROR:  0A000:`.
    fn is_code(&self, token: &str) -> bool {
        self.context.says(CODE | MAYBE_CODE)
            && token.len() <= LONGEST_CODE
            && token.bytes().any(|byte| byte.is_ascii_digit())
            && token.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase())
    }

    fn with_slashes(&mut self, token: &str) {
        let (first, rest) = token.split_once('/').unwrap_or((token, ""));
        let path = token.split(':').next().unwrap_or(token);
        let host = first.split(':').next().unwrap_or(first);
        let tagged = rest.contains([':', '@']);
        if words::is_host_name(host) || (host != first && !first.ends_with(':')) {
            self.replace(Variable::Url, token.len());
        } else if rest.contains('/') || words::is_file_name(path) {
            self.replace(Variable::Path, path.len());
        } else if tagged {
            self.replace(Variable::Name, token.len());
        } else {
            self.part(first);
        }
    }

    /// Read the part of a token before a separator.
    fn part(&mut self, part: &str) {
        let end = self.at + part.len();
        if part.is_empty() {
            self.punctuation();
        } else if part.bytes().all(|byte| byte.is_ascii_alphabetic()) {
            self.word(end);
        } else if !self.numeric(end) {
            self.compound(end);
        }
    }

    fn with_colon(&mut self, left: &str, right: &str) {
        let digits = right.bytes().take_while(u8::is_ascii_digit).count();
        let port = (2..=5).contains(&digits) && !right.as_bytes().get(digits).is_some_and(|byte| is_word(*byte));
        let is_peer = self.context.says(PEER | HOST) || words::is_host_name(left) || left == "localhost";
        if words::is_file_name(left) {
            self.replace(Variable::Path, left.len());
        } else if port && is_peer && words::roles(left) & (CODE | MAYBE_CODE) == 0 {
            self.address(left.len());
        } else {
            self.part(left);
        }
    }

    /// The name of an exception's class at the beginning of a line, without its module: as the exception names itself.
    fn exception_class<'a>(&self, token: &'a str) -> Option<&'a str> {
        let (module, class) = token.rsplit_once('.')?;
        let is_identifier = |byte: u8| is_word(byte) || byte == b'.';
        let is_class = class.starts_with(|first: char| first.is_ascii_uppercase());
        let begins = self.template.is_empty() && (is_class || class.ends_with("error") || class == "timeout");
        let ends = self.byte(self.at + token.len()).is_none_or(|next| next == b':');
        (begins && ends && module.bytes().all(is_identifier)).then_some(class)
    }
}

/// Whether `text` ends with a phrase, in any case.
fn ends(text: &[u8], phrase: &str) -> bool {
    let phrase = phrase.as_bytes();
    // Most are told by the letter before the blank.
    let may = text.len() >= phrase.len() && text[text.len() - 2].eq_ignore_ascii_case(&phrase[phrase.len() - 2]);
    may && text[text.len() - phrase.len()..].eq_ignore_ascii_case(phrase)
}

/// Whether `text` begins with a phrase, in any case.
fn begins(text: &[u8], phrase: &str) -> bool {
    text.get(..phrase.len()).is_some_and(|text| text.eq_ignore_ascii_case(phrase.as_bytes()))
}

/// `E0308:`, `[CS0246]`: capitals and a number, where the codes of compilers and databases stand.
fn is_numbered_code(token: &str, next: Option<u8>) -> bool {
    const LETTERS: std::ops::RangeInclusive<usize> = 1..=6;
    const DIGITS: std::ops::RangeInclusive<usize> = 3..=5;
    let letters = token.bytes().take_while(u8::is_ascii_uppercase).count();
    let digits = token.bytes().skip(letters).take_while(u8::is_ascii_digit).count();
    matches!(next, Some(b':' | b']'))
        && LETTERS.contains(&letters)
        && DIGITS.contains(&digits)
        && token.bytes().skip(letters + digits).all(|byte| byte.is_ascii_uppercase())
}
