"""Each server starts, answers, and leaves nothing behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from xml.sax.saxutils import quoteattr

import psycopg
import pymysql
import pytest

from tests.servers import mariadb, postgresql
from tests.servers.run import SERVERS, main
from tests.servers.suite import LANES, RUNS, Report

MODULES = {"postgresql": postgresql, "mariadb": mariadb}
# Prints the data folder and the server's process id, the first line of its lock file.
SHOW_SERVER = {
    "postgresql": """
import os, psycopg
with psycopg.connect(os.environ["DATABASE_URL"]) as connection:
    folder = connection.execute("SHOW data_directory").fetchone()[0]
with open(os.path.join(folder, "postmaster.pid")) as lock:
    print(folder, lock.readline().strip(), flush=True)
""",
    "mariadb": """
import os, pymysql, urllib.parse
url = urllib.parse.urlsplit(os.environ["DATABASE_URL"])
with pymysql.connect(host=url.hostname, port=url.port, user=url.username) as connection:
    with connection.cursor() as cursor:
        cursor.execute("SELECT @@datadir, @@pid_file")
        folder, lock_file = cursor.fetchone()
with open(lock_file) as lock:
    print(folder, lock.readline().strip(), flush=True)
""",
}
# What the server says of settings that were asked for.
SETTINGS: dict[str, dict[str, object]] = {
    "postgresql": {"SHOW max_connections": "200", "SHOW listen_addresses": "127.0.0.1"},
    "mariadb": {
        "SELECT @@max_connections": 200,
        "SELECT @@bind_address": "127.0.0.1",
        "SELECT @@character_set_server": "utf8mb4",
    },
}
DURABILITY: dict[tuple[str, bool], tuple[str, object]] = {
    ("postgresql", False): ("SHOW fsync", "off"),
    ("postgresql", True): ("SHOW fsync", "on"),
    ("mariadb", False): ("SELECT @@innodb_flush_log_at_trx_commit", 0),
    ("mariadb", True): ("SELECT @@innodb_flush_log_at_trx_commit", 1),
}


def needed(name: str, *values: Any) -> Any:
    """Return test parameters that are skipped, saying why, where the server cannot run."""
    reason = SERVERS[name].missing()
    return pytest.param(
        name, *values, marks=pytest.mark.skipif(reason is not None, reason=f"{SERVERS[name].title}: {reason}")
    )


each_server = pytest.mark.parametrize("server", [needed(name) for name in SERVERS])


def run(server: str) -> list[str]:
    return [sys.executable, "-m", "tests.servers.run", server, "--"]


def ask(url: str, question: str) -> Any:
    """Return the one value that a statement gives."""
    parts = urlsplit(url)
    connection: Any = (
        pymysql.connect(host=str(parts.hostname), port=parts.port or 0, user=str(parts.username))
        if parts.scheme == "mysql"
        else psycopg.connect(url)
    )
    with connection, connection.cursor() as cursor:
        cursor.execute(question)
        return cursor.fetchone()[0]


def assert_gone(shown: str) -> None:
    folder, number = shown.split()
    assert not Path(folder).exists()
    assert not Path(folder).parent.exists()
    with pytest.raises(ProcessLookupError):
        os.kill(int(number), 0)


@each_server
def test_the_command_has_a_server_that_is_gone_afterwards(server: str) -> None:
    command = [*run(server), sys.executable, "-c", SHOW_SERVER[server]]
    assert_gone(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


@each_server
def test_exit_status_is_the_commands(server: str) -> None:
    failing = SHOW_SERVER[server] + "\nraise SystemExit(7)"
    result = subprocess.run([*run(server), sys.executable, "-c", failing], capture_output=True, text=True, check=False)
    assert result.returncode == 7
    assert_gone(result.stdout)


@each_server
@pytest.mark.parametrize("order", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_the_server_too(server: str, order: signal.Signals) -> None:
    waiting = SHOW_SERVER[server] + "\nimport time\ntime.sleep(600)"
    command = [*run(server), sys.executable, "-c", waiting]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        shown = process.stdout.readline()
        process.send_signal(order)
        assert process.wait(60) == 128 + order
    assert_gone(shown)


@pytest.mark.parametrize(
    ("server", "durable", "question", "answer"),
    [needed(name, durable, *row) for (name, durable), row in DURABILITY.items()],
)
def test_durability_is_a_choice(server: str, durable: bool, question: str, answer: object) -> None:
    with SERVERS[server].serve(durable=durable) as url:
        assert ask(url, question) == answer
        assert {question: ask(url, question) for question in SETTINGS[server]} == SETTINGS[server]


@each_server
def test_a_taken_port_is_given_up_for_another(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    free_port = MODULES[server].free_port
    with SERVERS[server].serve() as first:
        ports = iter([urlsplit(first).port, free_port()])
        monkeypatch.setattr(MODULES[server], "free_port", lambda: next(ports))
        with SERVERS[server].serve() as second:
            assert second != first
            assert ask(second, "SELECT 1") == 1


@pytest.mark.parametrize(
    ("server", "programs", "reason"),
    [
        ("postgresql", None, "no initdb found"),
        ("mariadb", {}, "no mariadb-install-db found"),
        ("mariadb", {"mariadb-install-db": "/usr/bin/mariadb-install-db"}, "no mariadbd found"),
    ],
)
def test_without_the_programs_the_reason_is_named(
    server: str,
    programs: object,
    reason: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(MODULES[server], "_find_programs", lambda: programs)
    assert main([server, "--", "true"]) == 1
    assert reason in capsys.readouterr().err


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


def test_the_lanes_do_each_run_once() -> None:
    assert sorted(name for lane in LANES for name in lane) == sorted(RUNS)


def test_what_one_lane_reports_is_added_to_what_another_does() -> None:
    first = Report(failed=["Rust core"], ran={"tests.a", "tests.b"}, skipped={"tests.c"})
    second = Report(left_out=["MariaDB (none found)"], ran={"tests.c"}, skipped={"tests.d"})
    second.add(json.loads(first.as_json()))
    assert second.failed == ["Rust core"]
    assert second.summary() == "left out: MariaDB (none found); 1 skipped: tests.d"
