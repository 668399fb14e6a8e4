//! How texts show codes, as data.

use super::CodeKind::{self, Errno, ExitCode, Grpc, HttpStatus, Provider, Signal, Sqlstate};

/// A way in which texts show a code.
#[derive(Debug, Clone, Copy)]
pub struct CodePattern {
    /// The kind of code.
    pub kind: CodeKind,
    /// Matched against the lower-cased text like the patterns of rules; its one group is the code.
    pub pattern: &'static str,
    /// Put before what the group holds: `mysql:` for the numbers of MySQL, mostly nothing.
    pub prefix: &'static str,
    /// Who writes it so.
    pub reason: &'static str,
    /// Texts, and the canonical code that each shows.
    pub examples: &'static [(&'static str, &'static str)],
    /// Texts that resemble these and show no such code.
    pub counterexamples: &'static [&'static str],
}

const fn row(
    kind: CodeKind,
    pattern: &'static str,
    prefix: &'static str,
    reason: &'static str,
    examples: &'static [(&'static str, &'static str)],
    counterexamples: &'static [&'static str],
) -> CodePattern {
    CodePattern { kind, pattern, prefix, reason, examples, counterexamples }
}

/// How texts show codes. Names of errnos, signals and provider codes need no row: they are found as bounded words.
///
/// What a group holds still has to be a code of its kind: `status 443` shows none.
pub const IN_TEXT: &[CodePattern] = &[
    row(
        Errno,
        r"errno (-?\d{1,3})\b",
        "",
        "Python, where negative numbers are the resolver's",
        &[
            ("[Errno 111] Connection refused", "econnrefused"),
            ("<urlopen error [Errno -3] Temporary failure in name resolution>", "eai_again"),
        ],
        &["[Errno None] Unable to connect", "(Errno 3001) unknown column", "errno -99"],
    ),
    row(
        Errno,
        r#"errno["']?[:=] ?["']?-?(\d{1,3})\b"#,
        "",
        "Node, where negative numbers are errnos; C programs, MySQL's storage engines",
        &[
            ("{ errno: -111, code: 'ECONNREFUSED', syscall: 'connect' }", "econnrefused"),
            ("read failed, errno=5", "eio"),
            (r#""errno": 28"#, "enospc"),
        ],
        &["errno: -3008", "Can't create table `a`.`b` (errno: 150)"],
    ),
    row(
        Errno,
        r"os error (\d{1,3})\b",
        "",
        "Rust",
        &[("Connection refused (os error 111)", "econnrefused")],
        &["An OS error occurred (111)", "(os error 10061)"],
    ),
    row(
        Errno,
        r"winerror (\d{1,5})\b",
        "winerror:",
        "Python on Windows",
        &[("[WinError 10061] No connection could be made", "econnrefused")],
        &["[WinError 999999] no such number", "[WinError 1] Incorrect function"],
    ),
    row(
        Errno,
        concat!(
            r"\b(?:oserror|ioerror|connection[a-z]*error|brokenpipeerror|timeouterror|permissionerror|",
            r"fileexistserror|filenotfounderror|isadirectoryerror|notadirectoryerror|gaierror)\((-?\d{1,3}), ",
        ),
        "",
        "the repr of an OSError, inside the text of another exception",
        &[
            ("('Connection aborted.', ConnectionResetError(104, 'Connection reset by peer'))", "econnreset"),
            ("caused by gaierror(-2, 'Name or service not known')", "eai_noname"),
        ],
        &["KeyError(104, 'x')", "HTTPError(404, 'Not Found')", "OSError('no number')"],
    ),
    row(
        Errno,
        r"\b(ewouldblock|edeadlock|enotsup|enotfound|eservfail|ebadname|etimeout|esockettimedout)\b",
        "",
        "second names of errnos, and those of c-ares and Node",
        &[("getaddrinfo ENOTFOUND db.example", "eai_noname"), ("Error: ESOCKETTIMEDOUT", "etimedout")],
        &["ENOTFOUNDED", "_EWOULDBLOCK"],
    ),
    row(
        Sqlstate,
        r#"sql ?state["']?[ :=\[("']{1,3}([0-9a-z]{5})\b"#,
        "",
        "PDO, JDBC, Spring, pgx, Db2",
        &[
            ("SQLSTATE[40001]: Serialization failure", "40001"),
            ("ERROR: deadlock detected (SQLSTATE 40P01)", "40p01"),
            ("SQL state [72000]; error code [20001]", "72000"),
            ("sqlState: '40001'", "40001"),
            ("SQLCODE=-911, SQLSTATE=40001, DRIVER=4.26", "40001"),
        ],
        &["SQLSTATE value missing", "the SQLSTATE error", "SQLSTATE 400011"],
    ),
    row(
        Sqlstate,
        r"\b(?:error|fatal|panic): {1,2}([0-9a-z]{5}): ",
        "",
        "PostgreSQL with verbose errors",
        &[("ERROR:  40P01: deadlock detected", "40p01")],
        &["error: hyper: connection closed", "error: 99999: no such class"],
    ),
    row(
        Sqlstate,
        r"error \d{4} \(([0-9a-z]{5})\)",
        "",
        "the client of MySQL and MariaDB",
        &[("ERROR 1213 (40001) at line 1: Deadlock found", "40001")],
        &["error 1213 (later)"],
    ),
    row(
        HttpStatus,
        r#"status(?:[ _-]?code)?["']?[ :=("'\[]{0,3}(\d{3})\b"#,
        "",
        "most clients and servers",
        &[
            ("unexpected status code 503", "503"),
            ("Request failed with status code 429", "429"),
            ("received unexpected HTTP status: 502 Bad Gateway", "502"),
            (r#"{"statusCode":404}"#, "404"),
            ("StatusCode=409 -- Original Error", "409"),
            ("status: '500'", "500"),
        ],
        &["exit status 137", "status 443", "status 5034", "statuses of 503", "status code 200"],
    ),
    row(
        HttpStatus,
        r"\b(\d{3}) (?:client|server) error\b",
        "",
        "requests",
        &[("503 Server Error: Service Unavailable for url: http://api.example/", "503")],
        &["1503 server errors", "500 server errors since noon"],
    ),
    row(
        HttpStatus,
        r#"(?:client|server) error ['"(]{1,2}(\d{3})\b"#,
        "",
        "httpx, reqwest",
        &[
            ("Client error '404 Not Found' for url 'http://api.example/'", "404"),
            ("HTTP status server error (503 Service Unavailable) for url", "503"),
        ],
        &["server error (5031)"],
    ),
    row(
        HttpStatus,
        r"returned error: (\d{3})\b",
        "",
        "curl, git",
        &[("The requested URL returned error: 403", "403")],
        &["returned error: 1045"],
    ),
    row(
        HttpStatus,
        r"\bhttp(?:/\d(?:\.\d)?)?(?: error| response| result)?(?: code)?[ :=]{1,3}(\d{3})\b",
        "",
        "urllib, Java, wget, status lines",
        &[
            ("HTTP Error 503: Service Unavailable", "503"),
            ("Server returned HTTP response code: 502 for URL", "502"),
            ("HTTP/1.1 429 Too Many Requests", "429"),
            ("failed: HTTP 500", "500"),
        ],
        &["http://10.0.0.1:500/", "http port 443", "https 503rd"],
    ),
    row(
        HttpStatus,
        r#"(?:response|error) ?code["']?[ :=("']{1,3}(\d{3})\b"#,
        "",
        "clients of language models, of Java, of appliances",
        &[("Error code: 429 - {'error': {'code': 'insufficient_quota'}}", "429"), ("response code 503", "503")],
        &["Error Code: 1205. Lock wait timeout exceeded", "error code 17"],
    ),
    row(
        HttpStatus,
        r#"["']code["'] ?: ?["']?(\d{3})\b"#,
        "",
        "JSON bodies of Google and others",
        &[(r#"{"error": {"code": 403, "status": "PERMISSION_DENIED"}}"#, "403"), ("{'code': 503}", "503")],
        &[r#"{"code": 1205}"#, r#"{"code": 35}"#],
    ),
    row(
        HttpStatus,
        concat!(
            r"\b(\d{3})[ :-]{1,3}(?:page )?(?:bad request|unauthorized|payment required|forbidden|not found|",
            r"method not allowed|not acceptable|proxy authentication required|request time-?out|conflict|gone\b|",
            r"length required|precondition failed|request entity too large|payload too large|content too large|",
            r"uri too long|request-uri too|unsupported media type|range not satisfiable|requested range|",
            r"unprocessable|locked\b|failed dependency|precondition required|too many requests|",
            r"request header fields|unavailable for legal)",
        ),
        "",
        "a status and its reason phrase, where the client is to blame",
        &[("ERROR 404: Not Found.", "404"), ("404 page not found", "404"), ("429 Too Many Requests", "429")],
        &["443 not found", "1404 not found", "file 12 not found"],
    ),
    row(
        HttpStatus,
        concat!(
            r"\b(\d{3})[ :-]{1,3}(?:internal server error|not implemented|bad gateway|service unavailable|",
            r"service temporarily unavailable|gateway time-?out|http version not|insufficient storage|slow down|",
            r"web server is down|origin is unreachable|site is overloaded|overloaded)",
        ),
        "",
        "the same where the server is",
        &[
            ("npm ERR! 503 Service Unavailable - GET https://npm.example/left-pad", "503"),
            ("504 Gateway Time-out", "504"),
        ],
        &["5031 service unavailable", "600 overloaded"],
    ),
    row(
        HttpStatus,
        r"\b(?:api|googleapi:) error [(]?(\d{3})\b",
        "",
        "Docker's client, Google's for Go",
        &[
            ("API error (404): repository example/app not found", "404"),
            ("googleapi: Error 409: already exists, alreadyExists", "409"),
        ],
        &["API error (40410)"],
    ),
    row(
        HttpStatus,
        r"<httperror (\d{3}) when",
        "",
        "Google's client for Python",
        &[("<HttpError 403 when requesting https://www.example/ returned", "403")],
        &["<HttpError when requesting"],
    ),
    row(
        HttpStatus,
        r"an error occurred \((\d{3})\)",
        "",
        "botocore, where the body says nothing",
        &[("An error occurred (503) when calling the HeadObject operation", "503")],
        &["An error occurred (NoSuchKey) when calling the GetObject operation"],
    ),
    row(
        HttpStatus,
        r"\b(\d{3}), message=",
        "",
        "aiohttp",
        &[("429, message='Too Many Requests', url='http://api.example/'", "429")],
        &["1429, message='x'"],
    ),
    row(
        HttpStatus,
        concat!(
            r"\b(?:responded|replied|answered|failed|rejected|returned|response) (?:with |an? )?",
            r"(?:http |error )?(?:code |status )?(\d{3})(?:$|[.,:;)\]])",
        ),
        "",
        "prose",
        &[
            ("the upstream responded with 503", "503"),
            ("request failed with error 500: try later", "500"),
            ("server returned 502.", "502"),
        ],
        &["returned 500 rows", "failed 404 times", "returned with 12.5"],
    ),
    row(
        HttpStatus,
        r"^(400|401|403|404|408|409|410|412|413|422|429|500|502|503|504|529):? [a-z]",
        "",
        "a line that begins with the status, as google.api_core writes it",
        &[("403 Exceeded rate limits: too many concurrent queries", "403"), ("503 The service is down", "503")],
        &["took 503 seconds", "404", "500, 501"],
    ),
    row(
        HttpStatus,
        r"exceptions\.[a-z]+: (\d{3}) [a-z]",
        "",
        "google.api_core behind the name of its class",
        &[("google.api_core.exceptions.Forbidden: 403 Exceeded rate limits", "403")],
        &["exceptions.Oops: 4031 rows"],
    ),
    row(
        Grpc,
        r#"\bcode = "?([a-z]+)\b"#,
        "",
        "Go",
        &[("rpc error: code = DeadlineExceeded desc = context deadline exceeded", "deadlineexceeded")],
        &["code = OK", "code = none of these"],
    ),
    row(
        Grpc,
        r"statuscode\.([a-z_]+)\b",
        "",
        "grpcio",
        &[("status = StatusCode.RESOURCE_EXHAUSTED", "resourceexhausted")],
        &["StatusCode.OK", "httpStatusCode.404"],
    ),
    row(
        Grpc,
        r#"grpc[_-]status["']?[:=] ?["']?(\d{1,2}|[a-z_]+)\b"#,
        "",
        "headers and debug strings",
        &[
            ("grpc-status: 14", "unavailable"),
            (r#"{grpc_status:4, grpc_message:"Deadline Exceeded"}"#, "deadlineexceeded"),
        ],
        &["grpc-status: 0", "grpc-status: 99"],
    ),
    row(
        Grpc,
        r"status(?:runtime)?exception: ([a-z_]+)\b",
        "",
        "Java",
        &[("io.grpc.StatusRuntimeException: UNAVAILABLE: io exception", "unavailable")],
        &["HttpStatusException: HTTP error fetching URL"],
    ),
    row(
        Grpc,
        r#"["']status["'] ?: ?["']([a-z_]+)["']"#,
        "",
        "JSON bodies of Google",
        &[(r#"{"error": {"code": 503, "status": "UNAVAILABLE"}}"#, "unavailable")],
        &[r#"{"status": "failed"}"#, r#"{"status": "error"}"#],
    ),
    row(
        Grpc,
        concat!(
            r"\b\d{1,2} (cancelled|unknown|invalid_argument|deadline_exceeded|not_found|already_exists|",
            r"permission_denied|resource_exhausted|failed_precondition|aborted|out_of_range|unimplemented|",
            r"internal|unavailable|data_loss|unauthenticated): ",
        ),
        "",
        "Node",
        &[("Error: 14 UNAVAILABLE: No connection established", "unavailable")],
        &["503 unavailable", "14 unavailable items"],
    ),
    row(
        Grpc,
        r#"status: ["']?([a-z]+)["']?, message: ""#,
        "",
        "Rust's tonic",
        &[(r#"status: Unavailable, message: "error trying to connect""#, "unavailable")],
        &[r#"status: Stopped, message: "bye""#],
    ),
    row(
        ExitCode,
        concat!(
            r#"\bexit(?:ed)?(?: with)?(?: an?)?(?: non-?zero)?(?: exit)?[ _-]?(?:code|status|value)["']?(?: was|"#,
            r#" of| is)?[ :=("']{1,3}(\d{1,10})\b"#,
        ),
        "",
        "processes, in most words",
        &[
            ("Command 'false' returned non-zero exit status 1.", "1"),
            ("exited with code 137", "137"),
            ("ExitCode: 125", "125"),
            (r#""exit_code": 2"#, "2"),
            ("container exited with a non-zero exit code (139)", "139"),
            ("exit status: 101", "101"),
        ],
        &["exited 5 minutes ago", "exit code unknown", "the exit of 300 people"],
    ),
    row(
        ExitCode,
        r"\bexited(?: with)? [(]?(\d{1,3})(?:\)|$)",
        "",
        "docker ps",
        &[("Exited (137) 5 minutes ago", "137"), ("worker exited with 3", "3")],
        &["exited 5 minutes ago"],
    ),
    row(
        ExitCode,
        r#"\breturn(?:ed)? ?code["']?[ :=]{1,3}(\d{1,3})\b"#,
        "",
        "Python's words for it",
        &[("returncode=2", "2"), ("pg_dump failed with return code 1", "1")],
        &["returncode=-9", "returncode=None"],
    ),
    row(
        ExitCode,
        r"code=exited, status=(\d{1,3})\b",
        "",
        "systemd",
        &[("Main process exited, code=exited, status=203/EXEC", "203")],
        &["code=killed, status=9/KILL"],
    ),
    row(
        Signal,
        r#"\breturn(?:ed)? ?code["']?[ :=]{1,3}-(\d{1,2})\b"#,
        "",
        "Python, where a negative code is a signal",
        &[("returncode=-9", "sigkill")],
        &["returncode=9", "returncode=-99"],
    ),
    row(
        Signal,
        r"\bsignal[ :#(]{1,3}(\d{1,2})\b",
        "",
        "shells, wait statuses, web servers",
        &[("worker was terminated by signal 9", "sigkill"), ("exited on signal: 11 (core dumped)", "sigsegv")],
        &["signal 99", "signals 9"],
    ),
    row(
        Signal,
        concat!(
            r"\bsignal: (hangup|interrupt|illegal instruction|trace/breakpoint trap|aborted|bus error|",
            r"floating point exception|killed|segmentation fault|broken pipe|terminated|cpu time limit exceeded|",
            r"file size limit exceeded|bad system call)\b",
        ),
        "",
        "Go, Rust, PyTorch",
        &[("signal: killed", "sigkill"), ("worker is killed by signal: Bus error.", "sigbus")],
        &["signal: lost", "signal: broken"],
    ),
    row(
        Signal,
        r"code=(?:killed|dumped), status=(\d{1,2})\b",
        "",
        "systemd",
        &[("Main process exited, code=killed, status=9/KILL", "sigkill")],
        &["code=exited, status=9"],
    ),
    row(
        Provider,
        r"\(([1-5]\d{3}), '",
        "mysql:",
        "PyMySQL and MySQLdb: the arguments of the exception",
        &[("(1205, 'Lock wait timeout exceeded; try restarting transaction')", "mysql:1205")],
        &["(12051, 'x')", "(9999, 'x')", "(1205, x)"],
    ),
    row(
        Provider,
        r#"\(([1-5]\d{3}), ""#,
        "mysql:",
        "the same where the text holds an apostrophe",
        &[(r#"(1054, "Unknown column 'x' in 'field list'")"#, "mysql:1054")],
        &[r#"(12051, "x")"#],
    ),
    row(
        Provider,
        r"\berror:? ?(?:code: )?([1-5]\d{3})(?: \(| ?: |: |\. )",
        "mysql:",
        "MySQL's own clients, Go's driver, Workbench",
        &[
            ("ERROR 1205 (HY000) at line 1: Lock wait timeout exceeded", "mysql:1205"),
            ("Error 1040: Too many connections", "mysql:1040"),
            ("Error Code: 1213. Deadlock found", "mysql:1213"),
        ],
        &["error 1205 times", "error 12051: x", "error 404: not found"],
    ),
    row(
        Provider,
        r#"errno["']?[:=] ?([1-5]\d{3})\b"#,
        "mysql:",
        "Node's driver for MySQL",
        &[("{ code: 'ER_LOCK_DEADLOCK', errno: 1213, sqlState: '40001' }", "mysql:1213")],
        &["errno: 121", "errno: -4039"],
    ),
    row(
        Provider,
        r#"\(([245]\d{2}), b["']"#,
        "smtp:",
        "smtplib: the arguments of the exception",
        &[("(451, b'4.3.0 try again later')", "smtp:451"), ("{'a@example.com': (550, b'5.1.1 unknown')}", "smtp:550")],
        &["(451, 'text')", "(4510, b'x')"],
    ),
    row(
        Provider,
        concat!(
            r"(421|450|451|452|454|455|500|501|502|503|504|521|523|525|530|534|535|538|541|550|551|552|553|554|",
            r"555|556|557)[ -][45]\.\d{1,3}\.\d{1,3}\b",
        ),
        "smtp:",
        "mail servers: a reply with an enhanced status code",
        &[("host mx.example said: 450 4.2.1 mailbox busy", "smtp:450"), ("535-5.7.8 bad credentials", "smtp:535")],
        &["450 42.1.1", "550 10.5.1.1", "version 550-6.1.1"],
    ),
    row(
        Provider,
        concat!(
            r"\bsmtp;? (?:.* )?(421|450|451|452|454|455|521|523|525|530|534|535|538|541|550|551|552|553|554|555|",
            r"556|557)[ -]",
        ),
        "smtp:",
        "mail servers and bounces: a reply on a line that names SMTP",
        &[
            ("SMTP error from remote server after RCPT TO: 550 no such user", "smtp:550"),
            ("Diagnostic-Code: smtp; 554 delivery refused", "smtp:554"),
        ],
        &["SMTP on port 587", "550 no such user"],
    ),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packs::codes::Code;
    use crate::packs::pattern::Pattern;
    use regex::bytes::RegexBuilder;

    /// The codes that one row finds in a text.
    fn found(row: &CodePattern, text: &str) -> Vec<String> {
        let pattern = RegexBuilder::new(row.pattern).unicode(false).multi_line(true).build().unwrap();
        let lowered = text.to_ascii_lowercase();
        let groups = pattern.captures_iter(lowered.as_bytes()).filter_map(|captures| {
            let group = std::str::from_utf8(&captures[1]).unwrap();
            Code::read(row.kind, &format!("{}{group}", row.prefix))
        });
        groups.map(|code| code.value).collect()
    }

    #[test]
    fn each_row_is_a_pattern_as_rules_may_write_them() {
        for row in IN_TEXT {
            assert!(Pattern::new(row.pattern).is_ok(), "{}: {:?}", row.pattern, Pattern::new(row.pattern));
        }
    }

    #[test]
    fn each_row_finds_the_codes_of_its_examples() {
        for row in IN_TEXT {
            assert!(!row.examples.is_empty(), "{}", row.pattern);
            for (text, code) in row.examples {
                assert_eq!(found(row, text), [*code], "{text}: {}", row.pattern);
            }
        }
    }

    #[test]
    fn each_row_passes_over_its_counterexamples() {
        for row in IN_TEXT {
            assert!(!row.counterexamples.is_empty(), "{}", row.pattern);
            for text in row.counterexamples {
                assert_eq!(found(row, text), [""; 0], "{text}: {}", row.pattern);
            }
        }
    }

    #[test]
    fn each_row_has_one_group_and_a_reason() {
        for row in IN_TEXT {
            assert_eq!(
                RegexBuilder::new(row.pattern).unicode(false).build().unwrap().captures_len(),
                2,
                "{}",
                row.pattern
            );
            assert!(!row.reason.is_empty(), "{}", row.pattern);
        }
    }
}
