//! Numbers and names of errnos, of the resolver's errors, of signals and of gRPC statuses.

/// A number and the canonical name it stands for.
type Row = (i32, &'static str);

/// Another name of the same thing, and the canonical one.
type Alias = (&'static str, &'static str);

/// The errnos of Linux (asm-generic/errno-base.h, asm-generic/errno.h).
#[rustfmt::skip]
const ERRNOS: &[Row] = &[
    (1, "EPERM"), (2, "ENOENT"), (3, "ESRCH"), (4, "EINTR"), (5, "EIO"), (6, "ENXIO"), (7, "E2BIG"), (8, "ENOEXEC"),
    (9, "EBADF"), (10, "ECHILD"), (11, "EAGAIN"), (12, "ENOMEM"), (13, "EACCES"), (14, "EFAULT"), (15, "ENOTBLK"),
    (16, "EBUSY"), (17, "EEXIST"), (18, "EXDEV"), (19, "ENODEV"), (20, "ENOTDIR"), (21, "EISDIR"), (22, "EINVAL"),
    (23, "ENFILE"), (24, "EMFILE"), (25, "ENOTTY"), (26, "ETXTBSY"), (27, "EFBIG"), (28, "ENOSPC"), (29, "ESPIPE"),
    (30, "EROFS"), (31, "EMLINK"), (32, "EPIPE"), (33, "EDOM"), (34, "ERANGE"), (35, "EDEADLK"), (36, "ENAMETOOLONG"),
    (37, "ENOLCK"), (38, "ENOSYS"), (39, "ENOTEMPTY"), (40, "ELOOP"), (42, "ENOMSG"), (43, "EIDRM"), (44, "ECHRNG"),
    (45, "EL2NSYNC"), (46, "EL3HLT"), (47, "EL3RST"), (48, "ELNRNG"), (49, "EUNATCH"), (50, "ENOCSI"), (51, "EL2HLT"),
    (52, "EBADE"), (53, "EBADR"), (54, "EXFULL"), (55, "ENOANO"), (56, "EBADRQC"), (57, "EBADSLT"), (59, "EBFONT"),
    (60, "ENOSTR"), (61, "ENODATA"), (62, "ETIME"), (63, "ENOSR"), (64, "ENONET"), (65, "ENOPKG"), (66, "EREMOTE"),
    (67, "ENOLINK"), (68, "EADV"), (69, "ESRMNT"), (70, "ECOMM"), (71, "EPROTO"), (72, "EMULTIHOP"), (73, "EDOTDOT"),
    (74, "EBADMSG"), (75, "EOVERFLOW"), (76, "ENOTUNIQ"), (77, "EBADFD"), (78, "EREMCHG"), (79, "ELIBACC"),
    (80, "ELIBBAD"), (81, "ELIBSCN"), (82, "ELIBMAX"), (83, "ELIBEXEC"), (84, "EILSEQ"), (85, "ERESTART"),
    (86, "ESTRPIPE"), (87, "EUSERS"), (88, "ENOTSOCK"), (89, "EDESTADDRREQ"), (90, "EMSGSIZE"), (91, "EPROTOTYPE"),
    (92, "ENOPROTOOPT"), (93, "EPROTONOSUPPORT"), (94, "ESOCKTNOSUPPORT"), (95, "EOPNOTSUPP"), (96, "EPFNOSUPPORT"),
    (97, "EAFNOSUPPORT"), (98, "EADDRINUSE"), (99, "EADDRNOTAVAIL"), (100, "ENETDOWN"), (101, "ENETUNREACH"),
    (102, "ENETRESET"), (103, "ECONNABORTED"), (104, "ECONNRESET"), (105, "ENOBUFS"), (106, "EISCONN"),
    (107, "ENOTCONN"), (108, "ESHUTDOWN"), (109, "ETOOMANYREFS"), (110, "ETIMEDOUT"), (111, "ECONNREFUSED"),
    (112, "EHOSTDOWN"), (113, "EHOSTUNREACH"), (114, "EALREADY"), (115, "EINPROGRESS"), (116, "ESTALE"),
    (117, "EUCLEAN"), (118, "ENOTNAM"), (119, "ENAVAIL"), (120, "EISNAM"), (121, "EREMOTEIO"), (122, "EDQUOT"),
    (123, "ENOMEDIUM"), (124, "EMEDIUMTYPE"), (125, "ECANCELED"), (126, "ENOKEY"), (127, "EKEYEXPIRED"),
    (128, "EKEYREVOKED"), (129, "EKEYREJECTED"), (130, "EOWNERDEAD"), (131, "ENOTRECOVERABLE"), (132, "ERFKILL"),
    (133, "EHWPOISON"),
];

/// Names of errnos that share a number, and what runtimes call errnos and errors of the resolver.
const ERRNO_ALIASES: &[Alias] = &[
    ("EWOULDBLOCK", "EAGAIN"),
    ("EDEADLOCK", "EDEADLK"),
    ("ENOTSUP", "EOPNOTSUPP"),
    // c-ares, as Node prints it.
    ("ENOTFOUND", "EAI_NONAME"),
    ("ESERVFAIL", "EAI_AGAIN"),
    ("EBADNAME", "EAI_NONAME"),
    // Node's own, where a socket was idle for too long.
    ("ESOCKETTIMEDOUT", "ETIMEDOUT"),
    ("ETIMEOUT", "ETIMEDOUT"),
];

/// Errors of `getaddrinfo` (netdb.h of glibc), which are negative there.
const RESOLVER: &[Row] = &[
    (-1, "EAI_BADFLAGS"),
    (-2, "EAI_NONAME"),
    (-3, "EAI_AGAIN"),
    (-4, "EAI_FAIL"),
    (-5, "EAI_NODATA"),
    (-6, "EAI_FAMILY"),
    (-7, "EAI_SOCKTYPE"),
    (-8, "EAI_SERVICE"),
    (-9, "EAI_ADDRFAMILY"),
    (-10, "EAI_MEMORY"),
    (-11, "EAI_SYSTEM"),
    (-12, "EAI_OVERFLOW"),
];

/// Errors of Windows and the errno of the same meaning (winerror.h).
const WINDOWS: &[Row] = &[
    (2, "ENOENT"),
    (3, "ENOENT"),
    (4, "EMFILE"),
    (5, "EACCES"),
    (8, "ENOMEM"),
    (14, "ENOMEM"),
    (17, "EXDEV"),
    (32, "EBUSY"),
    (33, "EBUSY"),
    (39, "ENOSPC"),
    (53, "EHOSTUNREACH"),
    (64, "ECONNRESET"),
    (80, "EEXIST"),
    (109, "EPIPE"),
    (112, "ENOSPC"),
    (121, "ETIMEDOUT"),
    (145, "ENOTEMPTY"),
    (183, "EEXIST"),
    (206, "ENAMETOOLONG"),
    (232, "EPIPE"),
    (1225, "ECONNREFUSED"),
    (1231, "ENETUNREACH"),
    (1232, "EHOSTUNREACH"),
    (1236, "ECONNABORTED"),
    (10013, "EACCES"),
    (10024, "EMFILE"),
    (10035, "EAGAIN"),
    (10048, "EADDRINUSE"),
    (10049, "EADDRNOTAVAIL"),
    (10050, "ENETDOWN"),
    (10051, "ENETUNREACH"),
    (10052, "ENETRESET"),
    (10053, "ECONNABORTED"),
    (10054, "ECONNRESET"),
    (10055, "ENOBUFS"),
    (10057, "ENOTCONN"),
    (10060, "ETIMEDOUT"),
    (10061, "ECONNREFUSED"),
    (10064, "EHOSTDOWN"),
    (10065, "EHOSTUNREACH"),
    (11001, "EAI_NONAME"),
    (11002, "EAI_AGAIN"),
];

/// The signals of Linux on most processors (asm-generic/signal.h).
#[rustfmt::skip]
const SIGNALS: &[Row] = &[
    (1, "SIGHUP"), (2, "SIGINT"), (3, "SIGQUIT"), (4, "SIGILL"), (5, "SIGTRAP"), (6, "SIGABRT"), (7, "SIGBUS"),
    (8, "SIGFPE"), (9, "SIGKILL"), (10, "SIGUSR1"), (11, "SIGSEGV"), (12, "SIGUSR2"), (13, "SIGPIPE"),
    (14, "SIGALRM"), (15, "SIGTERM"), (16, "SIGSTKFLT"), (17, "SIGCHLD"), (18, "SIGCONT"), (19, "SIGSTOP"),
    (20, "SIGTSTP"), (21, "SIGTTIN"), (22, "SIGTTOU"), (23, "SIGURG"), (24, "SIGXCPU"), (25, "SIGXFSZ"),
    (26, "SIGVTALRM"), (27, "SIGPROF"), (28, "SIGWINCH"), (29, "SIGIO"), (30, "SIGPWR"), (31, "SIGSYS"),
];

/// Other names of signals, and the words that shells and Go print for them.
const SIGNAL_ALIASES: &[Alias] = &[
    ("SIGIOT", "SIGABRT"),
    ("SIGCLD", "SIGCHLD"),
    ("SIGPOLL", "SIGIO"),
    ("HANGUP", "SIGHUP"),
    ("INTERRUPT", "SIGINT"),
    ("ILLEGAL INSTRUCTION", "SIGILL"),
    ("TRACE/BREAKPOINT TRAP", "SIGTRAP"),
    ("ABORTED", "SIGABRT"),
    ("BUS ERROR", "SIGBUS"),
    ("FLOATING POINT EXCEPTION", "SIGFPE"),
    ("KILLED", "SIGKILL"),
    ("SEGMENTATION FAULT", "SIGSEGV"),
    ("BROKEN PIPE", "SIGPIPE"),
    ("TERMINATED", "SIGTERM"),
    ("CPU TIME LIMIT EXCEEDED", "SIGXCPU"),
    ("FILE SIZE LIMIT EXCEEDED", "SIGXFSZ"),
    ("BAD SYSTEM CALL", "SIGSYS"),
];

/// The statuses of gRPC that are errors (google/rpc/code.proto), without underscores.
const GRPC: &[Row] = &[
    (1, "cancelled"),
    (2, "unknown"),
    (3, "invalidargument"),
    (4, "deadlineexceeded"),
    (5, "notfound"),
    (6, "alreadyexists"),
    (7, "permissiondenied"),
    (8, "resourceexhausted"),
    (9, "failedprecondition"),
    (10, "aborted"),
    (11, "outofrange"),
    (12, "unimplemented"),
    (13, "internal"),
    (14, "unavailable"),
    (15, "dataloss"),
    (16, "unauthenticated"),
];

/// Return the canonical name of an errno: a name, a number, or `winerror:` and a number of Windows.
pub(super) fn errno(written: &str) -> Option<&'static str> {
    if let Some(number) = written.strip_prefix("winerror:") {
        return by_number(WINDOWS, number.parse().ok()?);
    }
    match written.parse() {
        Ok(number) => by_number(ERRNOS, number).or_else(|| by_number(RESOLVER, number)),
        Err(_) => named(ERRNOS, ERRNO_ALIASES, written).or_else(|| named(RESOLVER, &[], written)),
    }
}

