//! Reading packs and rules.
//!
//! A rule comes from a TOML file or from a program; either is brought into the form of [`Value`] first, so that both are
//! read, checked and refused alike.

use super::codes::{Code, CodeKind};
use super::pattern::Pattern;
use super::rule::{CODE_KEYS, Example, Noise, Pack, Rule, Strength, Verdict, WrittenCode};
use crate::error::Error;
use std::fmt;
use toml::de::{DeTable, DeValue};

/// A value of a rule as it was written.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A text.
    Text(String),
    /// A whole number.
    Integer(i64),
    /// Several values.
    List(Vec<Value>),
    /// Keys and values.
    Table(Table),
    /// What no key takes, as it is to be shown.
    Other(String),
}

/// Keys and values, in the order in which they are written.
pub type Table = Vec<(String, Value)>;

impl fmt::Display for Value {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(formatter, "{text:?}"),
            Self::Integer(number) => write!(formatter, "{number}"),
            Self::List(values) if values.is_empty() => write!(formatter, "an empty list"),
            Self::List(_) => write!(formatter, "a list"),
            Self::Table(_) => write!(formatter, "a table"),
            Self::Other(shown) => write!(formatter, "{shown}"),
        }
    }
}

impl From<&DeValue<'_>> for Value {
    fn from(value: &DeValue<'_>) -> Self {
        match value {
            DeValue::String(text) => Self::Text(text.clone().into_owned()),
            DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
                .map_or_else(|_| Self::Other(number.to_string()), Self::Integer),
            DeValue::Array(values) => Self::List(values.iter().map(|value| Self::from(value.get_ref())).collect()),
            DeValue::Table(table) => Self::Table(entries(table)),
            DeValue::Float(_) | DeValue::Boolean(_) | DeValue::Datetime(_) => {
                Self::Other(format!("a {}", value.type_str()))
            }
        }
    }
}

fn entries(table: &DeTable<'_>) -> Table {
    table.iter().map(|(key, value)| (key.get_ref().clone().into_owned(), Value::from(value.get_ref()))).collect()
}

/// Read a pack.
///
/// # Errors
/// [`Error::Pack`] for what is no TOML, [`Error::Rule`] for a rule that cannot be used.
pub fn read_pack(name: &str, source: &str) -> Result<Pack, Error> {
    let refused = |reason: String| Error::Pack { pack: name.to_owned(), reason };
    let document = DeTable::parse(source).map_err(|error| refused(at_line(source, &error)))?;
    let mut fields = Fields::new(name, entries(document.get_ref()));
    let pack = Pack {
        name: name.to_owned(),
        title: fields.text("title")?,
        about: fields.text("about")?,
        rules: read_rules(name, fields.tables("rule")?)?,
        noise: fields.tables("noise")?.into_iter().map(|table| read_noise(name, table)).collect::<Result<_, _>>()?,
    };
    fields.finish(&["title", "about", "rule", "noise"])?;
    Ok(pack)
}

fn at_line(source: &str, error: &toml::de::Error) -> String {
    let line = |span: std::ops::Range<usize>| source[..span.start.min(source.len())].matches('\n').count() + 1;
    error.span().map_or_else(|| error.message().to_owned(), |span| format!("line {}: {}", line(span), error.message()))
}

/// Read the rules of `pack`, which stands before their names.
///
/// # Errors
/// [`Error::Rule`] for a rule that cannot be used.
pub fn read_rules(pack: &str, tables: Vec<Table>) -> Result<Vec<Rule>, Error> {
    let mut rules: Vec<Rule> = Vec::with_capacity(tables.len());
    for (number, table) in tables.into_iter().enumerate() {
        let rule = read_rule(pack, number, table)?;
        if rules.iter().any(|other| other.id == rule.id) {
            return Err(Error::Rule {
                rule: format!("{pack}/{}", rule.id),
                key: String::from("id"),
                value: format!("{:?}", rule.id),
                reason: String::from("another rule has it; give each rule a name of its own"),
            });
        }
        rules.push(rule);
    }
    Ok(rules)
}

const KEYS: [&str; 17] = [
    "id",
    "verdict",
    "why",
    "strength",
    "message",
    "also",
    "unless",
    "exception",
    "errno",
    "sqlstate",
    "http_status",
    "grpc",
    "exit_code",
    "signal",
    "code",
    "examples",
    "counterexamples",
];

