"""The launcher: how a job is run is the project's business; the queue only calls `launch_job`."""

import atexit
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils import timezone

from jobs.models import ContainerJob

running: set[subprocess.Popen[bytes]] = set()
"""The processes of the launches under way, in all threads."""


def launch_job(job: ContainerJob) -> dict[str, Any]:
    """Run the job's command to its end and return what came of it.

    This is a *blocking* launcher: the call is the whole run, which `completed` says. What it raises, a folder that is
    missing or a command that takes longer than `JOB_TIMEOUT_SECONDS`, is a failed attempt like any other.
    """
    job.started_at = timezone.now()
    job.save(update_fields=["started_at"])
    with subprocess.Popen(
        ["bash", "-c", job.command],
        cwd=str(settings.IMAGES_DIR / job.image),
        env=job_environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,  # Ctrl-C is for the worker, which lets its jobs finish
    ) as process:
        running.add(process)
        try:
            _, stderr = process.communicate(timeout=settings.JOB_TIMEOUT_SECONDS)
        except BaseException:
            kill(process)
            raise
        finally:
            running.discard(process)
    if process.returncode == 0:
        return {"success": True, "completed": True, "execution_id": process.pid}
    # Bytes as they are: nobody knows their encoding, and the queue can take them.
    return {"success": False, "error": stderr.strip() or exit_text(process.returncode)}


def kill(process: subprocess.Popen[bytes]) -> None:
    """Kill the process and whatever it started."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


@atexit.register
def kill_running() -> None:
    """Leave no process behind: a worker that is told to stop a second time does not wait for its launches."""
    for process in tuple(running):
        kill(process)


def job_environment() -> dict[str, str]:
    """Return what a job finds in its environment: nothing of the worker's, which knows the database's password."""
    return {
        "PATH": f"{settings.TOOLS_DIR}:{Path(sys.executable).parent}:{os.environ.get('PATH', os.defpath)}",
        # Errors in one language, whatever the machine's, so that the classifier knows them.
        "LC_ALL": "C",
    }


def exit_text(returncode: int) -> str:
    """Say how a process ended that wrote nothing on stderr."""
    if returncode < 0:
        return f"killed by {signal.Signals(-returncode).name}"
    return f"exit status {returncode}"
