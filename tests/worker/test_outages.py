"""Workers in processes of their own, whose database does not answer, or has no room."""

from __future__ import annotations

import resource
from contextlib import contextmanager
from typing import TYPE_CHECKING

import psycopg
import pytest
from django.db import connection

from tests.servers import postgresql
from tests.servers.private import free_port
from tests.worker.processes import PATIENCE_SECONDS, command, environment

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.django_db(transaction=True)

LARGEST_FILE_BYTES = 17 * 1024 * 1024 + 4096
"""More than a segment of the log, and no multiple of a page: the page that does not fit is written in part."""

WORK = """
from django.conf import settings
from django.core.management import execute_from_command_line
settings.JOB_RETRY.update({update})
settings.JOB_RETRY['QUEUES']['default']['LAUNCH'] = 'tests.worker.launchers.fail_at_length'
execute_from_command_line(['manage.py', 'run_job_queue', '--drain', '--poll-interval', '0.1'])
"""

FILL = """
import django
django.setup()
import secrets
from django.core.management import call_command
from django.db import OperationalError
from job_retry.django.queue import get_queue_manager
from tests.app.models import ContainerJob
call_command('migrate', verbosity=0)
get_queue_manager().queue_job(ContainerJob.objects.create(name='job', max_retries=1))
while True:
    try:
        ContainerJob.objects.create(name='ballast', last_error=secrets.token_hex(30_000))
    except OperationalError as error:
        print(error.__cause__.sqlstate)
        break
"""


def test_gives_up_with_an_exit_status_after_a_set_time() -> None:
    env = environment() | {"DATABASE_URL": f"postgres://nobody@127.0.0.1:{free_port()}/nothing"}
    with command(program=("-c", WORK.format(update={"OUTAGE_SECONDS": 0.6})), env=env) as worker:
        said = worker.communicate(timeout=PATIENCE_SECONDS)[0]
    assert worker.returncode == 1
    assert "the worker asks again in 0." in said
    assert "CommandError: Gave up: the database has not answered for 0.6 s (OUTAGE_SECONDS): Operational" in said
    assert "Traceback" not in said


@contextmanager
def no_file_larger_than(size: int) -> Iterator[None]:
    """Let programs that are started meanwhile write no larger file; for PostgreSQL the disk is full then."""
    before, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, most))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (before, most))


@pytest.mark.postgresql
def test_writes_a_result_when_a_full_disk_has_room_again() -> None:
    if connection.vendor != "postgresql":
        pytest.skip("needs PostgreSQL; SQLite has a test of its own")
    with postgresql.keep({**postgresql.FORGETFUL, "autovacuum": "off"}) as server:
        server.end()
        with no_file_larger_than(LARGEST_FILE_BYTES):
            server.start_again()
        env = environment() | {"DATABASE_URL": server.url}
        with command(program=("-c", FILL), env=env) as filler:
            assert filler.communicate(timeout=PATIENCE_SECONDS)[0] == "53100\n"
        with command(program=("-c", WORK.format(update={})), env=env) as worker:
            assert worker.stdout is not None
            refusals = (line for line in worker.stdout if "does not answer" in line)
            assert [next(refusals).count("could not extend file") for _ in range(2)] == [1, 1]
            with psycopg.connect(server.url, autocommit=True) as administrator:
                administrator.execute("DELETE FROM app_containerjob WHERE name = 'ballast'")
                administrator.execute("VACUUM app_containerjob")
                said = worker.communicate(timeout=PATIENCE_SECONDS)[0]
                assert worker.returncode == 0, said
                columns = "name, status, retry_count, attempt_serial"
                rows = administrator.execute(f"SELECT {columns} FROM app_containerjob").fetchall()
    assert rows == [("job", "failed", 1, 1)]