/// Return the canonical name of a signal: a name with or without `SIG`, a number, or the words for it.
pub(super) fn signal(written: &str) -> Option<&'static str> {
    if let Ok(number) = written.parse() {
        return by_number(SIGNALS, number);
    }
    let short = |(_, name): &&Row| name[3..].eq_ignore_ascii_case(written);
    named(SIGNALS, SIGNAL_ALIASES, written).or_else(|| SIGNALS.iter().find(short).map(|(_, name)| *name))
}

/// Return the canonical name of a gRPC status: a name in any spelling, or a number.
pub(super) fn grpc(written: &str) -> Option<&'static str> {
    if let Ok(number) = written.parse() {
        return by_number(GRPC, number);
    }
    let name: String = written.chars().filter(|character| *character != '_').collect();
    // With one l in Go.
    named(GRPC, &[("canceled", "cancelled")], &name)
}

fn by_number(table: &[Row], number: i32) -> Option<&'static str> {
    table.iter().find(|(known, _)| *known == number).map(|(_, name)| *name)
}

fn named(table: &[Row], aliases: &[Alias], written: &str) -> Option<&'static str> {
    let canonical = table.iter().map(|(_, name)| (*name, *name)).chain(aliases.iter().copied());
    canonical.into_iter().find(|(name, _)| name.eq_ignore_ascii_case(written)).map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn no_number_and_no_name_stands_twice() {
        for table in [ERRNOS, RESOLVER, SIGNALS, GRPC] {
            let numbers: HashSet<i32> = table.iter().map(|(number, _)| *number).collect();
            let names: HashSet<&str> = table.iter().map(|(_, name)| *name).collect();
            assert!(numbers.len() == table.len() && names.len() == table.len());
        }
        let numbers: HashSet<i32> = WINDOWS.iter().map(|(number, _)| *number).collect();
        assert_eq!(numbers.len(), WINDOWS.len());
    }

    #[test]
    fn every_alias_leads_to_a_canonical_name() {
        let errno = |name: &str| ERRNOS.iter().chain(RESOLVER).any(|(_, known)| *known == name);
        let signal = |name: &str| SIGNALS.iter().any(|(_, known)| *known == name);
        for (alias, name) in ERRNO_ALIASES {
            assert!(errno(name) && !errno(alias), "{alias}");
        }
        for (number, name) in WINDOWS {
            assert!(errno(name), "{number}");
        }
        for (alias, name) in SIGNAL_ALIASES {
            assert!(signal(name) && !signal(alias), "{alias}");
        }
    }
}
