"""`job_retry.fingerprint`, as Python programs meet it. What it makes of texts is tested in Rust, beside it."""

from __future__ import annotations

import inspect
import json
import pickle
import re
import sys
import traceback
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from job_retry import Fingerprint, fingerprint
from job_retry._native import ErrorTextCleaner

PINNED = [
    json.loads(line) for line in Path(__file__).with_name("pinned.jsonl").read_text(encoding="utf-8").splitlines()
]


@pytest.mark.parametrize("pinned", PINNED, ids=lambda pinned: pinned["id"])
def test_the_ids_of_a_version_never_change(pinned: dict[str, str]) -> None:
    assert fingerprint(pinned["message"], version=1) == Fingerprint(pinned["id"], pinned["template"])


def test_many_ids_are_pinned() -> None:
    assert len({pinned["id"] for pinned in PINNED}) >= 48


def test_it_is_a_tuple_of_id_and_template() -> None:
    found = fingerprint("No such image: acme/api:7")
    identifier, template = found
    assert template == found.template == "No such image: <name>"
    assert re.fullmatch("1:[0-9a-f]{32}", identifier)
    assert pickle.loads(pickle.dumps(found)) == found
    assert fingerprint("No such image: acme/web:8").id == found.id


@pytest.mark.parametrize(
    ("exception", "text"),
    [
        (ConnectionRefusedError(111, "Connection refused"), "ConnectionRefusedError: [Errno 111] Connection refused"),
        (TimeoutError(), "TimeoutError"),
        (KeyError("customer"), "KeyError: 'customer'"),
        (json.JSONDecodeError("Expecting value", "", 0), "JSONDecodeError: Expecting value: line 1 column 1 (char 0)"),
    ],
)
def test_an_exception_has_the_fingerprint_of_its_text(exception: BaseException, text: str) -> None:
    assert fingerprint(exception) == fingerprint(text)


def test_an_exception_whose_text_fails_has_that_of_its_class() -> None:
    class SilentError(Exception):
        def __str__(self) -> str:
            raise RuntimeError("no text")

    assert fingerprint(SilentError()).template == "SilentError"


def test_an_exception_and_its_traceback_have_one_fingerprint() -> None:
    empty: dict[str, str] = {}
    with pytest.raises(KeyError) as raised:
        empty["customer"]
    text = "".join(traceback.format_exception(raised.value))
    assert text.startswith("Traceback")
    assert fingerprint(text) == fingerprint(raised.value)


@pytest.mark.parametrize("message", [None, b"bytes", 5, ["x"]])
def test_what_is_no_message_is_named(message: Any) -> None:
    with pytest.raises(TypeError, match=rf"message must be a str or an exception, not {type(message).__name__}"):
        fingerprint(message)


@pytest.mark.parametrize("version", [0, 2, -1, 10**30])
def test_an_unknown_version_is_refused_with_those_there_are(version: Any) -> None:
    with pytest.raises(ValueError, match=f"there is no version {version} of fingerprints; there are 1"):
        fingerprint("x", version=version)


@pytest.mark.parametrize("version", [None, "1", 1.0, True])
def test_a_version_is_a_whole_number(version: Any) -> None:
    with pytest.raises(TypeError, match="version must be a whole number"):
        fingerprint("x", version=version)


def test_the_version_is_named() -> None:
    assert inspect.signature(fingerprint).parameters["version"].kind is inspect.Parameter.KEYWORD_ONLY
    assert inspect.signature(fingerprint).parameters["version"].default == 1


def test_a_subclass_of_str_is_read_as_what_it_is() -> None:
    class Loud(str):
        __slots__ = ()

        def __str__(self) -> str:
            return "other"

    assert fingerprint(Loud("exit status 1")) == fingerprint("exit status 1")


def test_huge_messages_have_small_templates() -> None:
    line = "could not read block {} of the volume\n"
    text = "".join(line.format(number) for number in range(100_000))
    assert fingerprint(text).template.startswith("could not read block <number> of the volume")
    assert len(fingerprint("word " * 1_000_000).template) <= 2048


@given(st.text(st.characters(), max_size=300))
def test_no_text_is_too_strange(text: str) -> None:
    found = fingerprint(text)
    assert len(found.id) <= 64
    assert len(found.template.encode()) <= 2048


@given(st.text(st.characters(categories=["Cs", "Ll", "Nd", "Zs", "Po"]), max_size=100))
def test_what_is_stored_has_the_fingerprint_of_what_was_met(text: str) -> None:
    assert fingerprint(ErrorTextCleaner().clean(text)) == fingerprint(text)


def test_no_references_are_lost() -> None:
    text = "exit status " + str(137)
    before = sys.getrefcount(text)
    for _ in range(100):
        fingerprint(text)
    assert sys.getrefcount(text) == before
