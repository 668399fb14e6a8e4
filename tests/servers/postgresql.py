"""A private PostgreSQL server: own data folder, own socket, own port on the loopback address."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

NEEDED_PROGRAMS = ("initdb", "postgres", "pg_isready")
# The server refuses to run as root; packages create this account for it.
SERVER_ACCOUNT = "postgres"
START_SECONDS = 60
STOP_SECONDS = 30
# Another program may take the port between our choice and the server's start.
START_ATTEMPTS = 5
# A Unix socket's path holds 107 bytes at most; the server adds its own file name.
LONGEST_SOCKET_FOLDER = 80


class ServerError(Exception):
    """The server cannot run here; the message says why."""


def missing() -> str | None:
    """Return what this machine lacks to run the server, or None."""
    if _find_programs() is None:
        return "no initdb found"
    if os.geteuid() == 0 and not _account_exists():
        return f"running as root and no user {SERVER_ACCOUNT}"
    return None


@contextmanager
def serve(*, durable: bool = False) -> Iterator[str]:
    """Run a server and give its URL; stop it and delete its data on the way out.

    Without `durable` nothing is forced to disk: a crash of the machine may lose data, which no test misses.
    """
    reason = missing()
    programs = _find_programs()
    if reason is not None or programs is None:
        raise ServerError(reason or "PostgreSQL's programs are gone")
    with _private_folder() as folder:
        _create_cluster(programs, folder)
        process, port = _start(programs, folder, durable=durable)
        try:
            yield f"postgres://postgres@127.0.0.1:{port}/postgres"
        finally:
            _stop(process)


def _find_programs() -> Path | None:
    """Return the folder with the server's programs: the newest of Debian's packages, else what PATH has."""
    packaged = sorted(
        Path("/usr/lib/postgresql").glob("*/bin"),
        key=lambda folder: [int(part) for part in folder.parent.name.split(".") if part.isdigit()],
        reverse=True,
    )
    on_path = shutil.which("initdb")
    # `initdb` looks for its siblings beside its real file, not beside a link to it.
    candidates = [*packaged, *([Path(on_path).resolve().parent] if on_path else [])]
    for folder in candidates:
        if all(os.access(folder / program, os.X_OK) for program in NEEDED_PROGRAMS):
            return folder
    return None


def _account_exists() -> bool:
    try:
        pwd.getpwnam(SERVER_ACCOUNT)
    except KeyError:
        return False
    return True


def _process_options(folder: Path) -> dict[str, Any]:
    """Return how the server's programs are started: without the caller's settings, and never as root."""
    options: dict[str, Any] = {
        "cwd": folder,
        "env": {name: value for name, value in os.environ.items() if not name.startswith("PG")},
        "stdin": subprocess.DEVNULL,
    }
    if os.geteuid() == 0:
        account = pwd.getpwnam(SERVER_ACCOUNT)
        options |= {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
    return options


@contextmanager
def _private_folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="job-retry-postgresql-", dir=_reachable_folder()))
    try:
        if os.geteuid() == 0:
            account = pwd.getpwnam(SERVER_ACCOUNT)
            os.chown(folder, account.pw_uid, account.pw_gid)
        yield folder
    finally:
        shutil.rmtree(folder)


def _reachable_folder() -> Path:
    """Return a folder for temporary files that any account can enter and whose name fits a socket's."""
    candidates = [Path(tempfile.gettempdir()).resolve(), Path("/tmp"), Path("/var/tmp")]
    for folder in candidates:
        entered = [folder, *folder.parents]
        if len(os.fsencode(folder)) <= LONGEST_SOCKET_FOLDER - len("/job-retry-postgresql-12345678") and all(
            path.is_dir() and path.stat().st_mode & stat.S_IXOTH for path in entered
        ):
            return folder
    names = ", ".join(str(folder) for folder in candidates)
    raise ServerError(f"no folder for temporary files that other accounts can enter: tried {names}")


def _create_cluster(programs: Path, folder: Path) -> None:
    command = [
        str(programs / "initdb"),
        f"--pgdata={folder / 'data'}",
        "--username=postgres",
        "--auth=trust",
        "--encoding=UTF8",
        "--no-locale",
        "--no-sync",
    ]
    result = subprocess.run(
        command,
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        **_process_options(folder),
    )
    if result.returncode != 0:
        raise ServerError(f"initdb failed:\n{result.stdout}")


def _start(programs: Path, folder: Path, *, durable: bool) -> tuple[subprocess.Popen[bytes], int]:
    log = folder / "log"
    for _attempt in range(START_ATTEMPTS):
        port = _free_port()
        settings = {
            "port": str(port),
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": str(folder),
            "max_connections": "200",
        }
        if not durable:
            settings |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
        command = [str(programs / "postgres"), "-D", str(folder / "data")]
        for name, value in settings.items():
            command += ["-c", f"{name}={value}"]
        with log.open("wb") as output:
            # A session of its own, so that Ctrl-C on a terminal ends the tests before the server.
            process = subprocess.Popen(
                command, stdout=output, stderr=output, start_new_session=True, **_process_options(folder)
            )
        try:
            if _answers(programs, folder, process, port):
                return process, port
        except BaseException:
            _stop(process)
            raise
    raise ServerError(f"the server did not start; it wrote:\n{log.read_text(errors='replace')}")


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def _answers(programs: Path, folder: Path, process: subprocess.Popen[bytes], port: int) -> bool:
    """Wait until the server answers on its private socket; False when it has ended instead."""
    deadline = time.monotonic() + START_SECONDS
    command = [str(programs / "pg_isready"), "--quiet", f"--host={folder}", f"--port={port}", "--timeout=5"]
    while process.poll() is None:
        if subprocess.run(command, check=False, **_process_options(folder)).returncode == 0:
            return True
        if time.monotonic() > deadline:
            raise ServerError(f"the server did not answer within {START_SECONDS} seconds")
        time.sleep(0.05)
    return False


def _stop(process: subprocess.Popen[bytes]) -> None:
    # SIGINT is the server's fast shutdown: it closes open connections. SIGQUIT drops everything.
    for order in (signal.SIGINT, signal.SIGQUIT):
        if process.poll() is not None:
            return
        process.send_signal(order)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            continue
    if process.poll() is None:
        process.kill()
        process.wait()
