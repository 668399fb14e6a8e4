//! What two messages of one cause may differ in, and the placeholder that stands for it in a template.

/// A kind of variable part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Variable {
    Number,
    Duration,
    Size,
    Timestamp,
    Uuid,
    Digest,
    Id,
    Address,
    Port,
    Path,
    Url,
    Email,
    Quoted,
    Name,
}

/// A kind of variable part, and how a template shows it.
struct Placeholder {
    #[cfg_attr(not(test), expect(dead_code, reason = "for a test that the rows stand in order"))]
    variable: Variable,
    text: &'static str,
    /// What it stands for, and why that is no part of the cause.
    #[cfg_attr(not(test), expect(dead_code, reason = "for readers, and a test that no row lacks it"))]
    reason: &'static str,
}

const fn row(variable: Variable, text: &'static str, reason: &'static str) -> Placeholder {
    Placeholder { variable, text, reason }
}

/// In the order of [`Variable`].
const PLACEHOLDERS: [Placeholder; 14] = [
    row(Variable::Number, "<number>", "counts, lines, offsets, versions, process ids; codes of errors are kept"),
    row(Variable::Duration, "<duration>", "30s, 1m30s, 2 seconds: how long it took, or how long is waited"),
    row(Variable::Size, "<size>", "512MiB, 1.5 GB: how much there was, or was asked for"),
    row(Variable::Timestamp, "<timestamp>", "when it happened: ISO 8601, RFC 1123, syslog, access logs, klog, clocks"),
    row(Variable::Uuid, "<uuid>", "of requests, jobs, volumes"),
    row(Variable::Digest, "<digest>", "of images, layers and files: 32, 40, 56, 64, 96 or 128 hexadecimal digits"),
    row(Variable::Id, "<id>", "hexadecimal and random ids: containers, requests, suffixes of pods"),
    row(Variable::Address, "<address>", "IPv4, IPv6, MAC, names of hosts, pointers: where it happened to be"),
    row(Variable::Port, "<port>", "often chosen by the system"),
    row(Variable::Path, "<path>", "files of this job; paths below /dev, /etc, /proc, /run and /sys keep their names"),
    row(Variable::Url, "<url>", "what was asked for; the answer is the cause"),
    row(Variable::Email, "<email>", "whom it was for"),
    row(
        Variable::Quoted,
        "<quoted>",
        "what stands in quotes without a blank is a name, unless its key says it is a code",
    ),
    row(Variable::Name, "<name>", "what programs name without quotes: images, hosts, tables, commands"),
];

impl Variable {
    /// Its placeholder.
    pub(super) const fn text(self) -> &'static str {
        PLACEHOLDERS[self as usize].text
    }
}

/// The placeholder that `text` begins with: templates are texts, too, and have themselves as their template.
pub(super) fn leading_placeholder(text: &str) -> Option<&'static str> {
    PLACEHOLDERS.iter().map(|row| row.text).find(|placeholder| text.starts_with(placeholder))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_its_own_row_and_says_why() {
        for (index, row) in PLACEHOLDERS.iter().enumerate() {
            assert_eq!(row.variable as usize, index);
            assert!(!row.reason.is_empty());
            assert_eq!(leading_placeholder(row.text), Some(row.text), "none begins with another");
        }
    }
}
