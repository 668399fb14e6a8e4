"""At DEBUG the logger `job_retry` names the verdict and the pattern that decided it."""

from __future__ import annotations

import logging
import subprocess
import sys
from typing import TYPE_CHECKING, ClassVar

import pytest
from job_retry import ErrorClassifier

from tests.native import oracle

if TYPE_CHECKING:
    from collections.abc import Iterator

LOGGER = logging.getLogger("job_retry")


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    level, disabled = LOGGER.level, LOGGER.disabled
    yield
    logging.disable(logging.NOTSET)
    LOGGER.disabled = disabled
    LOGGER.setLevel(level)


@pytest.mark.parametrize(
    "message", ["connection was refused", "permission denied, image x not found", "exit status 1", r"x \ %s {}"]
)
def test_the_line_names_verdict_and_pattern(caplog: pytest.LogCaptureFixture, message: str) -> None:
    verdict, pattern = oracle.deciding_pattern(message)
    expected = f"Classified as {verdict.upper()}" + (f": {pattern}" if pattern else "")
    with caplog.at_level(logging.DEBUG, logger="job_retry"):
        ErrorClassifier.classify_error(message)
    (record,) = caplog.records
    assert (record.name, record.levelno, record.getMessage()) == ("job_retry", logging.DEBUG, expected)


def test_the_pattern_is_the_first_in_list_order(caplog: pytest.LogCaptureFixture) -> None:
    class Mixed(ErrorClassifier):
        TRANSIENT_PATTERNS: ClassVar = ["zzz", r"n\d", "network", "net%s"]

    with caplog.at_level(logging.DEBUG, logger="job_retry"):
        for message in ("network n1", "network", "net%s"):
            Mixed.classify_error(message)
    assert caplog.messages == [
        r"Classified as TRANSIENT: n\d",
        "Classified as TRANSIENT: network",
        "Classified as TRANSIENT: net%s",
    ]


def test_the_line_is_attributed_to_the_caller(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, logger="job_retry"):
        ErrorClassifier.classify_error("x")
    assert caplog.records[0].funcName == "test_the_line_is_attributed_to_the_caller"


def test_levels_can_change_at_any_time(caplog: pytest.LogCaptureFixture) -> None:
    def lines() -> int:
        caplog.clear()
        ErrorClassifier.classify_error("x")
        return len(caplog.records)

    LOGGER.setLevel(logging.INFO)
    assert lines() == 0
    assert lines() == 0
    LOGGER.setLevel(logging.DEBUG)
    assert lines() == 1
    logging.disable(logging.DEBUG)
    assert lines() == 0
    logging.disable(logging.NOTSET)
    assert lines() == 1
    LOGGER.disabled = True
    assert lines() == 0
    LOGGER.disabled = False
    assert lines() == 1
    LOGGER.setLevel(logging.WARNING)
    assert lines() == 0


def test_no_line_is_made_while_debug_is_off(monkeypatch: pytest.MonkeyPatch) -> None:
    LOGGER.setLevel(logging.INFO)

    def refuse(*arguments: object) -> None:
        raise AssertionError(arguments)

    monkeypatch.setattr(LOGGER, "debug", refuse)
    ErrorClassifier.classify_error("connection refused")


CUSTOM_LOGGER = """
import logging

class Own(logging.Logger):
    asked = 0

    def isEnabledFor(self, level):
        Own.asked += 1
        return level == logging.DEBUG and Own.asked > 1

    def debug(self, message, *arguments, **options):
        print(message % arguments)

logging.setLoggerClass(Own)
from job_retry import ErrorClassifier
ErrorClassifier.classify_error("first: off")
ErrorClassifier.classify_error("connection refused")
"""


def test_a_class_of_logger_with_rules_of_its_own_is_asked() -> None:
    result = subprocess.run([sys.executable, "-c", CUSTOM_LOGGER], capture_output=True, text=True, check=True)
    assert result.stdout == "Classified as TRANSIENT: connection.*refused\n"


def test_a_subclass_may_name_a_further_logger(caplog: pytest.LogCaptureFixture) -> None:
    shop = logging.getLogger("shop.retry")

    class Own(ErrorClassifier):
        DEBUG_LOGGER = shop

    def names(classifier: type[ErrorClassifier]) -> list[str]:
        caplog.clear()
        classifier.classify_error("connection refused")
        assert set(caplog.messages) <= {"Classified as TRANSIENT: connection.*refused"}
        return [record.name for record in caplog.records]

    for own, further in ((False, False), (False, True), (True, False), (True, True), (False, False)):
        LOGGER.setLevel(logging.DEBUG if own else logging.INFO)
        shop.setLevel(logging.DEBUG if further else logging.INFO)
        expected = ["job_retry"] * own
        for _ in range(2):
            assert names(Own) == [*expected, *["shop.retry"] * further]
            assert names(ErrorClassifier) == expected
