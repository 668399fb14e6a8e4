"""Each server starts, answers, and leaves nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from xml.sax.saxutils import quoteattr

import psycopg
import pytest

from tests.servers import postgresql
from tests.servers.run import main
from tests.servers.suite import Report

RUN = [sys.executable, "-m", "tests.servers.run", "postgresql", "--"]
# Prints the data folder and the server's process id, the first line of its lock file.
SHOW_SERVER = """
import os, psycopg
with psycopg.connect(os.environ["DATABASE_URL"]) as connection:
    folder = connection.execute("SHOW data_directory").fetchone()[0]
with open(os.path.join(folder, "postmaster.pid")) as lock:
    print(folder, lock.readline().strip(), flush=True)
"""

needs_postgresql = pytest.mark.skipif(postgresql.missing() is not None, reason=f"PostgreSQL: {postgresql.missing()}")


def assert_gone(shown: str) -> None:
    folder, number = shown.split()
    assert not Path(folder).exists()
    assert not Path(folder).parent.exists()
    with pytest.raises(ProcessLookupError):
        os.kill(int(number), 0)


@needs_postgresql
def test_the_command_has_a_server_that_is_gone_afterwards() -> None:
    result = subprocess.run([*RUN, sys.executable, "-c", SHOW_SERVER], capture_output=True, text=True, check=True)
    assert_gone(result.stdout)


@needs_postgresql
def test_exit_status_is_the_commands() -> None:
    failing = SHOW_SERVER + "\nraise SystemExit(7)"
    result = subprocess.run([*RUN, sys.executable, "-c", failing], capture_output=True, text=True, check=False)
    assert result.returncode == 7
    assert_gone(result.stdout)


@needs_postgresql
@pytest.mark.parametrize("order", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_the_server_too(order: signal.Signals) -> None:
    waiting = SHOW_SERVER + "\nimport time\ntime.sleep(600)"
    with subprocess.Popen([*RUN, sys.executable, "-c", waiting], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        shown = process.stdout.readline()
        process.send_signal(order)
        assert process.wait(60) == 128 + order
    assert_gone(shown)


@needs_postgresql
@pytest.mark.parametrize(("durable", "fsync"), [(False, "off"), (True, "on")])
def test_durability_is_a_choice(durable: bool, fsync: str) -> None:
    with postgresql.serve(durable=durable) as url, psycopg.connect(url) as connection:
        assert connection.execute("SHOW fsync").fetchone() == (fsync,)
        assert connection.execute("SHOW max_connections").fetchone() == ("200",)
        assert connection.execute("SHOW listen_addresses").fetchone() == ("127.0.0.1",)


@needs_postgresql
def test_a_taken_port_is_given_up_for_another(monkeypatch: pytest.MonkeyPatch) -> None:
    free_port = postgresql._free_port
    with postgresql.serve() as first:
        taken = int(first.rpartition(":")[2].partition("/")[0])
        ports = iter([taken, free_port()])
        monkeypatch.setattr(postgresql, "_free_port", lambda: next(ports))
        with postgresql.serve() as second, psycopg.connect(second) as connection:
            assert second != first
            assert connection.execute("SELECT 1").fetchone() == (1,)


def test_without_the_programs_the_reason_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(postgresql, "_find_programs", lambda: None)
    assert main(["postgresql", "--", "true"]) == 1
    assert "no initdb found" in capsys.readouterr().err


def test_what_every_run_skipped_is_left_out(tmp_path: Path) -> None:
    def results(name: str, **cases: str) -> Path:
        body = "".join(
            f"<testcase classname='tests.app' name={quoteattr(case)}>{outcome}</testcase>"
            for case, outcome in cases.items()
        )
        path = tmp_path / name
        path.write_text(f"<testsuites><testsuite>{body}</testsuite></testsuites>")
        return path

    skip, expected_failure = "<skipped type='pytest.skip'/>", "<skipped type='pytest.xfail'/>"
    report = Report()
    report.read(results("sqlite.xml", everywhere="", only_postgresql=skip, never=skip, known=expected_failure))
    assert report.summary() == "left out: 2 skipped: tests.app.never, tests.app.only_postgresql"
    report.read(results("postgresql.xml", everywhere="", only_postgresql="", never=skip))
    assert report.summary() == "left out: 1 skipped: tests.app.never"
    report.left_out.append("PostgreSQL (no initdb found)")
    assert report.summary().startswith("left out: PostgreSQL (no initdb found); 1 skipped")


def test_nothing_left_out_is_said() -> None:
    assert Report().summary() == "left out: nothing"
