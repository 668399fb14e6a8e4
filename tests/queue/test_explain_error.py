"""``manage.py explain_error``: what the classifier says of a text, and why."""

from __future__ import annotations

import io
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from job_retry import ErrorClassifier, ErrorType

MESSAGE = "Error response from daemon: No such image: app:1"


class Strict:
    @staticmethod
    def classify_error(_message: str) -> ErrorType:
        return ErrorType.PERMANENT


def explained(*arguments: str) -> str:
    output = io.StringIO()
    call_command("explain_error", *arguments, stdout=output)
    return output.getvalue()


def test_it_prints_what_the_classifier_explains() -> None:
    assert explained(MESSAGE) == f"{ErrorClassifier.with_packs().explain(MESSAGE)}\n"
    assert explained(*MESSAGE.split()) == explained(MESSAGE)
    assert explained(MESSAGE).startswith("permanent: docker/")


def test_a_text_may_come_from_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(f"first line\n{MESSAGE}\n"))
    assert explained("-").startswith("permanent: docker/")


def test_it_says_how_long_the_text_asks_to_wait() -> None:
    assert explained("429 Too Many Requests, Retry-After: 90").endswith("\nasks to wait 90 seconds\n")
    assert "wait" not in explained(MESSAGE)


def test_it_asks_the_classifier_of_a_queue_by_its_settings(settings: Any) -> None:
    queues = settings.JOB_RETRY["QUEUES"]
    plain = {**queues["default"], "CLASSIFIER": "job_retry.ErrorClassifier"}
    settings.JOB_RETRY = {"RULE_PACKS": ["network"], "QUEUES": {**queues, "default": plain}}
    assert explained("OSError: [Errno 111] x").startswith("transient: network/")
    assert explained("OSError: [Errno 111] x", "--queue", "reports").startswith("transient: network/")
    assert explained("OSError: [Errno 111] x", "--queue", "default").startswith("unknown")


def test_what_cannot_be_explained_is_refused_with_the_way_out(settings: Any) -> None:
    with pytest.raises(CommandError, match=r"no queue 'nowhere'\. Queues: default, reports\."):
        explained(MESSAGE, "--queue", "nowhere")
    queues = settings.JOB_RETRY["QUEUES"]
    strict = {**queues["default"], "CLASSIFIER": "tests.queue.test_explain_error.Strict"}
    settings.JOB_RETRY = {"QUEUES": {**queues, "default": strict}}
    with pytest.raises(CommandError, match="has no method explain: derive it from ErrorClassifier"):
        explained(MESSAGE, "--queue", "default")
