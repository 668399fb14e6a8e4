"""Fixtures for pytest. In a ``conftest.py``: ``pytest_plugins = ["job_retry.django.testing.fixtures"]``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import pytest

from job_retry.django.settings import DEFAULT_QUEUE
from job_retry.django.testing.clock import ManualClock
from job_retry.django.testing.draining import Drained, drain
from job_retry.django.testing.launcher import ScriptedLauncher

if TYPE_CHECKING:
    from collections.abc import Iterator

    from job_retry.django.queue import JobQueueManager


@dataclass
class QueueUnderTest:
    """A configured queue whose launcher is scripted and whose clock stands still."""

    manager: JobQueueManager
    launcher: ScriptedLauncher
    clock: ManualClock

    def drain(self, *, scheduled_too: bool = False) -> Drained:
        """Launch until nothing is ready or waits for a retry; see `job_retry.django.testing.drain`."""
        return drain(self.manager, clock=self.clock, scheduled_too=scheduled_too)


class JobQueueFixture(Protocol):
    """What the fixture `job_queue` is: call it with the outcomes of the launches."""

    def __call__(self, *outcomes: Any, queue: str = DEFAULT_QUEUE) -> QueueUnderTest:
        """Put the scripted launcher and the clock into the manager of ``queue``."""


@pytest.fixture
def job_queue(db: None) -> Iterator[JobQueueFixture]:  # noqa: ARG001 - asks for the database
    """Script the launches of a configured queue until the end of the test.

    ``job_queue(failed("Connection refused"), COMPLETED)`` replaces launcher and clock of the very manager that
    `get_queue_manager` returns, so that the code under test uses them too.
    """
    # Not above: a conftest is loaded before Django's apps are, and perhaps in a project without this one.
    from job_retry.django.queue import get_queue_manager

    with pytest.MonkeyPatch.context() as patch:

        def script(*outcomes: Any, queue: str = DEFAULT_QUEUE) -> QueueUnderTest:
            manager = get_queue_manager(queue)
            under_test = QueueUnderTest(manager, ScriptedLauncher(*outcomes), ManualClock())
            patch.setattr(manager, "launch", under_test.launcher)
            patch.setattr(manager, "clock", under_test.clock)
            return under_test

        yield script
