//! Codes of errors, and where they stand in a text.

/// What kind of code it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum CodeKind {
    /// The name of an errno.
    Errno,
    /// An SQLSTATE: five characters. In a rule also a class of two.
    Sqlstate,
    /// An HTTP status.
    HttpStatus,
    /// A status of gRPC.
    Grpc,
    /// The exit code of a process.
    ExitCode,
    /// The name of a signal.
    Signal,
    /// What a provider calls the failure, such as `ThrottlingException` or, with a prefix, `mysql:1205`.
    Provider,
}

/// A code in its canonical form.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Code {
    /// Its kind.
    pub kind: CodeKind,
    /// Its value in lower case: `econnrefused`, `40001`, `503`, `deadlineexceeded` (gRPC: without underscores), `137`,
    /// `sigkill`, `throttlingexception`, `mysql:1205`.
    pub value: String,
}

impl Code {
    /// Read a code as a rule, a text or an exception writes it; None where it is no code of this kind.
    #[must_use]
    pub fn read(kind: CodeKind, written: &str) -> Option<Self> {
        let mut value = written.to_ascii_lowercase();
        if kind == CodeKind::Grpc {
            value.retain(|character| character != '_');
        }
        Some(Self { kind, value })
    }
}

/// A way in which texts show a code.
#[derive(Debug, Clone, Copy)]
pub struct CodePattern {
    /// The kind of code.
    pub kind: CodeKind,
    /// Matched against the lower-cased text like the patterns of rules; its one group is the code.
    pub pattern: &'static str,
    /// Put before what the group holds: `mysql:` for the numbers of a database, mostly nothing.
    pub prefix: &'static str,
    /// Who writes it so.
    pub reason: &'static str,
}

const fn written(kind: CodeKind, pattern: &'static str, reason: &'static str) -> CodePattern {
    CodePattern { kind, pattern, prefix: "", reason }
}

/// How texts show codes. Names of errnos, signals and provider codes need no row: they are found as bounded words.
pub const IN_TEXT: &[CodePattern] = &[
    written(CodeKind::Errno, r"errno (-?\d+)\b", "Python: [Errno 111] Connection refused"),
    written(CodeKind::HttpStatus, r"\b(\d{3}) (?:client|server) error", "requests: 503 Server Error"),
    written(CodeKind::Sqlstate, r"sqlstate[ :=\[(]+([0-9a-z]{5})\b", "PDO, JDBC, psql: SQLSTATE[40001]"),
    written(CodeKind::Grpc, r"statuscode\.([a-z_]+)", "grpcio: StatusCode.UNAVAILABLE"),
    written(CodeKind::ExitCode, r"non-zero exit status (\d+)", "subprocess: returned non-zero exit status 1"),
];
