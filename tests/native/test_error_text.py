"""Error texts are made safe to store, to log and to send, whatever is in them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from job_retry._native import ErrorTextCleaner

from tests.native.strategies import AWKWARD

LIMIT_BYTES = 64 * 1024
HEAD_BYTES = 48 * 1024
SECRET = "hunter2xY"


def clean(text: str) -> str:
    return ErrorTextCleaner().clean(text)


@pytest.mark.parametrize(
    "text",
    [
        f"GET https://bob:{SECRET}@registry.example/v2/ failed",
        f"postgres://app:{SECRET}@db:5432/jobs: connection refused",
        f"redis://:{SECRET}@cache/0",
        f"https://{SECRET}{SECRET}{SECRET}@github.com/x.git not found",
        f"Authorization: Bearer {SECRET}",
        f"{{'Authorization': 'Basic {SECRET}'}}",
        f"rejected bearer {SECRET}",
        f"password={SECRET}",
        f"DB_PASSWORD: {SECRET}",
        f'{{"client_secret": "{SECRET} {SECRET}"}}',
        f"{{'api_key': '{SECRET}'}}",
        f"{{'password': b'{SECRET}'}}",
        rf'{{"body": "{{\"password\": \"{SECRET} {SECRET}\"}}"}}',
        f"X-Auth-Token: {SECRET}",
        f'truncated: password="{SECRET}',
        f"https://example/x?access_token={SECRET}&page=2",
        f"AWS_SECRET_ACCESS_KEY={SECRET}",
        f"mysql --password {SECRET} --user bob",
        f"--api-key={SECRET}",
        f"-----BEGIN PRIVATE KEY-----\n{SECRET}\n-----END PRIVATE KEY-----",
        f"-----BEGIN RSA PRIVATE KEY-----\n{SECRET}\ncut off here",
    ],
)
def test_secrets_are_masked(text: str) -> None:
    for surrounded in (text, f"before {text} after", f"é \udc80 {text}\nnext line", f"{text}\n{text}"):
        cleaned = clean(surrounded)
        assert SECRET not in cleaned
        assert "***" in cleaned
        assert clean(cleaned) == cleaned


@pytest.mark.parametrize(
    "text",
    [
        "Connection refused",
        'password authentication failed for user "bob"',
        "invalid token: expired at noon",
        "ssh://git@host/repository: connection refused",
        "dial tcp 10.0.0.1:5432: connect: connection refused",
        "bearer authentication required",
        "Access denied for user 'bob'@'localhost' (using password: YES)",
        "Password:\nsudo: a password is required",
        "",
    ],
)
def test_an_ordinary_text_comes_back_as_the_same_object(text: str) -> None:
    assert clean(text) is text


def test_nul_and_lone_surrogates_are_escaped_and_not_dropped() -> None:
    assert clean("a\0b\udc80c\ud800") == r"a\x00b\udc80c\ud800"
    assert clean("\U00010400é\u2028") == "\U00010400é\u2028"


@given(st.one_of(st.text(max_size=40), st.text(AWKWARD + "p=:@/'\" ", max_size=60)))
def test_any_text_can_be_stored(text: str) -> None:
    cleaned = clean(text)
    cleaned.encode()
    assert "\0" not in cleaned
    assert clean(cleaned) == cleaned


@pytest.mark.parametrize("character", ["a", "é", "連", "\U0001f600", "\udc80", "\0"])
def test_the_middle_of_a_long_text_is_left_out_and_its_length_is_named(character: str) -> None:
    text = f"begin {character * 200_000} end"
    cleaned = clean(text)
    assert LIMIT_BYTES - 8 < len(cleaned.encode()) <= LIMIT_BYTES
    head, notice, tail = cleaned.partition("\n[... 200010 characters in all, middle left out ...]\n")
    assert notice
    assert HEAD_BYTES - 4 < len(head.encode()) <= HEAD_BYTES
    assert head.startswith("begin ")
    assert tail.endswith(" end")


def test_a_text_of_just_the_limit_stays() -> None:
    assert clean("x" * LIMIT_BYTES) == "x" * LIMIT_BYTES
    assert "65537 characters in all" in clean("x" * (LIMIT_BYTES + 1))


def test_a_secret_across_the_cut_is_masked() -> None:
    for before in range(HEAD_BYTES - 40, HEAD_BYTES + 5):
        assert SECRET[:4] not in clean("x" * before + f" password={SECRET} " + "y" * 100_000)


# What is written by whoever makes a job fail must not stop the queue. The tests need only end.
@pytest.mark.parametrize(
    "unit",
    [
        *["a", " ", "-", "'", '"', "@", "\0", "\udc80", "é", "a:", "://", "a://", "a://b:", "a://b:c@", "a@"],
        *["password=", "password= ", "password='\"", 'password="', 'password="\\"', "password    ", "token='"],
        *["bearer ", "basic a1b ", "authorization: ", "authorization:bearer ", "eyJ", "eyJaaaaaaaa.", "ghp_"],
        *["--", "--password x ", "--a-", "-----BEGIN PRIVATE KEY-----", "é bearer é authorization éeyJ"],
    ],
)
def test_a_megabyte_of_anything_is_cleaned(unit: str) -> None:
    long = unit * (1_000_000 // len(unit))
    for text in (long, f'password="https://u:{long}'):
        assert len(clean(text).encode()) <= LIMIT_BYTES


@pytest.mark.parametrize("unit", ["an ordinary line\n", "\udc80", "a://b:c@ password=x bearer a1b2c3 "])
def test_ten_megabytes_are_cleaned(unit: str) -> None:
    assert len(clean(unit * (10_000_000 // len(unit))).encode()) <= LIMIT_BYTES


def test_own_patterns_are_added() -> None:
    cleaner = ErrorTextCleaner([r"\bT-[0-9]+", "pin (?<secret>[0-9]+)"])
    assert cleaner.clean("T-123 pin 4711 password=x") == "*** pin *** password=***"
    assert ErrorTextCleaner(mask=()).clean("T-123") == "T-123"


@pytest.mark.parametrize(
    ("mask", "error", "message"),
    [
        (["("], ValueError, r'invalid mask pattern "\("'),
        (["(?=x)"], ValueError, r'invalid mask pattern "\(\?=x\)"'),
        ("password", TypeError, "mask must be a sequence of str, not str"),
        ([b"x"], TypeError, "a pattern in mask must be a str, not bytes"),
        (None, TypeError, "mask must be a sequence of str, not NoneType"),
    ],
)
def test_bad_patterns_are_refused_by_name(mask: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        ErrorTextCleaner(mask)


@pytest.mark.parametrize("value", [None, b"text", 5, ValueError("x")])
def test_what_is_no_str_is_refused(value: Any) -> None:
    with pytest.raises(TypeError, match="text must be a str, not"):
        ErrorTextCleaner().clean(value)
