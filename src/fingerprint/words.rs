//! Words that say what stands beside them, as data.

use super::variables::Variable;
use once_cell::sync::OnceCell;

/// What a word says of what follows; several roles are added up.
pub(super) type Roles = u16;

/// A number, or an upper-case code with digits, that follows is the cause.
pub(super) const CODE: Roles = 1;
/// The same, unless it counts something: `error 111`, but `error 5 files`.
pub(super) const MAYBE_CODE: Roles = 1 << 1;
/// Says nothing, and leaves what was said of codes before it; together with [`NAMES`] of names, too.
pub(super) const FILLER: Roles = 1 << 2;
/// A name follows, if it looks like one or stands behind `=`.
pub(super) const NAMES: Roles = 1 << 3;
/// A host follows, in the same sense.
pub(super) const HOST: Roles = 1 << 4;
/// A host follows if a port stands behind it.
pub(super) const PEER: Roles = 1 << 5;
/// A port follows.
pub(super) const PORT: Roles = 1 << 6;
/// As a key, the quoted value is the cause and no name.
pub(super) const KEY: Roles = 1 << 7;
/// One of [`BEFORE_NAMES`] ends with it; not in the rows, but added to them.
pub(super) const ENDS_PHRASE: Roles = 1 << 8;

/// Words with the same roles.
struct Words {
    forms: &'static [&'static str],
    roles: Roles,
    /// Why.
    #[cfg_attr(not(test), expect(dead_code, reason = "for readers, and a test that no row lacks it"))]
    reason: &'static str,
}

const fn row(forms: &'static [&'static str], roles: Roles, reason: &'static str) -> Words {
    Words { forms, roles, reason }
}

/// In lower case. Of `exit_code` and `exit-code` the last part counts where there is no row for all of it.
const WORDS: &[Words] = &[
    row(&["errno", "winerror", "hresult", "ntstatus", "sqlcode", "sqlstate"], CODE, "systems and databases"),
    row(&["status", "statuscode", "code", "errorcode", "errcode", "state"], CODE | KEY, "APIs, gRPC, systemd, JDBC"),
    row(&["http", "httperror"], CODE, "HTTP/1.1 503, HTTP Error 404, <HttpError 403 when"),
    row(&["exit", "exited", "exitcode", "exitstatus", "returncode", "rc"], CODE, "of processes"),
    row(&["signal"], CODE, "that ended a process"),
    row(&["curl"], CODE, "curl: (7) Failed to connect"),
    row(&["error", "err", "exception", "fatal", "failure"], MAYBE_CODE | KEY, "error 1205, ERROR: 40P01:"),
    row(&["failed", "returned", "responded", "response", "answered", "replied"], MAYBE_CODE, "responded with 503"),
    row(&["is", "was", "of", "with", "a", "an", "the", "number", "no", "got", "occurred"], FILLER, "prose"),
    row(&["non-zero", "nonzero"], FILLER, "returned non-zero exit status 1"),
    row(&["system", "process", "access", "group"], FILLER, "behind a noun they are no names"),
    row(&["for"], FILLER | NAMES, "between a noun and its name"),
    row(&["named", "called", "name", "id"], NAMES, "a name follows"),
    row(&["reason", "type", "message", "msg", "kind", "cause", "exception_type"], KEY, "words for the cause"),
    row(&["detail", "details", "description", "desc", "title", "category", "severity", "level"], KEY, "the same"),
    row(&["port", "ports"], PORT, "port 5432"),
    row(&["host", "hostname", "server", "endpoint", "upstream", "address", "addr"], HOST, "where it happened to be"),
    row(&["lookup", "domain", "proxy", "peer"], HOST, "names that a resolver is asked for"),
    row(&["to", "at", "from", "on", "via", "tcp", "udp", "reach", "connecting"], PEER, "connect to db:5432"),
    row(
        &["econnrefused", "econnreset", "etimedout", "ehostunreach", "enotfound", "eai_again"],
        PEER,
        "Node: connect ECONNREFUSED db:5432",
    ),
    row(&["image", "container", "pod", "volume", "network", "repository", "manifest", "layer"], NAMES, "of containers"),
    row(&["namespace", "deployment", "node", "service", "job", "task", "worker", "run"], NAMES, "of orchestrators"),
    row(&["user", "username", "role", "member", "account", "client", "customer"], NAMES, "whom it was for"),
    row(&["database", "schema", "table", "relation", "index", "collection", "vhost"], NAMES, "of databases"),
    row(
        &["queue", "topic", "topic-partition", "partition", "exchange", "bucket", "key"],
        NAMES,
        "of brokers and stores",
    ),
    row(&["module", "package", "requirement", "branch", "tag", "ref", "pathspec"], NAMES, "of programs"),
    row(&["file", "filename", "directory", "dir", "device"], NAMES, "of files"),
    row(&["report", "payment", "organization", "cluster", "instance", "tenant"], NAMES, "of what a job works on"),
    row(&["request_id", "requestid", "trace_id", "correlationid", "hostid"], NAMES, "of requests"),
];

