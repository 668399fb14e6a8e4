//! What addresses, ids and numbers look like. Each function looks at the beginning of a text, or at all of a word.

use super::scanner::is_word;

/// Lengths of digests and of keys in hexadecimal digits.
const DIGEST_LENGTHS: [usize; 6] = [32, 40, 56, 64, 96, 128];

/// Container ids and accounts may happen to have digits only; numbers of this length are rare.
const ID_OF_DIGITS: usize = 12;

/// Fewest hexadecimal digits that are an id: as many as Git shows of a commit.
const SHORTEST_HEX: usize = 7;

/// What Kubernetes makes the ends of names from: no vowels, and no digits that look like letters.
const POD_ALPHABET: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
const POD_SUFFIX_LENGTH: usize = 5;

/// Words of that alphabet and length.
const NO_POD_SUFFIXES: [&str; 7] = ["https", "mssql", "tmpfs", "xhtml", "grpcs", "html5", "http2"];

fn is_boundary(text: &[u8], at: usize) -> bool {
    !text.get(at).copied().is_some_and(is_word)
}

/// The length of a UUID at the beginning.
pub(super) fn uuid(text: &[u8]) -> Option<usize> {
    const LENGTH: usize = 36;
    let fits = text.len() >= LENGTH
        && text[..LENGTH].iter().enumerate().all(|(index, byte)| match index {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        });
    (fits && is_boundary(text, LENGTH)).then_some(LENGTH)
}

