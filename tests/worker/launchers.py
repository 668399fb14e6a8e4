"""Launchers for workers in processes of their own."""

from __future__ import annotations

import os
import secrets
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.app.models import ContainerJob


def follow_command(job: ContainerJob) -> dict[str, Any]:
    """Run ``job``: wait for what the test writes into the pipe that ``command`` names, if it names one.

    Opening a pipe waits for its other end, so the test knows when the launch is under way.
    """
    if job.command:
        Path(job.command).read_text()
    return {"success": True, "completed": True}


def kill_worker_on_command(job: ContainerJob) -> dict[str, Any]:
    """Take the whole worker along where the job's ``command`` says so, as a job does that eats all memory."""
    if job.command == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    return {"success": True, "completed": True}


def take_a_moment(job: ContainerJob) -> dict[str, Any]:
    """Let others claim meanwhile."""
    time.sleep(0.01)
    return {"success": True, "completed": True}


def fail_at_length(job: ContainerJob) -> dict[str, Any]:
    """Fail with an error that needs room in the database, and cannot be compressed."""
    return {"success": False, "error": secrets.token_hex(30_000)}
