//! Reading a pattern of Python's `re`.

/// What a pattern asks of a lower-cased message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rule {
    /// These literals, in this order, on one line: literals joined by `.*`. None at all: every message matches.
    Literals(Vec<String>),
    /// Only the caller's regular-expression engine can tell.
    Foreign {
        /// A literal that stands in every message that matches; None where none is certain.
        required: Option<String>,
    },
}

/// Read `pattern`. What is not certainly literals joined by `.*` is foreign, invalid patterns included.
#[must_use]
pub fn parse(pattern: &str) -> Rule {
    match literals(pattern) {
        Some(literals) => Rule::Literals(literals),
        None => Rule::Foreign { required: required_literal(pattern) },
    }
}

fn literals(pattern: &str) -> Option<Vec<String>> {
    let mut segments = Vec::new();
    let mut segment = String::new();
    let mut characters = pattern.chars().peekable();
    while let Some(character) = characters.next() {
        let literal = match character {
            '.' => {
                // `.*` and `.*?` differ in what they match, not in whether they do. `.*+` and `.*??` are other syntax.
                characters.next_if_eq(&'*')?;
                characters.next_if_eq(&'?');
                if characters.peek().is_some_and(|next| is_quantifier(*next)) {
                    return None;
                }
                segments.push(std::mem::take(&mut segment));
                continue;
            }
            '\\' => characters.next().filter(|escaped| escaped.is_ascii() && !escaped.is_ascii_alphanumeric())?,
            '^' | '$' | '*' | '+' | '?' | '{' | '[' | '|' | '(' | ')' => return None,
            ordinary => ordinary,
        };
        // A literal line break spans two lines, which the one-line search of the engine cannot see.
        if literal == '\n' || characters.peek().is_some_and(|next| is_quantifier(*next)) {
            return None;
        }
        segment.push(literal);
    }
    segments.push(segment);
    // An empty segment, as before a leading `.*`, matches everywhere.
    segments.retain(|segment| !segment.is_empty());
    Some(segments)
}

fn is_quantifier(character: char) -> bool {
    matches!(character, '*' | '+' | '?' | '{')
}

/// The longest run of characters that every match of `pattern` contains.
///
/// Only where the pattern has neither groups nor alternatives, so that everything in it is required unless its own
/// quantifier says otherwise. Gives up, rather than guesses, at anything else.
fn required_literal(pattern: &str) -> Option<String> {
    let mut runs = Vec::new();
    let mut run = String::new();
    let mut characters = pattern.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '(' | ')' | '|' => return None,
            '[' => {
                runs.push(std::mem::take(&mut run));
                skip_class(&mut characters)?;
            }
            '.' | '^' | '$' | '+' => runs.push(std::mem::take(&mut run)),
            '\\' => match characters.next()? {
                'd' | 'D' | 's' | 'S' | 'w' | 'W' | 'b' | 'B' | 'A' | 'Z' => runs.push(std::mem::take(&mut run)),
                escaped if escaped.is_ascii() && !escaped.is_ascii_alphanumeric() => run.push(escaped),
                _ => return None,
            },
            '*' | '?' | '{' => {
                run.pop();
                runs.push(std::mem::take(&mut run));
                if character == '{' {
                    skip_repetition(&mut characters)?;
                }
            }
            ordinary => run.push(ordinary),
        }
    }
    runs.push(run);
    runs.into_iter().filter(|run| !run.is_empty()).max_by_key(String::len)
}

/// Skip the rest of a repetition such as `{2,5}`; None where the brace is a literal one.
fn skip_repetition(characters: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Option<()> {
    while characters.next_if(|next| next.is_ascii_digit() || *next == ',').is_some() {}
    characters.next_if_eq(&'}').map(|_| ())
}

/// Skip the rest of a character class; None where it does not end.
fn skip_class(characters: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Option<()> {
    characters.next_if_eq(&'^');
    characters.next_if_eq(&']');
    loop {
        match characters.next()? {
            ']' => return Some(()),
            '\\' => {
                characters.next()?;
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_joined_by_gaps_are_native() {
        let table: &[(&str, &[&str])] = &[
            ("out of memory", &["out of memory"]),
            ("docker.*daemon.*not.*running", &["docker", "daemon", "not", "running"]),
            ("timeout.*?connecting", &["timeout", "connecting"]),
            (".*refused.*", &["refused"]),
            (r"a\.b\ c\-d", &["a.b c-d"]),
            ("}]", &["}]"]),
            ("é.*ß", &["é", "ß"]),
            ("", &[]),
            (".*", &[]),
        ];
        for (pattern, literals) in table {
            assert_eq!(parse(pattern), Rule::Literals(literals.iter().map(ToString::to_string).collect()), "{pattern}");
        }
    }

    #[test]
    fn everything_else_is_foreign_behind_what_it_requires() {
        let table: &[(&str, Option<&str>)] = &[
            (r"retry \d+ of", Some("retry ")),
            ("timeouts? connecting", Some(" connecting")),
            ("timeout$", Some("timeout")),
            ("ab+cde", Some("cde")),
            ("abc{0,3}d", Some("ab")),
            ("[a-z]rest", Some("rest")),
            ("[]x]rest", Some("rest")),
            ("aa.b", Some("aa")),
            ("one\ntwo", Some("one\ntwo")),
            (".*+tail", Some("tail")),
            ("(?i)Foo", None),
            ("foo|barbarbar", None),
            (r"(\w+) \1", None),
            (r"\x41bc", None),
            ("[unclosed", None),
            ("trailing\\", None),
            ("*", None),
            ("a{", None),
            // The brace is a literal one, and what follows is not required as it stands.
            ("a{[}]}", None),
            ("ab{,3}cd", Some("cd")),
        ];
        for (pattern, required) in table {
            let required = required.map(str::to_owned);
            assert_eq!(parse(pattern), Rule::Foreign { required }, "{pattern}");
        }
    }
}
