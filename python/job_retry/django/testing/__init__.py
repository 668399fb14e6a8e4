"""For the tests of projects that use the queue: scripted launches, a clock of one's own, and draining in-process.

The pytest fixture is in `job_retry.django.testing.fixtures`.
"""

from __future__ import annotations

from job_retry.django.testing.clock import ManualClock
from job_retry.django.testing.draining import Drained, drain
from job_retry.django.testing.launcher import COMPLETED, STARTED, LaunchCall, ScriptedLauncher, failed

__all__ = ["COMPLETED", "STARTED", "Drained", "LaunchCall", "ManualClock", "ScriptedLauncher", "drain", "failed"]
