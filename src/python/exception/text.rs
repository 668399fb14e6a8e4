//! The text of an exception: what an operator would read of it.

use super::Step::{self, Attribute};
use super::{follow, lenient};
use crate::python::utf8;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyBytesMethods, PyList, PyString};

/// How much of an answer's body is read, in bytes: the errors of APIs are shorter, and pages for people are longer.
const BODY_BYTES: usize = 16 * 1024;

/// Texts beside `str()`.
struct Further {
    /// The first of these that is a text, or bytes, and not empty.
    paths: &'static [&'static [Step]],
    longest: usize,
    #[expect(dead_code, reason = "for readers")]
    reason: &'static str,
}

const FURTHER: &[Further] = &[
    Further {
        paths: &[&[Attribute("explanation")]],
        longest: usize::MAX,
        reason: "docker: what the daemon says beside the status",
    },
    Further {
        paths: &[&[Attribute("response"), Attribute("_content")]],
        longest: BODY_BYTES,
        reason: "requests, httpx: the body, where it has been read already; asking for it may wait for the network",
    },
    Further {
        paths: &[&[Attribute("stderr")], &[Attribute("output")]],
        longest: usize::MAX,
        reason: "subprocess: a program says on its standard error why it ends, or else on its standard output",
    },
];

/// Return what an operator would read: `str()`, the notes, and further texts that are not in it already.
///
/// In UTF-8 in which lone surrogates may stand; bytes are taken for text, other encodings for replacement characters.
pub(in crate::python) fn text_of(exception: &Bound<'_, PyAny>) -> PyResult<Vec<u8>> {
    let py = exception.py();
    let mut text = match lenient(py, exception.str())? {
        Some(text) => lenient(py, utf8(&text))?.map_or_else(Vec::new, |text| text.as_bytes().to_vec()),
        None => Vec::new(),
    };
    let notes = follow(exception, &[Attribute("__notes__")])?;
    if let Some(Ok(notes)) = notes.as_ref().map(|notes| notes.cast::<PyList>()) {
        for note in notes {
            add(&mut text, bytes_of(&note)?.as_deref());
        }
    }
    for further in FURTHER {
        for path in further.paths {
            let Some(found) = follow(exception, path)? else { continue };
            let Some(found) = bytes_of(&found)?.filter(|found| !found.is_empty()) else { continue };
            add(&mut text, Some(head(&found, further.longest)));
            break;
        }
    }
    Ok(text)
}

/// At most so many bytes, without a character cut in two.
fn head(text: &[u8], longest: usize) -> &[u8] {
    let mut end = text.len().min(longest);
    while text.get(end).is_some_and(|byte| byte & 0b1100_0000 == 0b1000_0000) {
        end -= 1;
    }
    &text[..end]
}

/// Append a text on lines of its own, unless it stands there already.
fn add(text: &mut Vec<u8>, more: Option<&[u8]>) {
    let Some(more) = more.map(<[u8]>::trim_ascii).filter(|more| !more.is_empty()) else { return };
    if memchr::memmem::find(text, more).is_none() {
        if !text.is_empty() {
            text.push(b'\n');
        }
        text.extend_from_slice(more);
    }
}

/// The text of a str or of bytes; None for all else.
fn bytes_of(value: &Bound<'_, PyAny>) -> PyResult<Option<Vec<u8>>> {
    if let Ok(bytes) = value.cast::<PyBytes>() {
        return Ok(Some(String::from_utf8_lossy(bytes.as_bytes()).into_owned().into_bytes()));
    }
    match value.cast::<PyString>() {
        Ok(text) => Ok(Some(utf8(text)?.as_bytes().to_vec())),
        Err(_) => Ok(None),
    }
}
