"""``run_job_queue`` and ``release_claim``, as people type them."""

from __future__ import annotations

import os
import pty
import signal
from io import StringIO
from typing import TYPE_CHECKING, Any

import pytest
from django.core.management import CommandError, call_command
from job_retry.django.queue import get_queue_manager

from tests.app.models import ContainerJob, ReportJob
from tests.worker.processes import PATIENCE_SECONDS, command, environment

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.django_db(transaction=True)


def queued(count: int, **fields: Any) -> list[ContainerJob]:
    jobs = [ContainerJob.objects.create(name=f"job {number}", **fields) for number in range(count)]
    get_queue_manager().queue_jobs(jobs)
    return jobs


def state(job: ContainerJob) -> tuple[Any, ...]:
    job.refresh_from_db()
    return job.status, job.claimed_by, job.claim_token, job.retry_count, job.attempt_serial


def called(*arguments: str) -> str:
    output = StringIO()
    call_command(*arguments, stdout=output)
    return output.getvalue()


def read_until(process: Any, words: str) -> None:
    for line in process.stdout:
        if words in line:
            return
    pytest.fail(f"the process ended without saying {words!r}")


@pytest.mark.parametrize("order", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_worker_gracefully(order: signal.Signals, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    first, *others = queued(3, command=str(pipe))
    with command("run_job_queue", "--poll-interval", "0.05") as process:
        with pipe.open("w"):  # returns when the launch is under way, which goes on until this is closed
            assert state(first)[0] == "launching"
            process.send_signal(order)
            read_until(process, "1 launches are still under way")
            assert [state(job) for job in others] == [("queued", "", None, 0, 0)] * 2
        assert "1 launched" in process.communicate(timeout=PATIENCE_SECONDS)[0]
        assert process.returncode == 0
    assert state(first) == ("completed", "", None, 0, 1)
    assert [state(job) for job in others] == [("queued", "", None, 0, 0)] * 2


def test_a_second_signal_ends_it_at_once_and_says_what_to_do(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    [job] = queued(1, command=str(pipe))
    with command("run_job_queue", "--poll-interval", "0.05") as process, pipe.open("w"):
        process.send_signal(signal.SIGTERM)
        read_until(process, "still under way")
        process.send_signal(signal.SIGTERM)
        assert process.stdout is not None
        said = process.stdout.read()
        assert process.wait(PATIENCE_SECONDS) == 1
    status, holder, *_claim = state(job)
    assert status == "launching"
    assert f"jobs were being launched: {job.pk}." in said
    way_out = f"manage.py release_claim default --worker {holder}"
    assert way_out in said
    assert called(*way_out.split()[1:]) == "released 1 of 1 claims\n"
    assert state(job) == ("queued", "", None, 0, 0)


def test_it_ends_after_as_many_launches_as_it_is_told() -> None:
    reports = [ReportJob.objects.create(slug=f"report-{number}") for number in range(5)]
    get_queue_manager("reports").queue_jobs(reports)
    for jobs_in_all in (3, 4):
        done = ReportJob.objects.filter(status="completed").count()
        called("run_job_queue", "reports", "--max-concurrent", "2", "--max-jobs", str(jobs_in_all - done))
        assert ReportJob.objects.filter(status="completed").count() == jobs_in_all
    assert ReportJob.objects.get(status="queued").attempt_serial == 0


def test_draining_ends_with_success_where_the_launches_are_used_up() -> None:
    reports = [ReportJob.objects.create(slug=f"report-{number}") for number in range(2)]
    get_queue_manager("reports").queue_jobs(reports)
    called("run_job_queue", "reports", "--drain", "--max-jobs", "1")
    assert ReportJob.objects.filter(status="queued").count() == 1


def test_the_liveness_file_is_touched_while_a_launch_goes_on(tmp_path: Path) -> None:
    pipe, alive = tmp_path / "pipe", tmp_path / "alive"
    os.mkfifo(pipe)
    queued(1, command=str(pipe))
    with command("run_job_queue", "--poll-interval", "0.01", "--liveness-file", str(alive)) as process, pipe.open("w"):
        os.utime(alive, (0, 0))
        while alive.stat().st_mtime == 0:  # ends by the time limit of the test if the file is never touched
            process.poll()
        process.send_signal(signal.SIGTERM)
        read_until(process, "still under way")
        os.utime(alive, (0, 0))
        while alive.stat().st_mtime == 0:
            process.poll()


def test_a_liveness_file_that_cannot_be_touched_is_refused_at_start(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=r"missing/alive' cannot be touched: No such file or directory\."):
        called("run_job_queue", "--liveness-file", str(tmp_path / "missing" / "alive"))


def test_elsewhere_than_on_a_terminal_it_writes_plain_lines() -> None:
    queued(2)
    with command("run_job_queue", "--drain") as process:
        said = process.communicate(timeout=PATIENCE_SECONDS)[0]
    lines = said.splitlines()
    assert lines[0].endswith("runs queue 'default' until it is drained, 1 jobs at once.")
    assert sum(" INFO Launched job " in line for line in lines) == 2
    assert lines[-1].endswith("Worker ended: 2 launched, 0 retries scheduled, 0 dead letters.")
    assert "\x1b" not in said


def test_draining_that_is_stopped_early_is_no_success(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    queued(2, command=str(pipe))
    with command("run_job_queue", "--drain") as process:
        with pipe.open("w"):
            process.send_signal(signal.SIGTERM)
            read_until(process, "still under way")
        assert "Stopped before queue 'default' was drained." in process.communicate(timeout=PATIENCE_SECONDS)[0]
    assert process.returncode == 1


def test_a_root_handler_that_a_library_made_does_not_silence_it() -> None:
    queued(1)
    program = (
        "import logging; logging.warning('a library says something first');"
        "from django.core.management import execute_from_command_line;"
        "execute_from_command_line(['manage.py', 'run_job_queue', '--drain'])"
    )
    with command(program=("-c", program)) as process:
        said = process.communicate(timeout=PATIENCE_SECONDS)[0]
    assert "Launched job" in said
    assert "Worker ended: 1 launched" in said


def test_quietly_it_writes_nothing_but_warnings() -> None:
    queued(2)
    with command("run_job_queue", "--drain", "--verbosity", "0") as process:
        assert process.communicate(timeout=PATIENCE_SECONDS)[0] == ""


def test_on_a_terminal_it_draws_what_goes_on() -> None:
    queued(3)
    ours, theirs = pty.openpty()
    with command("run_job_queue", "--drain", stdin=theirs, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        said = b""
        while True:
            try:
                piece = os.read(ours, 65536)
            except OSError:  # Linux's way to say that the other end is closed
                break
            if not piece:
                break
            said += piece
        assert process.wait(PATIENCE_SECONDS) == 0
    os.close(ours)
    drawn = said.decode()
    for part in ("Queue default", "3 of 3 ended", "Completed: 3", "job 2: completed", "Worker ended: 3 launched"):
        assert part in drawn
    assert " INFO " not in drawn


def test_runs_the_queue_that_is_named() -> None:
    with command("run_job_queue", "nightly", "--drain") as process:
        said = process.communicate(timeout=PATIENCE_SECONDS)[0]
    assert process.returncode == 1
    assert "no queue 'nightly'. Queues: default." in said


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--max-concurrent", "0"], "must be a whole number, 1 or more, not '0'"),
        (["--max-concurrent", "two"], "must be a whole number, 1 or more, not 'two'"),
        (["--poll-interval", "0"], "must be a number of seconds above 0, not '0'"),
        (["--poll-interval", "nan"], "must be a number of seconds above 0, not 'nan'"),
        (["nowhere"], "no queue 'nowhere'. Queues: default, reports."),
    ],
)
def test_bad_arguments_are_refused_by_name(arguments: list[str], said: str) -> None:
    with pytest.raises(CommandError) as refused:
        call_command("run_job_queue", *arguments)
    assert said in str(refused.value)


def test_a_launcher_that_does_not_exist_is_said_before_anything_runs() -> None:
    with command("check", "--fail-level", "ERROR") as process:
        assert process.wait(PATIENCE_SECONDS) == 0
    [job] = queued(1)
    program = (
        "import django; from django.conf import settings; from django.core.management import execute_from_command_line;"
        "settings.JOB_RETRY['QUEUES']['default']['LAUNCH'] = 'tests.worker.launchers.follow';"
        "execute_from_command_line(['manage.py', 'run_job_queue', '--drain'])"
    )
    with command(program=("-c", program)) as process:
        said = process.communicate(timeout=PATIENCE_SECONDS)[0]
    assert process.returncode == 1
    assert "job_retry.E006" in said
    assert "tests.worker.launchers has: fail_at_length, follow_command, kill_worker_on_command, take_a_moment." in said
    assert state(job)[0] == "queued"


def test_a_missing_table_is_said_with_the_way_out(tmp_path: Path) -> None:
    env = environment() | {"DATABASE_URL": f"sqlite:///{tmp_path / 'empty.sqlite3'}"}
    with command("run_job_queue", "--drain", env=env) as process:
        said = process.communicate(timeout=PATIENCE_SECONDS)[0]
    assert process.returncode == 1
    assert "The table 'app_containerjob' of app.ContainerJob is missing: run `manage.py migrate`." in said
    assert "Traceback" not in said


def test_a_missing_ledger_is_said_too_before_a_job_is_launched(tmp_path: Path) -> None:
    env = environment() | {"DATABASE_URL": f"sqlite:///{tmp_path / 'empty.sqlite3'}"}
    for arguments in (["migrate", "app"], ["run_job_queue", "--drain"]):
        with command(*arguments, env=env) as process:
            said = process.communicate(timeout=PATIENCE_SECONDS)[0]
    assert process.returncode == 1
    assert "The table 'job_retry_failedattempt' of job_retry.FailedAttempt is missing: run `manage.py migrate`" in said
    assert "Traceback" not in said


def test_release_claim_lists_who_holds_what() -> None:
    manager = get_queue_manager()
    assert called("release_claim") == "nobody holds a job\n"
    queued(3)
    manager.claim_next_batch(2, "host:1")
    manager.claim_next_batch(1, "host:2")
    assert called("release_claim") == "host:1: 2 launching\nhost:2: 1 launching\n"


def test_release_claim_puts_back_a_workers_claims_or_a_jobs() -> None:
    manager = get_queue_manager()
    first, second, third = queued(3)
    manager.claim_next_batch(2, "host:1")
    manager.claim_next_batch(1, "host:2")
    dry = called("release_claim", "--worker", "host:1", "--dry-run").splitlines()
    assert dry == [f"would release job {job.pk} (launching, held by host:1)" for job in (first, second)]
    assert called("release_claim", "--job", str(first.pk), "--job", str(third.pk)) == "released 2 of 2 claims\n"
    assert [state(job)[0] for job in (first, second, third)] == ["queued", "launching", "queued"]
    assert called("release_claim", "--worker", "host:1") == "released 1 of 1 claims\n"
    assert state(second) == ("queued", "", None, 0, 0)


def test_release_claim_refuses_what_is_not_held() -> None:
    [job] = queued(1)
    for arguments, said in [
        (["--worker", "host:9"], "host:9 holds no job"),
        (["--job", str(job.pk)], f"Not claimed, or not by that worker: {job.pk}. Nothing was released."),
        (["--job", "x"], "['x'] are no keys of app.ContainerJob"),
        (["nowhere"], "no queue 'nowhere'"),
    ]:
        with pytest.raises(CommandError) as refused:
            call_command("release_claim", *arguments)
        assert said in str(refused.value)
