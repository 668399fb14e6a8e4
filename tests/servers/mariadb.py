"""A private MariaDB server: own data folder, own socket, own port on the loopback address."""

from __future__ import annotations

import os
import shutil
import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tests.servers.private import Keeper, ServerError, free_port

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NEEDED_PROGRAMS = ("mariadb-install-db", "mariadbd", "mariadb-admin")
# SIGTERM shuts the server down; there is no faster orderly way.
KEEPER = Keeper("mariadb", account="mysql", foreign=("MYSQL", "MARIADB"), stop=(signal.SIGTERM,))


def missing() -> str | None:
    """Return what this machine lacks to run the server, or None."""
    programs = _find_programs()
    lacking = next((name for name in NEEDED_PROGRAMS if name not in programs), None)
    return KEEPER.missing_account() if lacking is None else f"no {lacking} found"


@contextmanager
def serve(*, durable: bool = False) -> Iterator[str]:
    """Run a server and give its URL; stop it and delete its data on the way out.

    Without `durable` nothing is forced to disk: a crash of the machine may lose data, which no test misses.
    """
    reason = missing()
    if reason is not None:
        raise ServerError(reason)
    programs = _find_programs()
    with KEEPER.folder() as folder:
        _create_data(programs["mariadb-install-db"], folder)
        settings = {
            "datadir": folder / "data",
            "tmpdir": folder,
            "socket": folder / "socket",
            "pid-file": folder / "pid",
            "bind-address": "127.0.0.1",
            "skip-name-resolve": "ON",
            "max-connections": "200",
            # As Debian configures it; the server's own default has no room for most of Unicode.
            "character-set-server": "utf8mb4",
        }
        if not durable:
            settings |= {"innodb-flush-log-at-trx-commit": "0", "innodb-doublewrite": "OFF"}
        # `--no-defaults` has to come first: the machine's own server has settings that are not ours.
        command = [programs["mariadbd"], "--no-defaults", *(f"--{name}={value}" for name, value in settings.items())]
        knock = [programs["mariadb-admin"], "--no-defaults", f"--socket={folder / 'socket'}", "--user=root", "ping"]
        process, port = KEEPER.start(folder, lambda port: [*command, f"--port={port}"], lambda _port: knock, free_port)
        try:
            yield f"mysql://root@127.0.0.1:{port}/mysql"
        finally:
            KEEPER.end(process)


def _find_programs() -> dict[str, str]:
    """Return the path of each program that is here. Where packages put the server is not on every PATH."""
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/local/sbin"])
    found = {name: shutil.which(name, path=path) for name in NEEDED_PROGRAMS}
    return {name: program for name, program in found.items() if program is not None}


def _create_data(program: str, folder: Path) -> None:
    KEEPER.prepare(
        [
            program,
            "--no-defaults",
            f"--datadir={folder / 'data'}",
            f"--tmpdir={folder}",
            "--auth-root-authentication-method=normal",
            "--skip-name-resolve",
            "--skip-test-db",
        ],
        folder,
    )