/// What stands beside a name that nothing else betrays: a word without quotes.
pub(super) struct Phrase {
    /// In lower case.
    pub(super) text: &'static str,
    pub(super) variable: Variable,
    #[cfg_attr(not(test), expect(dead_code, reason = "for readers, and a test that each is found"))]
    example: &'static str,
}

const fn phrase(text: &'static str, variable: Variable, example: &'static str) -> Phrase {
    Phrase { text, variable, example }
}

/// The next word is the name.
pub(super) const BEFORE_NAMES: &[Phrase] = &[
    phrase("no such image: ", Variable::Name, "No such image: busybox"),
    phrase("no such container: ", Variable::Name, "No such container: billing"),
    phrase("no such network: ", Variable::Name, "No such network: backend"),
    phrase("no such volume: ", Variable::Name, "No such volume: media"),
    phrase("no such service: ", Variable::Name, "No such service: web"),
    phrase("no such table: ", Variable::Name, "no such table: orders"),
    phrase("no such column: ", Variable::Name, "no such column: total"),
    phrase("constraint failed: ", Variable::Name, "UNIQUE constraint failed: orders.id"),
    phrase("permission denied for table ", Variable::Name, "permission denied for table orders"),
    phrase("permission denied for schema ", Variable::Name, "permission denied for schema ledger"),
    phrase("pull access denied for ", Variable::Name, "pull access denied for billing, repository does not exist"),
    phrase("manifest for ", Variable::Name, "manifest for busybox not found"),
    phrase("distribution found for ", Variable::Name, "No matching distribution found for prices==1.0"),
    phrase("the requirement ", Variable::Name, "a version that satisfies the requirement prices==1.0"),
    phrase("could not resolve host: ", Variable::Address, "Could not resolve host: registry"),
    phrase("could not resolve proxy: ", Variable::Address, "Could not resolve proxy: proxy"),
    phrase("dial tcp: lookup ", Variable::Address, "dial tcp: lookup registry on 10.0.0.53:53: no such host"),
    phrase("getaddrinfo enotfound ", Variable::Address, "getaddrinfo ENOTFOUND registry"),
    phrase("getaddrinfo eai_again ", Variable::Address, "getaddrinfo EAI_AGAIN registry"),
    phrase("unknownhostexception: ", Variable::Address, "java.net.UnknownHostException: registry"),
    phrase("connect to host ", Variable::Address, "ssh: connect to host build port 22: Connection refused"),
    phrase("failed to connect to ", Variable::Address, "curl: (7) Failed to connect to registry port 80"),
];

/// The word before is the name; it stands behind a colon and a blank, or at the beginning of a line.
pub(super) const BEHIND_NAMES: &[Phrase] = &[
    phrase(": command not found", Variable::Name, "bash: line 1: export-prices: command not found"),
    phrase(": not found", Variable::Name, "/bin/sh: 1: prices: not found"),
    phrase(": no such file or directory", Variable::Name, "cat: prices: No such file or directory"),
    phrase(": is a directory", Variable::Name, "cat: prices: Is a directory"),
    phrase(" exited (", Variable::Name, "agitated_curie Exited (137) 5 minutes ago"),
];

/// The word between a noun that names follow and these is the name.
pub(super) const BETWEEN_NOUN_AND: &[Phrase] = &[
    phrase(" not found", Variable::Name, "network backend not found"),
    phrase(" does not exist", Variable::Name, "role reporting does not exist"),
    phrase(" already exists", Variable::Name, "volume media already exists"),
    phrase(" is ", Variable::Name, "container billing is not running"),
    phrase(" was ", Variable::Name, "Container crawler was using 10304Ki"),
];

