//! Codes of errors: their kinds, their canonical form, and how texts show them.

mod in_text;
mod names;

pub use in_text::{CodePattern, IN_TEXT};

use std::fmt;

/// What kind of code it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum CodeKind {
    /// The name of an errno, or of an error of the resolver (`EAI_AGAIN`).
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

/// Longest code of a provider, in bytes. What is longer is prose.
const LONGEST_PROVIDER_CODE: usize = 100;

impl Code {
    /// Read a code as a rule, a text or an exception writes it; None where it is no code of this kind.
    ///
    /// Numbers and names of the same errno, signal or gRPC status give the same code. Numbers of errnos are Linux's;
    /// negative ones are those of its resolver.
    #[must_use]
    pub fn read(kind: CodeKind, written: &str) -> Option<Self> {
        let written = written.trim().to_ascii_lowercase();
        let value = match kind {
            CodeKind::Errno => names::errno(&written).map(str::to_ascii_lowercase),
            CodeKind::Signal => names::signal(&written).map(str::to_ascii_lowercase),
            CodeKind::Grpc => names::grpc(&written).map(str::to_owned),
            CodeKind::Sqlstate => is_sqlstate(&written).then_some(written),
            CodeKind::HttpStatus => {
                written.parse().ok().filter(|status| is_http_error(*status)).map(|status| status.to_string())
            }
            CodeKind::ExitCode => written.parse().ok().map(|code: u32| code.to_string()),
            CodeKind::Provider => is_provider_code(&written).then_some(written),
        }?;
        Some(Self { kind, value })
    }
}

impl fmt::Display for Code {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.value)
    }
}

/// Classes of SQLSTATE in the SQL standard, PostgreSQL, MySQL, Db2 and ODBC. Five letters are a word more often than a
/// code, so no others count.
const SQLSTATE_CLASSES: &str = "00 01 02 03 07 08 09 0a 0b 0d 0e 0f 0k 0l 0m 0n 0p 0s 0t 0u 0v 0w 0x 0y 0z 10 20 21 22 \
                                23 24 25 26 27 28 2b 2c 2d 2e 2f 2h 30 33 34 35 36 38 39 3b 3c 3d 3f 40 42 44 45 46 51 \
                                53 54 55 56 57 58 70 72 f0 hv hy hz im p0 s0 s1 xa xx";

fn is_sqlstate(written: &str) -> bool {
    let known = |class: &str| SQLSTATE_CLASSES.split(' ').any(|known| known == class);
    match written.len() {
        2 => known(written),
        5 => {
            written.bytes().all(|byte| byte.is_ascii_alphanumeric())
                && written.bytes().any(|byte| byte.is_ascii_digit())
                && known(&written[..2])
        }
        _ => false,
    }
}

/// Registered and well-known statuses of errors only: among the other numbers are ports such as 443 and 465.
fn is_http_error(status: u16) -> bool {
    matches!(
        status,
        400..=426 | 428..=431 | 440 | 444 | 449..=451 | 460 | 463 | 494..=511 | 520..=530 | 561 | 598 | 599
    )
}

fn is_provider_code(written: &str) -> bool {
    (1..=LONGEST_PROVIDER_CODE).contains(&written.len())
        && written.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.:/#".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn whatever_way_a_code_is_written_it_is_the_same_code() {
        use CodeKind::{Errno, ExitCode, Grpc, HttpStatus, Provider, Signal, Sqlstate};
        let table = [
            (Errno, "ECONNREFUSED", Some("econnrefused")),
            (Errno, "111", Some("econnrefused")),
            (Errno, "EWOULDBLOCK", Some("eagain")),
            (Errno, "11", Some("eagain")),
            (Errno, "ENOTSUP", Some("eopnotsupp")),
            (Errno, "EDEADLOCK", Some("edeadlk")),
            (Errno, "-3", Some("eai_again")),
            (Errno, "EAI_AGAIN", Some("eai_again")),
            (Errno, "ENOTFOUND", Some("eai_noname")),
            (Errno, "winerror:10061", Some("econnrefused")),
            (Errno, "winerror:1", None),
            (Errno, "134", None),
            (Errno, "0", None),
            (Errno, "-99", None),
            (Errno, "ENOWAY", None),
            (Sqlstate, "40P01", Some("40p01")),
            (Sqlstate, "08", Some("08")),
            (Sqlstate, "99", None),
            (Sqlstate, "hyper", None),
            (Sqlstate, "value", None),
            (Sqlstate, "4000", None),
            (HttpStatus, "503", Some("503")),
            (HttpStatus, "529", Some("529")),
            (HttpStatus, "443", None),
            (HttpStatus, "200", None),
            (HttpStatus, "1205", None),
            (Grpc, "DEADLINE_EXCEEDED", Some("deadlineexceeded")),
            (Grpc, "DeadlineExceeded", Some("deadlineexceeded")),
            (Grpc, "CANCELED", Some("cancelled")),
            (Grpc, "14", Some("unavailable")),
            (Grpc, "0", None),
            (Grpc, "ok", None),
            (Grpc, "17", None),
            (ExitCode, "0137", Some("137")),
            (ExitCode, "50005", Some("50005")),
            (ExitCode, "-9", None),
            (Signal, "SIGKILL", Some("sigkill")),
            (Signal, "9", Some("sigkill")),
            (Signal, "KILL", Some("sigkill")),
            (Signal, "killed", Some("sigkill")),
            (Signal, "segmentation fault", Some("sigsegv")),
            (Signal, "SIGIOT", Some("sigabrt")),
            (Signal, "0", None),
            (Signal, "64", None),
            (Provider, "ThrottlingException", Some("throttlingexception")),
            (Provider, "mysql:1205", Some("mysql:1205")),
            (Provider, "Requested Range Not Satisfiable", None),
            (Provider, "", None),
        ];
        for (kind, written, value) in table {
            assert_eq!(Code::read(kind, written).map(|code| code.value).as_deref(), value, "{kind:?} {written}");
        }
    }

    proptest! {
        #[test]
        fn a_canonical_value_reads_as_itself(number in -20..140_i32, kind in 0..7_usize) {
            use CodeKind::{Errno, ExitCode, Grpc, HttpStatus, Provider, Signal, Sqlstate};
            let kind = [Errno, Sqlstate, HttpStatus, Grpc, ExitCode, Signal, Provider][kind];
            if let Some(code) = Code::read(kind, &number.to_string()) {
                prop_assert_eq!(Code::read(kind, &code.value), Some(code));
            }
        }

        #[test]
        fn no_text_is_too_strange_to_be_read(written in any::<String>()) {
            use CodeKind::{Errno, ExitCode, Grpc, HttpStatus, Provider, Signal, Sqlstate};
            for kind in [Errno, Sqlstate, HttpStatus, Grpc, ExitCode, Signal, Provider] {
                if let Some(code) = Code::read(kind, &written) {
                    prop_assert!(!code.value.is_empty() && code.value.is_ascii(), "{:?}", code);
                }
            }
        }
    }
}