/// Read one rule of `pack`; `number` names it where it has no name of its own.
///
/// # Errors
/// [`Error::Rule`] for a rule that cannot be used.
pub fn read_rule(pack: &str, number: usize, table: Table) -> Result<Rule, Error> {
    let mut fields = Fields::new(&format!("{pack}/#{}", number + 1), table);
    let id = fields.text("id")?;
    let kebab = |character: char| character.is_ascii_lowercase() || character.is_ascii_digit() || character == '-';
    if !id.starts_with(|first: char| first.is_ascii_lowercase()) || !id.chars().all(kebab) {
        return Err(fields.refused("id", &Value::Text(id), "write it in kebab-case, such as \"daemon-unreachable\""));
    }
    fields.name = format!("{pack}/{id}");
    let verdict = fields.one_of("verdict", &Verdict::NAMES)?.ok_or_else(|| fields.missing("verdict"))?;
    let why = fields.line("why")?;
    let strength = fields.one_of("strength", &Strength::NAMES)?;
    let message = fields.patterns("message")?;
    let also = fields.patterns("also")?;
    let unless = fields.patterns("unless")?;
    let exception = fields.classes("exception")?;
    let codes = fields.codes()?;
    if message.is_empty() && exception.is_empty() && codes.is_empty() {
        return Err(fields.refused(
            "message",
            &Value::List(Vec::new()),
            "nothing says what the rule matches; give it a message, an exception or a code",
        ));
    }
    let strength = strength.unwrap_or_else(|| default_strength(&message, &codes));
    let examples = fields.examples("examples")?;
    let counterexamples = fields.examples("counterexamples")?;
    fields.finish(&KEYS)?;
    let words = words(&exception, &codes);
    Ok(Rule { id, verdict, why, strength, message, words, also, unless, exception, codes, examples, counterexamples })
}

/// The names that stand for themselves in a text. Codes of other kinds are known only by what stands beside them.
fn words(exception: &[String], codes: &[WrittenCode]) -> Vec<Pattern> {
    let classes = exception.iter().filter_map(|dotted| Pattern::class(dotted));
    let codes = codes.iter().filter_map(|WrittenCode { code, .. }| match code.kind {
        CodeKind::Errno | CodeKind::Signal => Pattern::name(&code.value),
        CodeKind::Provider if !code.value.contains(':') => Pattern::code(&code.value),
        _ => None,
    });
    classes.chain(codes).collect()
}

/// Rules that read prose know causes; of codes the most precise one counts.
fn default_strength(message: &[Pattern], codes: &[WrittenCode]) -> Strength {
    if !message.is_empty() {
        Strength::Cause
    } else if codes.iter().any(|code| !matches!(code.code.kind, CodeKind::HttpStatus | CodeKind::ExitCode)) {
        Strength::Code
    } else if !codes.is_empty() {
        Strength::Status
    } else {
        Strength::Class
    }
}

fn read_noise(pack: &str, table: Table) -> Result<Noise, Error> {
    let mut fields = Fields::new(&format!("{pack}/noise"), table);
    let text = fields.text("pattern")?;
    fields.name = format!("{pack}/noise {text:?}");
    let pattern = fields.pattern("pattern", &text)?;
    let noise = Noise { pattern, why: fields.line("why")?, example: fields.text("example")? };
    fields.finish(&["pattern", "why", "example"])?;
    Ok(noise)
}

fn no_such_code(kind: CodeKind) -> &'static str {
    match kind {
        CodeKind::Errno => "Linux has no such errno; write names of other systems under `code`",
        CodeKind::Sqlstate => "write the five characters of an SQLSTATE, or the two of a class",
        CodeKind::HttpStatus => "write the status of an error of HTTP",
        CodeKind::Grpc => "write the name of a status of gRPC, such as \"UNAVAILABLE\"",
        CodeKind::ExitCode => "write the exit code of a process",
        CodeKind::Signal => "write the name of a signal, such as \"SIGTERM\"",
        CodeKind::Provider => "write a code as providers do, without blanks, or a message",
    }
}

/// The keys of a table that have not been read yet, under the name of what the table describes.
struct Fields {
    name: String,
    table: Table,
}

impl Fields {
    fn new(name: &str, table: Table) -> Self {
        Self { name: name.to_owned(), table }
    }

    fn refused(&self, key: &str, value: &Value, reason: &str) -> Error {
        Error::Rule {
            rule: self.name.clone(),
            key: key.to_owned(),
            value: value.to_string(),
            reason: reason.to_owned(),
        }
    }

    fn missing(&self, key: &str) -> Error {
        self.refused(key, &Value::Other(String::from("nothing")), "it is required")
    }

    fn take(&mut self, key: &str) -> Option<Value> {
        let position = self.table.iter().position(|(name, _)| name == key)?;
        Some(self.table.swap_remove(position).1)
    }

    fn optional_text(&mut self, key: &str) -> Result<Option<String>, Error> {
        match self.take(key) {
            None => Ok(None),
            Some(Value::Text(text)) if !text.trim().is_empty() => Ok(Some(text)),
            Some(other) => Err(self.refused(key, &other, "write a text")),
        }
    }

    /// A text that may be empty or left out.
    fn any_text(&mut self, key: &str) -> Result<String, Error> {
        match self.take(key) {
            None => Ok(String::new()),
            Some(Value::Text(text)) => Ok(text),
            Some(other) => Err(self.refused(key, &other, "write a text")),
        }
    }

