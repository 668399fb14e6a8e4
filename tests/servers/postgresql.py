"""A private PostgreSQL server: own data folder, own socket, own port on the loopback address."""

from __future__ import annotations

import os
import shutil
import signal
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tests.servers.private import Keeper, ServerError, free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

NEEDED_PROGRAMS = ("initdb", "postgres", "pg_isready")
# SIGINT is the server's fast shutdown: it closes open connections. SIGQUIT drops everything.
KEEPER = Keeper("postgresql", account="postgres", foreign=("PG",), stop=(signal.SIGINT, signal.SIGQUIT))


def missing() -> str | None:
    """Return what this machine lacks to run the server, or None."""
    return "no initdb found" if _find_programs() is None else KEEPER.missing_account()


@contextmanager
def serve(*, durable: bool = False) -> Iterator[str]:
    """Run a server and give its URL; stop it and delete its data on the way out.

    Without `durable` nothing is forced to disk: a crash of the machine may lose data, which no test misses.
    """
    reason = missing()
    programs = _find_programs()
    if reason is not None or programs is None:
        raise ServerError(reason or "PostgreSQL's programs are gone")
    with KEEPER.folder() as folder:
        _create_cluster(programs, folder)
        settings = {
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": str(folder),
            "max_connections": "200",
        }
        if not durable:
            settings |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
        command = [str(programs / "postgres"), "-D", str(folder / "data")]
        for name, value in settings.items():
            command += ["-c", f"{name}={value}"]
        knock = [str(programs / "pg_isready"), "--quiet", f"--host={folder}", "--timeout=5"]
        process, port = KEEPER.start(
            folder,
            lambda port: [*command, "-c", f"port={port}"],
            lambda port: [*knock, f"--port={port}"],
            free_port,
        )
        try:
            yield f"postgres://postgres@127.0.0.1:{port}/postgres"
        finally:
            KEEPER.end(process)


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
