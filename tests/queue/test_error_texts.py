"""From whatever a launcher hands back to the text that is classified, stored, logged and sent."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from django.utils.functional import lazy
from django.utils.safestring import mark_safe
from django.utils.translation import gettext_lazy
from hypothesis import given
from hypothesis import strategies as st
from job_retry import ErrorClassifier, ErrorType
from job_retry.django import signals
from job_retry.django.error_text import clean_error_text, error_text
from job_retry.django.launcher import read_result
from job_retry.django.testing import failed

from tests.queue.support import manager_for, queued_job, row

LIMIT_BYTES = 64 * 1024
SECRETS = ("hunter2", "s3cr3t-token", "AKIAIOSFODNN7")
TELLTALE = (
    "connection refused: postgres://app:hunter2@db/jobs "
    "Authorization: Bearer s3cr3t-token password=hunter2 api_key=AKIAIOSFODNN7"
)


class NoTextError(Exception):
    def __str__(self) -> str:
        raise ZeroDivisionError


class NoRepr:
    def __repr__(self) -> str:
        raise ZeroDivisionError


class Awkward:
    """Compares equal to everything, as an array's elements might."""

    def __eq__(self, other: object) -> bool:
        raise ZeroDivisionError

    __hash__ = None

    def __repr__(self) -> str:
        return "<Awkward>"


class Shouting(str):
    __slots__ = ()

    def __str__(self) -> str:
        return self.upper()


@pytest.mark.parametrize(
    ("error", "text"),
    [
        ("Connection refused", "Connection refused"),
        (gettext_lazy("Image not found"), "Image not found"),
        (lazy(lambda: 1 // 0, str)(), "<__proxy__ object whose repr() fails>"),
        (" ", " "),
        (Shouting("quiet"), "quiet"),
        (mark_safe("<b>safe</b>"), "<b>safe</b>"),
        (ValueError("bad value"), "ValueError: bad value"),
        (ValueError(), "ValueError"),
        (TimeoutError(), "TimeoutError"),
        (KeyError("name"), "KeyError: 'name'"),
        (OSError(5, "Input/output error", "/dev/sda"), "OSError: [Errno 5] Input/output error: '/dev/sda'"),
        (NoTextError("x"), "NoTextError"),
        (GeneratorExit(), "GeneratorExit"),
        (b"caf\xc3\xa9 \xff", "café \\xff"),
        (bytearray(b"exit 3"), "exit 3"),
        (memoryview(b"exit 3"), "exit 3"),
        (None, "Unknown error: launcher returned None"),
        ("", "Unknown error: launcher returned ''"),
        (b"", "Unknown error: launcher returned ''"),
        (0, "0"),
        (137, "137"),
        (False, "False"),
        ({"code": 3}, "{'code': 3}"),
        (["a", "b"], "['a', 'b']"),
        (Awkward(), "<Awkward>"),
        (NoRepr(), "<NoRepr object whose repr() fails>"),
    ],
)
def test_each_kind_of_error_has_its_text(error: object, text: str) -> None:
    found = error_text(error)
    assert found == text
    assert type(found) is str


@pytest.mark.parametrize(
    "result",
    [None, {}, {"error": "Image not found"}, {"success": False}, {"success": False, "error": ""}, 5, "started", object],
)
def test_a_result_that_says_nothing_is_shown(result: object) -> None:
    assert read_result(result).error == f"Unknown error: launcher returned {result!r}"


def test_an_unusable_result_is_shown_by_200_characters() -> None:
    result = {"x": "y" * 1_000}
    assert read_result(result).error == "Unknown error: launcher returned " + repr(result)[:200]


@given(st.text(alphabet=st.characters(), max_size=300))
def test_cleaning_loses_nothing_that_can_be_stored(text: str) -> None:
    """Any text, lone surrogates and NUL among it."""
    cleaned = clean_error_text(text)
    cleaned.encode()
    assert "\x00" not in cleaned


@pytest.mark.usefixtures("recorded_either_way")
@pytest.mark.django_db
def test_a_message_of_10_megabytes_is_classified_in_full_and_stored_cut() -> None:
    message = "x" * 10_000_000 + " permission denied"
    manager = manager_for(lambda job: failed(message))
    job = queued_job(manager)
    result = manager.launch_job_with_retry(job)
    assert row(job).status == "failed"
    stored = row(job).last_error
    assert len(stored.encode()) <= LIMIT_BYTES + 200
    assert stored.startswith("xxx")
    assert stored.endswith("permission denied")
    assert str(len(message)) in stored.replace(",", "").replace("_", "")
    assert result["error"] == f"Permanently failed: {stored}"


@pytest.mark.usefixtures("recorded_either_way")
@pytest.mark.django_db
def test_the_verdict_is_on_what_masking_hides() -> None:
    """A secret that holds the deciding words."""
    message = "password=permission denied"
    assert ErrorClassifier.classify_error(message) is ErrorType.PERMANENT
    manager = manager_for(lambda job: failed("token='no such image'"))
    job = queued_job(manager)
    manager.launch_job_with_retry(job)
    assert row(job).status == "failed"
    assert "no such image" not in row(job).last_error


@pytest.mark.usefixtures("recorded_either_way")
@pytest.mark.django_db
@pytest.mark.parametrize("as_exception", [False, True])
@pytest.mark.parametrize("text", [TELLTALE, TELLTALE.replace("connection refused", "permission denied")])
def test_secrets_are_masked_wherever_the_error_goes(
    as_exception: bool, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    sent: list[Any] = []

    def receive(decision: Any, job: Any, **kwargs: Any) -> None:
        sent.append(repr(decision) + job.last_error)

    def launch(job: Any) -> Any:
        if as_exception:
            raise RuntimeError(text)
        return failed(text)

    for signal in (signals.job_retry_scheduled, signals.job_dead_lettered):
        signal.connect(receive)
    try:
        manager = manager_for(launch)
        job = queued_job(manager)
        result = manager.launch_job_with_retry(job)
        other = queued_job(manager)
        batch = manager.launch_next_batch()
    finally:
        for signal in (signals.job_retry_scheduled, signals.job_dead_lettered):
            signal.disconnect(receive)
    shown = {
        "stored": row(job).last_error + row(other).last_error,
        "returned": result["error"] + "".join(batch["errors"]),
        "sent": "".join(sent),
        "logged": caplog.text,
    }
    for where, found in shown.items():
        assert "refused" in found or "denied" in found, where
        assert not [secret for secret in SECRETS if secret in found], where


@pytest.mark.usefixtures("recorded_either_way")
@pytest.mark.django_db
def test_a_project_adds_patterns_of_its_own(settings: Any) -> None:
    settings.JOB_RETRY = {"MASK": [r"customer-\d+"]}
    manager = manager_for(lambda job: failed("connection refused for customer-4711"))
    job = queued_job(manager)
    manager.launch_job_with_retry(job)
    assert "4711" not in row(job).last_error
    assert "connection refused" in row(job).last_error


@pytest.mark.usefixtures("recorded_either_way")
@pytest.mark.django_db
def test_an_execution_id_fits_its_column(caplog: pytest.LogCaptureFixture) -> None:
    manager = manager_for(lambda job: {"success": True, "execution_id": "é\x00" + "x" * 400})
    job = queued_job(manager)
    assert manager.launch_job_with_retry(job)["success"]
    assert len(row(job).execution_id) == 255
    assert "cut at 255" in caplog.text