/// Units of what a number counts; a noun that comes in singular and plural has them, too, so that 1 and 2 are alike.
const UNITS: &[(Variable, &[&str])] = &[
    (Variable::Duration, &["ns", "us", "µs", "ms", "msec", "msecs", "millis", "millisecond", "milliseconds"]),
    (Variable::Duration, &["s", "sec", "secs", "second", "seconds", "m", "min", "mins", "minute", "minutes"]),
    (Variable::Duration, &["h", "hr", "hrs", "hour", "hours", "d", "day", "days", "week", "weeks"]),
    (Variable::Size, &["b", "byte", "bytes", "k", "kb", "kib", "ki", "mb", "mib", "mi", "gb", "gib", "gi", "g"]),
    (Variable::Size, &["tb", "tib", "ti", "kbit", "mbit", "gbit", "bits"]),
    (Variable::Number, &["st", "nd", "rd", "th", "time", "times", "attempt", "attempts", "retry", "retries"]),
];

/// Ends of file names: such a word is one also without a slash.
const EXTENSIONS: &[&str] = &[
    "avro", "bak", "bin", "bz2", "c", "cfg", "conf", "cpp", "cs", "csv", "dat", "db", "doc", "docx", "dump", "exe",
    "gif", "go", "gz", "h", "html", "ini", "jar", "java", "jpeg", "jpg", "json", "jsonl", "kt", "lock", "log", "md",
    "mjs", "mp3", "mp4", "odt", "orc", "parquet", "pdf", "pem", "php", "pl", "png", "py", "pyc", "rb", "rs", "scala",
    "sh", "so", "sql", "sqlite", "sqlite3", "svg", "tar", "tgz", "tiff", "tmp", "toml", "ts", "tsv", "txt", "webp",
    "whl", "xls", "xlsx", "xml", "yaml", "yml", "zip",
];

/// Last labels of names of hosts.
const HOST_LABELS: &[&str] = &[
    "app",
    "arpa",
    "ai",
    "at",
    "au",
    "biz",
    "ca",
    "ch",
    "cloud",
    "cn",
    "co",
    "com",
    "corp",
    "de",
    "dev",
    "edu",
    "es",
    "eu",
    "example",
    "fr",
    "gov",
    "home",
    "in",
    "info",
    "int",
    "internal",
    "invalid",
    "io",
    "it",
    "jp",
    "lan",
    "local",
    "localdomain",
    "localhost",
    "net",
    "nl",
    "org",
    "pl",
    "svc",
    "tech",
    "test",
    "uk",
    "us",
];

/// Words with digits in them that are no numbered things.
const WITH_DIGITS: &[&str] = &[
    "4xx", "5xx", "amd64", "arm64", "aes128", "aes256", "base32", "base64", "boto3", "cp1252", "ec2", "ext3", "ext4",
    "float32", "float64", "gpt", "h2", "http2", "http3", "i386", "i686", "int16", "int32", "int64", "int8", "ipv4",
    "ipv6", "k3s", "k8s", "latin1", "libpq5", "log4j", "md5", "mp3", "mp4", "oauth2", "oci8", "pkcs12", "pkcs8",
    "psycopg2", "psycopg3", "python2", "python3", "route53", "s3", "sha1", "sha256", "sha384", "sha512", "sqlite3",
    "ssl3", "tls1", "uint16", "uint32", "uint64", "uint8", "urllib2", "urllib3", "utf16", "utf32", "utf8", "v1",
    "v1alpha1", "v1beta1", "v2", "v2beta1", "v2beta2", "v3", "win32", "x509", "x64", "x86",
];

/// Before a hyphen and a number: who numbers their errors so.
const CODE_PREFIXES: &[&str] = &[
    "ORA", "TNS", "PLS", "SP2", "DPY", "DPI", "IMP", "EXP", "RMAN", "MY", "SQL", "DB2", "ERR", "CVE", "JDBC", "UTF",
    "RFC", "HTTP", "ISO", "iso", "sha", "utf",
];

/// First words of reasons that follow the status of HTTP: `404 page not found`, `403 Client Error`.
const REASONS: &[&str] = &[
    "bad",
    "client",
    "conflict",
    "error",
    "forbidden",
    "gateway",
    "gone",
    "internal",
    "method",
    "not",
    "page",
    "payload",
    "proxy",
    "request",
    "server",
    "service",
    "timeout",
    "too",
    "unauthorized",
    "unavailable",
    "unprocessable",
];

/// Longest word that has a row, in bytes.
const LONGEST: usize = 20;
const LETTERS: usize = 26;