    fn text(&mut self, key: &str) -> Result<String, Error> {
        self.optional_text(key)?.ok_or_else(|| self.missing(key))
    }

    fn line(&mut self, key: &str) -> Result<String, Error> {
        let text = self.text(key)?;
        if text.contains('\n') || text.ends_with('.') {
            return Err(self.refused(key, &Value::Text(text), "write one line without a full stop"));
        }
        Ok(text)
    }

    fn one_of<T: Copy>(&mut self, key: &str, names: &[(&str, T)]) -> Result<Option<T>, Error> {
        let Some(text) = self.optional_text(key)? else { return Ok(None) };
        if let Some((_, value)) = names.iter().find(|(name, _)| *name == text) {
            return Ok(Some(*value));
        }
        let known: Vec<&str> = names.iter().map(|(name, _)| *name).collect();
        Err(self.refused(key, &Value::Text(text), &format!("write one of {}", known.join(", "))))
    }

    /// The values of a list; a single value is a list of one.
    fn list(&mut self, key: &str) -> Vec<Value> {
        match self.take(key) {
            None => Vec::new(),
            Some(Value::List(values)) => values,
            Some(value) => vec![value],
        }
    }

    fn texts(&mut self, key: &str) -> Result<Vec<String>, Error> {
        let values = self.list(key);
        let text = |value| match value {
            Value::Text(text) => Ok(text),
            other => Err(self.refused(key, &other, "write texts")),
        };
        values.into_iter().map(text).collect()
    }

    fn tables(&mut self, key: &str) -> Result<Vec<Table>, Error> {
        let values = self.list(key);
        let table = |value| match value {
            Value::Table(table) => Ok(table),
            other => Err(self.refused(key, &other, "write tables")),
        };
        values.into_iter().map(table).collect()
    }

    fn pattern(&self, key: &str, text: &str) -> Result<Pattern, Error> {
        Pattern::new(text).map_err(|reason| self.refused(key, &Value::Text(text.to_owned()), &reason))
    }

    fn patterns(&mut self, key: &str) -> Result<Vec<Pattern>, Error> {
        let texts = self.texts(key)?;
        texts.iter().map(|text| self.pattern(key, text)).collect()
    }

    fn classes(&mut self, key: &str) -> Result<Vec<String>, Error> {
        let names = self.texts(key)?;
        let is_name = |part: &str| {
            part.starts_with(|first: char| first.is_alphabetic() || first == '_')
                && part.chars().all(|character| character.is_alphanumeric() || character == '_')
        };
        for name in &names {
            if !name.split('.').all(is_name) {
                let reason = "write the dotted name of a class, such as \"docker.errors.ImageNotFound\"";
                return Err(self.refused(key, &Value::Text(name.clone()), reason));
            }
        }
        Ok(names)
    }

    fn codes(&mut self) -> Result<Vec<WrittenCode>, Error> {
        let mut codes = Vec::new();
        for (key, kind) in CODE_KEYS {
            for value in self.list(key) {
                let written = match &value {
                    Value::Text(text) => text.clone(),
                    Value::Integer(number) => number.to_string(),
                    _ => return Err(self.refused(key, &value, "write texts or whole numbers")),
                };
                // Python tells by a negative exit code which signal ended a process.
                let signal = written.strip_prefix('-').filter(|_| kind == CodeKind::ExitCode);
                let read =
                    signal.map_or_else(|| Code::read(kind, &written), |number| Code::read(CodeKind::Signal, number));
                let Some(code) = read else {
                    return Err(self.refused(key, &value, no_such_code(kind)));
                };
                let written = if signal.is_some() { code.value.to_ascii_uppercase() } else { written };
                codes.push(WrittenCode { written, code });
            }
        }
        Ok(codes)
    }

    fn examples(&mut self, key: &str) -> Result<Vec<Example>, Error> {
        let mut examples = Vec::new();
        for value in self.list(key) {
            examples.push(match value {
                Value::Text(message) => Example { message, ..Example::default() },
                Value::Table(table) => {
                    let mut fields = Self::new(&self.name, table);
                    let example = Example {
                        message: fields.any_text("message")?,
                        exception: fields.classes("exception")?,
                        codes: fields.codes()?,
                    };
                    let keys: Vec<&str> =
                        ["message", "exception"].into_iter().chain(CODE_KEYS.map(|key| key.0)).collect();
                    fields.finish(&keys)?;
                    example
                }
                other => return Err(self.refused(key, &other, "write a text, or a table of evidence")),
            });
        }
        Ok(examples)
    }

    /// Refuse keys that nobody asked for.
    fn finish(self, known: &[&str]) -> Result<(), Error> {
        let Some((key, value)) = self.table.first() else { return Ok(()) };
        Err(self.refused(key, value, &format!("there is no such key; known are {}", known.join(", "))))
    }
}
