"""Fixtures of the tests of the queue."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from job_retry.django import attempts

from tests.queue.support import recorded_together

if TYPE_CHECKING:
    from job_retry.django.attempts import EndedLaunch


@pytest.fixture(params=["alone", "together"])
def recorded_either_way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have each result of a launch written by itself, and as a worker does, which writes those of many at once."""

    def together(manager: Any, ended: EndedLaunch) -> Any:
        [recorded] = recorded_together(manager, [ended])
        if recorded.exception is not None:
            raise recorded.exception
        return recorded.result

    if request.param == "together":
        monkeypatch.setattr(attempts, "record", together)
