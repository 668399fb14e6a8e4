//! What the core promises, restated as plainly as possible.

/// Lower case as far as ASCII comes of it.
pub(crate) fn lower(message: &[u8]) -> Vec<u8> {
    let mut lowered = Vec::new();
    let mut rest = message;
    while let [first, ..] = rest {
        let (replacement, length): (&[u8], usize) = if rest.starts_with("\u{212a}".as_bytes()) {
            (b"k", 3)
        } else if rest.starts_with("\u{130}".as_bytes()) {
            ("i\u{307}".as_bytes(), 2)
        } else {
            (&[first.to_ascii_lowercase()], 1)
        };
        lowered.extend_from_slice(replacement);
        rest = &rest[length..];
    }
    lowered
}

/// Whether literals joined by `.*` stand in this order on one line of a lower-cased message.
pub(crate) fn stands_in(pattern: &str, lowered: &[u8]) -> bool {
    pattern.is_empty()
        || lowered.split(|byte| *byte == b'\n').any(|line| {
            let mut rest = line;
            pattern.split(".*").all(|literal| {
                let found = (0..=rest.len()).find(|start| rest[*start..].starts_with(literal.as_bytes()));
                found.is_some_and(|start| {
                    rest = &rest[start + literal.len()..];
                    true
                })
            })
        })
}
