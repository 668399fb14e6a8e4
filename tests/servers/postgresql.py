"""A private PostgreSQL server: own data folder, own socket, own port on the loopback address."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tests.servers.private import Keeper, ServerError, free_port

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

UNFORCED = {"fsync": "off", "full_page_writes": "off"}
"""Settings under which a crash of the machine may lose data, which no test misses."""
FORGETFUL = UNFORCED | {"synchronous_commit": "off"}
"""Settings under which a crash of the server alone may lose what was committed last."""
NEEDED_PROGRAMS = ("initdb", "postgres", "pg_isready")
# SIGINT is the server's fast shutdown: it closes open connections. SIGQUIT drops everything.
KEEPER = Keeper("postgresql", account="postgres", foreign=("PG",), stop=(signal.SIGINT, signal.SIGQUIT))


def missing() -> str | None:
    """Return what this machine lacks to run the server, or None."""
    return "no initdb found" if _find_programs() is None else KEEPER.missing_account()


def version() -> str:
    """Return the version of the server that would run here."""
    programs = _find_programs()
    if programs is None:
        return "none"
    told = subprocess.run([programs / "postgres", "--version"], check=True, capture_output=True, text=True).stdout
    return told.split()[2]


class Server:
    """A server on a port and a data folder of its own, which can be ended and started again."""

    def __init__(self, programs: Path, folder: Path, settings: Mapping[str, str]) -> None:
        self._folder = folder
        self._command = [str(programs / "postgres"), "-D", str(folder / "data")]
        own = {"listen_addresses": "127.0.0.1", "unix_socket_directories": str(folder), "max_connections": "200"}
        for name, value in {**own, **settings}.items():
            self._command += ["-c", f"{name}={value}"]
        self._knock = [str(programs / "pg_isready"), "--quiet", f"--host={folder}", "--timeout=5"]
        self._process, self.port = self._start(free_port)

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"postgres://postgres@127.0.0.1:{self.port}/postgres"

    def start_again(self) -> None:
        """Start it after `end` or `kill`, on the same port with the same data."""
        # After a kill, the connections' own processes keep the shared memory, and with it the data, for a moment.
        self._process, _ = self._start(lambda: self.port)

    def end(self) -> None:
        """End it as an administrator does: open connections are closed, what is committed is on disk."""
        KEEPER.end(self._process)

    def kill(self) -> None:
        """Kill its main process, on which all others end; the next start recovers from the log."""
        self._process.kill()
        self._process.wait()

    def _start(self, port: Callable[[], int]) -> tuple[subprocess.Popen[bytes], int]:
        return KEEPER.start(
            self._folder,
            lambda port: [*self._command, "-c", f"port={port}"],
            lambda port: [*self._knock, f"--port={port}"],
            port,
        )


@contextmanager
def keep(settings: Mapping[str, str]) -> Iterator[Server]:
    """Run a server with further ``settings``; stop it and delete its data on the way out."""
    reason = missing()
    programs = _find_programs()
    if reason is not None or programs is None:
        raise ServerError(reason or "PostgreSQL's programs are gone")
    with KEEPER.folder() as folder:
        _create_cluster(programs, folder)
        server = Server(programs, folder, settings)
        try:
            yield server
        finally:
            server.end()


@contextmanager
def serve(*, durable: bool = False) -> Iterator[str]:
    """Run a server and give its URL; stop it and delete its data on the way out.

    Without ``durable`` nothing is forced to disk.
    """
    with keep({} if durable else FORGETFUL) as server:
        yield server.url


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


def _create_cluster(programs: Path, folder: Path) -> None:
    KEEPER.prepare(
        [
            str(programs / "initdb"),
            f"--pgdata={folder / 'data'}",
            "--username=postgres",
            "--auth=trust",
            "--encoding=UTF8",
            "--no-locale",
            "--no-sync",
        ],
        folder,
    )
