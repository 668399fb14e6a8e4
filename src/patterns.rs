//! The shipped lists of patterns, in the order in which they decide.

/// A pattern and why its verdict holds.
#[derive(Debug, Clone, Copy)]
pub struct Pattern {
    /// The pattern, in the syntax of Python's `re`, matched against the lower-cased message.
    pub text: &'static str,
    /// Why an error of this kind is, or is not, worth another attempt.
    pub reason: &'static str,
}

const fn pattern(text: &'static str, reason: &'static str) -> Pattern {
    Pattern { text, reason }
}

/// Failures that another attempt may not meet again. They are asked before the permanent ones.
pub const TRANSIENT: &[Pattern] = &[
    pattern("connection.*refused", "the service is down or starting"),
    pattern("docker.*daemon.*not.*running", "the daemon is down or restarting"),
    pattern("timeout.*connecting", "the peer or the way to it is busy"),
    pattern("out of memory", "other work on the host may end"),
    pattern("no space left", "the disk may be cleaned up"),
    pattern("resource temporarily unavailable", "EAGAIN: the kernel itself says try again"),
    pattern("network.*timeout", "the network is congested or down"),
    pattern("connection.*reset", "the peer restarted or dropped the connection"),
    pattern("temporary failure in name resolution", "EAI_AGAIN: the resolver says try again"),
    pattern("system overloaded", "load passes"),
    pattern("too many open files", "EMFILE or ENFILE: descriptors are given back"),
    pattern("cannot allocate memory", "ENOMEM: other work on the host may end"),
];

/// Failures that the same job meets again however often it is tried.
pub const PERMANENT: &[Pattern] = &[
    pattern("image.*not found", "the image has to be built or pushed first"),
    pattern("no such image", "the image has to be built or pulled first"),
    pattern("repository.*not found", "the repository's name is wrong, or it is gone"),
    pattern("invalid.*configuration", "the configuration has to be corrected"),
    pattern("permission denied", "somebody has to grant the permission"),
    pattern("access denied", "somebody has to grant the access"),
    pattern("authorization.*failed", "the credentials have to be corrected"),
    pattern("executable.*not found", "the program is not in the image"),
    pattern("command.*not found", "the program is not in the image"),
    pattern("invalid.*command", "the command has to be corrected"),
];