/// The length of an IPv4 address at the beginning, with its prefix length where it has one.
pub(super) fn ipv4(text: &[u8]) -> Option<usize> {
    let mut at = 0;
    for part in 0..4 {
        if part > 0 {
            if text.get(at) != Some(&b'.') {
                return None;
            }
            at += 1;
        }
        let digits = text[at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        let value = text[at..].iter().take(digits.min(4)).fold(0, |value, digit| value * 10 + u32::from(digit - b'0'));
        if !(1..=3).contains(&digits) || value > 255 {
            return None;
        }
        at += digits;
    }
    let more = text.get(at) == Some(&b'.') && text.get(at + 1).is_some_and(u8::is_ascii_digit);
    if more || !is_boundary(text, at) {
        return None;
    }
    Some(at + prefix_length(&text[at..]))
}

/// `/24`, of a network.
fn prefix_length(text: &[u8]) -> usize {
    let digits = text.iter().skip(1).take(4).take_while(|byte| byte.is_ascii_digit()).count();
    if text.first() == Some(&b'/') && (1..=3).contains(&digits) && is_boundary(text, digits + 1) {
        digits + 1
    } else {
        0
    }
}

/// The length of an IPv6 or a MAC address at the beginning.
pub(super) fn colons(text: &[u8]) -> Option<usize> {
    const LONGEST: usize = 45;
    let fits = |byte: &&u8| byte.is_ascii_hexdigit() || **byte == b':';
    if !text.iter().take(5).any(|byte| *byte == b':') {
        return None;
    }
    let text = &text[..text.len().min(LONGEST + 20)];
    let mut length = text.iter().take_while(fits).count();
    // The colon of a sentence, not of the address.
    if text[..length].ends_with(b":") && !text[..length].ends_with(b"::") {
        length -= 1;
    }
    let address = &text[..length];
    let short = address.windows(2).filter(|pair| pair == b"::").count();
    let groups = || address.split(|byte| *byte == b':').filter(|group| !group.is_empty());
    let count = groups().count();
    let is_mac = count == 6 && short == 0 && groups().all(|group| group.len() == 2);
    let is_ipv6 = groups().all(|group| group.len() <= 4) && ((count == 8 && short == 0) || (short == 1 && count < 8));
    // Two colons alone stand between names more often than for an address.
    if !(is_mac || is_ipv6 && length > 2) {
        return None;
    }
    let mut end = length;
    if text.get(end) == Some(&b'.') {
        // IPv4 inside IPv6: the last group was its first number.
        let last = address.iter().rposition(|byte| *byte == b':')? + 1;
        end = last + ipv4(&text[last..])?;
    } else if text.get(end) == Some(&b'%') {
        end += 1 + text[end + 1..].iter().take_while(|byte| byte.is_ascii_alphanumeric()).count();
    }
    is_boundary(text, end).then(|| end + prefix_length(&text[end..]))
}

/// The length of a hexadecimal number with its `0x` at the beginning.
pub(super) fn hexadecimal(text: &[u8]) -> Option<usize> {
    if !(text.starts_with(b"0x") || text.starts_with(b"0X")) {
        return None;
    }
    let digits = text[2..].iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
    (digits > 0 && is_boundary(text, digits + 2)).then_some(digits + 2)
}

/// The length of a number at the beginning: digits, in groups or not, a fraction or further parts of a version.
pub(super) fn number(text: &[u8]) -> usize {
    let digits = |at: usize| text[at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let mut at = digits(0);
    while at > 0 && text.get(at) == Some(&b',') && digits(at + 1) == 3 {
        at += 4;
    }
    while at > 0 && text.get(at) == Some(&b'.') && digits(at + 1) > 0 {
        at += 1 + digits(at + 1);
    }
    if matches!(text.get(at), Some(b'e' | b'E')) && matches!(text.get(at + 1), Some(b'+' | b'-')) && digits(at + 2) > 0
    {
        at += 2 + digits(at + 2);
    }
    at
}

/// What a word of letters and digits is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// A word, or an identifier with digits in it.
    Word,
    /// Letters, then digits from this place on.
    Numbered(usize),
    /// Digits only.
    Digits,
    /// A random id.
    Id,
    /// A digest.
    Digest,
}

/// What a word of letters and digits is; `ending` says that it is the last part of a name with hyphens.
pub(super) fn shape(word: &str, ending: bool) -> Shape {
    let bytes = word.as_bytes();
    let (mut digits, mut groups, mut hexadecimal, mut run, mut longest_run) = (0, 0, true, 0, 0);
    let mut after_digit = false;
    for byte in bytes {
        let digit = byte.is_ascii_digit();
        digits += usize::from(digit);
        groups += usize::from(digit && !after_digit);
        hexadecimal &= byte.is_ascii_hexdigit();
        run = if byte.is_ascii_lowercase() { run + 1 } else { 0 };
        longest_run = longest_run.max(run);
        after_digit = digit;
    }
    let length = bytes.len();
    let is_pod_suffix = ending
        && length == POD_SUFFIX_LENGTH
        && bytes.iter().all(|byte| POD_ALPHABET.contains(byte))
        && !NO_POD_SUFFIXES.contains(&word);
    if hexadecimal && DIGEST_LENGTHS.contains(&length) {
        return Shape::Digest;
    }
    if digits == length {
        return if length == ID_OF_DIGITS { Shape::Id } else { Shape::Digits };
    }
    if is_pod_suffix || (digits > 0 && hexadecimal && length >= SHORTEST_HEX) {
        return Shape::Id;
    }
    // Identifiers such as X509v3Extension have words in them; random ids have none.
    let random = groups >= 2 && length >= POD_SUFFIX_LENGTH && longest_run < 5;
    if random || is_base64(bytes) {
        return Shape::Id;
    }
    let trailing = bytes.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
    if trailing > 0 && trailing == digits { Shape::Numbered(length - trailing) } else { Shape::Word }
}

/// Whether this is a long word of letters in both cases and digits, as keys and tokens are.
pub(super) fn is_base64(word: &[u8]) -> bool {
    const SHORTEST: usize = 20;
    // Words of a language have long runs of lower-case letters.
    const LONGEST_RUN: usize = 8;
    let fits = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/_-=".contains(byte);
    word.len() >= SHORTEST
        && word.iter().all(fits)
        && word.iter().any(u8::is_ascii_uppercase)
        && word.iter().any(u8::is_ascii_lowercase)
        && word.iter().any(u8::is_ascii_digit)
        && word.split(|byte| !byte.is_ascii_lowercase()).all(|run| run.len() < LONGEST_RUN)
}

/// The length of a path with a drive at the beginning.
pub(super) fn windows_path(text: &[u8]) -> Option<usize> {
    let drive = text.first().is_some_and(u8::is_ascii_alphabetic) && text.get(1..3) == Some(br":\");
    let ends = |byte: &u8| byte.is_ascii_whitespace() || b"\"'<>|,;()".contains(byte);
    drive.then(|| text.iter().position(ends).unwrap_or(text.len()))
}

/// The length of a URL, without the marks of the sentence around it.
pub(super) fn url_length(text: &str) -> usize {
    let ends =
        |character: char| character.is_whitespace() || character.is_control() || "\"'`<>\\“”‘’".contains(character);
    let whole = &text[..text.find(ends).unwrap_or(text.len())];
    let mut url = whole;
    while let Some(last) = url.chars().next_back() {
        let opened = match last {
            ')' => url.contains('('),
            ']' => url.contains('['),
            '}' => url.contains('{'),
            _ => !".,;:!?".contains(last),
        };
        if opened {
            break;
        }
        url = &url[..url.len() - last.len_utf8()];
    }
    url.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_ids_are_measured_to_their_end() {
        type Measure = fn(&[u8]) -> Option<usize>;
        let table: [(Measure, &str, Option<usize>); 25] = [
            (uuid, "0f31caad-287b-942b-f475-f653660c1d80: gone", Some(36)),
            (uuid, "0f31caad-287b-942b-f475-f653660c1d80f", None),
            (ipv4, "10.0.0.5:5432", Some(8)),
            (ipv4, "10.0.0.0/24 is full", Some(11)),
            (ipv4, "10.0.0.5/v1", Some(8)),
            (ipv4, "10.0.0.5.", Some(8)),
            (ipv4, "1.2.3", None),
            (ipv4, "1.2.3.4.5", None),
            (ipv4, "1.2.3.256", None),
            (colons, "::1", Some(3)),
            (colons, "2001:db8::1: refused", Some(11)),
            (colons, "fe80::1%eth0", Some(12)),
            (colons, "::ffff:10.0.0.1", Some(15)),
            (colons, "fe80::/10", Some(9)),
            (colons, "02:42:ac:11:00:02 is", Some(17)),
            (colons, "1:2:3:4:5:6:7:8", Some(15)),
            (colons, "::", None),
            (colons, "::routine", None),
            (colons, "a:b", None),
            (colons, "dead::beef::1", None),
            (hexadecimal, "0x7f3a>", Some(6)),
            (hexadecimal, "0xzz", None),
            (|text| Some(number(text)), "1,234,567.5 rows", Some(11)),
            (|text| Some(number(text)), "1.5e-3", Some(6)),
            (|text| Some(number(text)), "1,2", Some(1)),
        ];
        for (measure, text, length) in table {
            assert_eq!(measure(text.as_bytes()), length, "{text}");
        }
    }

    #[test]
    fn words_are_told_from_ids() {
        let table = [
            ("worker", Shape::Word),
            ("worker17", Shape::Numbered(6)),
            ("17", Shape::Digits),
            ("123456789012", Shape::Id),
            ("3f419610d31c", Shape::Id),
            ("deadbeef", Shape::Word),
            ("a3f9c21", Shape::Id),
            ("x2x4z", Shape::Id),
            ("A1B2C3D4E5F6G7H8", Shape::Id),
            ("011CZqsFASj2XCFz3pdXFy4Q", Shape::Id),
            ("9e107d9d372bb6826bd81d3542a419d6", Shape::Digest),
            ("S3UploadFailedError", Shape::Word),
            ("X509v3Extension", Shape::Word),
            ("2xlarge", Shape::Word),
            ("kdlqp", Shape::Word),
        ];
        for (word, expected) in table {
            assert_eq!(shape(word, false), expected, "{word}");
        }
        assert_eq!(shape("kdlqp", true), Shape::Id, "the end of a name of Kubernetes");
        assert_eq!(shape("https", true), Shape::Word);
    }
}