/// The rows by the length and the first letter of their words: nearly every word is asked for.
struct Table {
    buckets: Vec<Vec<(&'static [u8], Roles)>>,
}

impl Table {
    fn new() -> Self {
        let mut table = Self { buckets: vec![Vec::new(); (LONGEST + 1) * LETTERS] };
        for row in WORDS {
            for word in row.forms {
                if let Some(bucket) = Self::bucket(word.as_bytes()) {
                    let ends = BEFORE_NAMES.iter().any(|phrase| phrase.text.split(' ').rev().nth(1) == Some(word));
                    let roles = row.roles | if ends { ENDS_PHRASE } else { 0 };
                    table.buckets[bucket].push((word.as_bytes(), roles));
                }
            }
        }
        table
    }

    fn bucket(word: &[u8]) -> Option<usize> {
        let first = word.first()?.to_ascii_lowercase();
        (first.is_ascii_lowercase() && word.len() <= LONGEST).then(|| word.len() * LETTERS + usize::from(first - b'a'))
    }

    fn find(&self, word: &[u8]) -> Option<Roles> {
        let bucket = &self.buckets[Self::bucket(word)?];
        bucket.iter().find(|(listed, _)| listed.eq_ignore_ascii_case(word)).map(|(_, roles)| *roles)
    }
}

/// The roles of a word in any case; 0 for most.
pub(super) fn roles(word: &str) -> Roles {
    static TABLE: OnceCell<Table> = OnceCell::new();
    let table = TABLE.get_or_init(Table::new);
    let last = || word.rsplit_once(['_', '-']).and_then(|(_, last)| table.find(last.as_bytes()));
    table.find(word.as_bytes()).or_else(last).unwrap_or(0)
}

/// What a number with this unit is.
pub(super) fn unit(word: &str) -> Option<Variable> {
    let named = |units: &&[&str]| units.iter().any(|unit| unit.eq_ignore_ascii_case(word));
    UNITS.iter().find(|(_, units)| named(units)).map(|(variable, _)| *variable)
}

fn listed(list: &[&str], word: &str) -> bool {
    list.iter().any(|listed| listed.eq_ignore_ascii_case(word))
}

/// Whether a word with a dot is the name of a file.
pub(super) fn is_file_name(word: &str) -> bool {
    word.rsplit_once('.').is_some_and(|(stem, extension)| !stem.is_empty() && listed(EXTENSIONS, extension))
}

/// Whether a word with dots is the name of a host.
pub(super) fn is_host_name(word: &str) -> bool {
    !word.bytes().any(|byte| byte.is_ascii_uppercase() || byte == b'_')
        && word.rsplit_once('.').is_some_and(|(rest, label)| !rest.is_empty() && listed(HOST_LABELS, label))
}

/// Whether the digits of a word are part of it.
pub(super) fn keeps_digits(word: &str) -> bool {
    listed(WITH_DIGITS, word)
}

/// Whether `ORA` in `ORA-01017`.
pub(super) fn is_code_prefix(word: &str) -> bool {
    CODE_PREFIXES.contains(&word)
}

/// Whether a word begins the reason of a status of HTTP.
pub(super) fn begins_reason(word: &str) -> bool {
    listed(REASONS, word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_says_why_and_no_word_has_two() {
        let mut words: Vec<&str> = WORDS.iter().flat_map(|row| row.forms.iter().copied()).collect();
        let all = words.len();
        words.sort_unstable();
        words.dedup();
        assert_eq!(words.len(), all);
        for row in WORDS {
            assert!(!row.reason.is_empty());
            for word in row.forms {
                assert!(word.len() <= LONGEST, "{word}");
                assert_eq!(roles(&word.to_uppercase()) & !ENDS_PHRASE, row.roles, "{word}");
            }
        }
    }

    #[test]
    fn the_last_part_of_a_key_counts() {
        assert_eq!(roles("exit_code"), roles("code"));
        assert_eq!(roles("reply-code"), roles("code"));
        assert_eq!(roles("encode"), 0);
        assert_eq!(roles("a_word_that_is_far_too_long_for_any_row"), 0);
    }

    #[test]
    fn each_phrase_stands_in_its_example() {
        for phrase in BEFORE_NAMES.iter().chain(BEHIND_NAMES).chain(BETWEEN_NOUN_AND) {
            assert!(phrase.example.to_lowercase().contains(phrase.text), "{}", phrase.text);
        }
        for phrase in BEFORE_NAMES {
            let last = phrase.text.split(' ').rev().nth(1).unwrap();
            assert!(last.ends_with(':') || roles(last) & ENDS_PHRASE != 0, "{last} has no row");
        }
    }
}
