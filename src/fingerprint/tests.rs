//! What holds for every text, and templates of messages as programs print them.

use super::*;
use crate::packs::codes::IN_TEXT;
use proptest::prelude::*;
use regex::bytes::RegexBuilder;

fn template(text: &str) -> String {
    fingerprint(text, LATEST_VERSION).unwrap().template
}

#[test]
fn what_varies_is_replaced_and_the_cause_is_kept() {
    let table = [
        ("", ""),
        ("Error response from daemon: No such image: acme/api:7", "Error response from daemon: No such image: <name>"),
        ("no such table: orders", "no such table: <name>"),
        (
            "dial tcp 10.0.0.5:5432: connect: connection refused",
            "dial tcp <address>:<port>: connect: connection refused",
        ),
        ("dial tcp [2001:db8::1]:443: refused", "dial tcp [<address>]:<port>: refused"),
        (
            "dial tcp: lookup db on 10.0.0.2:53: no such host",
            "dial tcp: lookup <address> on <address>:<port>: no such host",
        ),
        ("connect to db:5432 failed", "connect to <address>:<port> failed"),
        ("main.py:12: oops", "<path>:<number>: oops"),
        ("pod worker-7d9f8b6c5-x2x4z failed", "pod <name> failed"),
        ("evicted worker-7d9f8b6c5-x2x4z", "evicted worker-<id>"),
        ("digest sha256:9e107d9d372bb6826bd81d3542a419d6", "digest <digest>"),
        ("job 0f31caad-287b-942b-f475-f653660c1d80 lost", "job <uuid> lost"),
        ("Unable to open '/data/my file.csv': gone", "Unable to open <quoted>: gone"),
        ("open /etc/app/settings.toml: denied", "open /etc/app/settings.toml: denied"),
        ("/proc/4711/mem: denied", "/proc/<number>/mem: denied"),
        ("write /var/lib/app/17.bin: no space", "write <path>: no space"),
        (r"C:\Users\bob\x.txt is locked", "<path> is locked"),
        ("GET https://api.example.com/v1/items?id=7, giving up", "GET <url>, giving up"),
        ("unix:///var/run/docker.sock", "unix:///var/run/docker.sock"),
        ("::171https://db.example.com/x failed", "::<url> failed"),
        ("2026-01-15 10:30:00,123 ERROR took 1m30s for 512MiB", "<timestamp> ERROR took <duration> for <size>"),
        ("\u{1b}[31mred\u{1b}[0m  and   wide", "red and wide"),
        ("object at 0x7f3a5c00", "object at <address>"),
        ("HRESULT: 0x80070005", "HRESULT: 0x80070005"),
        ("read 3 of 5 rows, 85% done", "read <number> of <number> rows, <number>% done"),
        ("error 5 files", "error <number> files"),
        (r#"{"code": "Throttled", "id": "a b", "n": 5}"#, r#"{"code": "Throttled", "id": <quoted>, "n": <number>}"#),
        ("ORA-00001: x (APP.UK_17)", "ORA-00001: x (APP.UK_<number>)"),
        ("utf8 on worker17, S3UploadFailedError", "utf8 on worker<number>, S3UploadFailedError"),
        ("user=bob host=db1 state=open", "user=<name> host=<address> state=open"),
        ("Command '['run', '-x', '/a']' failed", "Command '[<quoted>]' failed"),
        ("socket.gaierror: [Errno -2] unknown", "gaierror: [Errno -2] unknown"),
        ("rows 1, 2, 3 of (4, 5)", "rows <number> of (<number>)"),
        ("app.errors.StoreUnavailable: x", "StoreUnavailable: x"),
        ("503 Service Unavailable after 503 ms", "503 Service Unavailable after <duration>"),
        ("“name” and ‘other’ can't", "<quoted> and <quoted> can't"),
        ("连接到10.0.0.5失败", "连接到<address>失败"),
    ];
    for (text, expected) in table {
        assert_eq!(template(text), expected, "{text}");
    }
}

#[test]
fn codes_that_texts_are_known_to_show_are_kept() {
    let mut lost = Vec::new();
    for row in IN_TEXT {
        let pattern = RegexBuilder::new(row.pattern).unicode(false).multi_line(true).build().unwrap();
        for (text, _) in row.examples {
            let template = template(text).to_ascii_lowercase();
            for captures in pattern.captures_iter(text.to_ascii_lowercase().as_bytes()) {
                let code = std::str::from_utf8(&captures[1]).unwrap();
                if !template.contains(code) {
                    lost.push(format!("{code} of {text:?}: {template:?}"));
                }
            }
        }
    }
    assert!(lost.is_empty(), "{}", lost.join("\n"));
}

#[test]
fn one_text_with_other_codes_is_another_cause() {
    let table = [
        ("HTTP Error 404: Not Found", "HTTP Error 503: Not Found"),
        ("[Errno 111] failed", "[Errno 28] failed"),
        ("exit status 137", "exit status 1"),
        ("SQLSTATE 40001", "SQLSTATE 23505"),
        ("HRESULT: 0x80070005", "HRESULT: 0x80070002"),
        ("code = Unavailable", "code = NotFound"),
        ("ORA-12541", "ORA-12170"),
        ("killed by signal 9", "killed by signal 15"),
        ("(1205, 'x y')", "(1213, 'x y')"),
        ("said: 450 4.2.1 busy", "said: 550 5.2.1 busy"),
    ];
    for (one, other) in table {
        assert_ne!(template(one), template(other));
    }
}

#[test]
fn an_unknown_version_is_refused_with_those_there_are() {
    let error = fingerprint("x", 2).unwrap_err().to_string();
    assert_eq!(error, "there is no version 2 of fingerprints; there are 1");
}

#[test]
fn long_texts_keep_both_ends() {
    let words: Vec<String> = (0..2000_u32).map(|n| format!("w{}", "abcdefghij".repeat((n % 7) as usize + 1))).collect();
    let long = template(&format!("first {} last", words.join(" ")));
    assert!(long.len() <= TEMPLATE_BYTES && long.len() > TEMPLATE_BYTES - 200);
    assert!(long.starts_with("first w") && long.ends_with(" last") && long.contains(OMITTED));
    assert!(template(&"é".repeat(100_000)).len() <= TEMPLATE_BYTES);
    assert_eq!(template(&"x1/".repeat(10_000)), "<id>");
}

/// Pieces of which messages are made, and hostile ones.
fn piece() -> impl Strategy<Value = String> {
    let word = "[a-zA-Z]{1,9}";
    let number = "[0-9]{1,6}";
    let known = prop::sample::select(vec![
        "error",
        "status",
        "code",
        "HTTP/1.1",
        "errno",
        "image",
        "host",
        "port",
        "to",
        "for",
        "No such image:",
        "exit",
        "ms",
        "<number>",
        "<quoted>",
        "Traceback (most recent call last):",
        "  File \"x\"",
        "attempt 3",
        "retrying",
        "{\"code\":",
        "password=",
        "10.0.0.5",
        "::1",
        "sha256:",
        "https://",
        "/dev/",
        "C:\\",
        "Jan",
        "Mon,",
        "2026-01-15",
        "10:30:00",
        "***",
    ]);
    let mark = "[ \"'`\\\\:=.,;/@#%()\\[\\]{}<>_+-]{1,2}|\n|“|”|‘|’|\\PC|\u{1b}\\[1m|\0";
    prop_oneof![word, number, known.prop_map(str::to_owned), mark]
}

fn message() -> impl Strategy<Value = String> {
    prop::collection::vec(piece(), 0..24).prop_map(|pieces| pieces.concat())
}

fn values() -> impl Strategy<Value = (String, String)> {
    let kinds = [
        "[1-9][0-9]{0,8}",
        "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
        "sha256:[0-9a-f]{64}",
        "10\\.[1-9][0-9]?\\.[1-9][0-9]?\\.[1-9][0-9]?",
        "10\\.0\\.0\\.[1-9]:[1-9][0-9]{2,3}",
        "0x7[0-9a-f]{11}",
        "'[a-z]{1,12}'",
        "/(srv|data|home)/[a-z]{1,8}/[a-z0-9]{1,8}",
        "https://[a-z]{1,8}\\.example\\.com/[a-z0-9/]{0,9}[a-z0-9]",
        "20[0-4][0-9]-0[1-9]-[12][0-9]T[01][0-9]:[0-5][0-9]:[0-5][0-9]Z",
        "[a-f][0-9][0-9a-f]{10}",
    ];
    prop::sample::select(kinds.to_vec()).prop_flat_map(|kind| (kind, kind))
}

proptest! {
    #[test]
    fn no_text_is_too_strange(text in prop_oneof![message(), any::<String>()]) {
        let found = fingerprint(&text, LATEST_VERSION).unwrap();
        prop_assert!(found.template.len() <= TEMPLATE_BYTES);
        prop_assert!(found.id.len() == 34 && found.id.starts_with("1:"));
        prop_assert!(!found.template.contains('\0'));
    }

    #[test]
    fn a_template_of_prose_and_values_is_its_own((one, _) in values(), words in "[a-z]{2,9}( [a-z]{2,9}){0,6}") {
        let found = template(&format!("{words} with {one}, then {one}"));
        prop_assert_eq!(template(&found), found);
    }

    #[test]
    fn other_values_make_no_other_cause((one, other) in values(), words in "[A-Z][a-z]{2,9}( [a-z]{2,9}){0,6}") {
        let text = |value: &str| format!("{words} about {value}, then nothing");
        prop_assert_eq!(template(&text(&one)), template(&text(&other)));
    }

    #[test]
    fn what_is_stored_has_the_fingerprint_of_what_was_met(text in message()) {
        let stored = cleaner().clean(&text, text.len()).into_owned();
        if !text.contains('\u{1b}') {
            prop_assert_eq!(template(&stored), template(&text));
        }
    }

    #[test]
    fn every_text_is_read_to_its_end(text in "(::|://|[a-c0-9]{1,3}|[/.:@%+~<>\"'=\\\\ -]|https|sha256|arn|jdbc){0,24}") {
        fingerprint(&text, LATEST_VERSION).unwrap();
    }

    #[test]
    fn no_secret_is_in_a_template(before in message(), secret in "[a-z]{4}Zq[0-9]{9}xW[a-z]{4}", form in 0..6_usize) {
        let text = match form {
            0 => format!("{before}\npassword={secret}"),
            1 => format!("{before}\nhttps://bob:{secret}@host/x"),
            2 => format!("{before}\nAuthorization: Bearer {secret}"),
            3 => format!("{before}\n{{\"api_key\": \"{secret}\"}} failed"),
            4 => format!("{before}\npass\u{1b}[0mword: {secret}"),
            _ => format!("{before}\nlogin --password {secret}"),
        };
        prop_assert!(!template(&text).contains(&secret[..6]), "{}", template(&text));
    }
}
