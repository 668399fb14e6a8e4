"""What every private server has: a data folder, a port, an account that is never root's, an end."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import stat
import subprocess
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import signal
    from collections.abc import Callable, Iterator, Sequence

START_SECONDS = 60
STOP_SECONDS = 30
# Another program may take the port between our choice and the server's start.
START_ATTEMPTS = 5
# A Unix socket's path holds 107 bytes at most; the server adds its own file name.
LONGEST_SOCKET_FOLDER = 80


class ServerError(Exception):
    """The server cannot run here; the message says why."""


@dataclass(frozen=True)
class Keeper:
    """How one kind of server is kept.

    ``account`` is the one its package creates, since the server refuses to run as root; ``foreign`` begins the names
    of environment variables that would give its programs settings of the caller's; ``stop`` holds the signals that end
    it, the most polite first.
    """

    name: str
    account: str
    foreign: tuple[str, ...]
    stop: tuple[signal.Signals, ...]

    def missing_account(self) -> str | None:
        """Return why the server has no account to run under here, or None."""
        if os.geteuid() != 0:
            return None
        try:
            pwd.getpwnam(self.account)
        except KeyError:
            return f"running as root and no user {self.account}"
        return None

    def process_options(self, folder: Path) -> dict[str, Any]:
        """Return how the server's programs are started: without the caller's settings, and never as root."""
        options: dict[str, Any] = {
            "cwd": folder,
            "env": {name: value for name, value in os.environ.items() if not name.startswith(self.foreign)},
            "stdin": subprocess.DEVNULL,
        }
        if os.geteuid() == 0:
            account = pwd.getpwnam(self.account)
            options |= {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
        return options

    @contextmanager
    def folder(self) -> Iterator[Path]:
        """Give a new folder that belongs to the server's account; delete it on the way out."""
        prefix = f"job-retry-{self.name}-"
        folder = Path(tempfile.mkdtemp(prefix=prefix, dir=_reachable_folder(len(prefix) + len("/12345678"))))
        try:
            if os.geteuid() == 0:
                account = pwd.getpwnam(self.account)
                os.chown(folder, account.pw_uid, account.pw_gid)
            yield folder
        finally:
            shutil.rmtree(folder)

    def prepare(self, command: Sequence[str], folder: Path) -> None:
        """Run a program to its end; `ServerError` with what it wrote where it fails."""
        result = subprocess.run(
            command,
            check=False,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            **self.process_options(folder),
        )
        if result.returncode != 0:
            raise ServerError(f"{Path(command[0]).name} failed:\n{result.stdout}")

    def start(
        self,
        folder: Path,
        command: Callable[[int], Sequence[str]],
        knock: Callable[[int], Sequence[str]],
        free_port: Callable[[], int],
    ) -> tuple[subprocess.Popen[bytes], int]:
        """Start the server on a free port and wait until it answers; return its process and the port.

        ``command`` and ``knock`` give, for a port, the server's command line and one that succeeds once it answers.
        """
        log = folder / "log"
        for _attempt in range(START_ATTEMPTS):
            port = free_port()
            with log.open("wb") as output:
                # A session of its own, so that Ctrl-C on a terminal ends the tests before the server.
                process = subprocess.Popen(
                    command(port), stdout=output, stderr=output, start_new_session=True, **self.process_options(folder)
                )
            try:
                if self._answers(folder, process, knock(port)):
                    return process, port
            except BaseException:
                self.end(process)
                raise
        raise ServerError(f"the server did not start; it wrote:\n{log.read_text(errors='replace')}")

    def _answers(self, folder: Path, process: subprocess.Popen[bytes], knock: Sequence[str]) -> bool:
        """Wait until the server answers; False when it has ended instead."""
        deadline = time.monotonic() + START_SECONDS
        options = self.process_options(folder) | {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        while process.poll() is None:
            if subprocess.run(knock, check=False, **options).returncode == 0:
                return True
            if time.monotonic() > deadline:
                raise ServerError(f"the server did not answer within {START_SECONDS} seconds")
            time.sleep(0.05)
        return False

    def end(self, process: subprocess.Popen[bytes]) -> None:
        """Stop the server, the rougher the longer it takes."""
        for order in self.stop:
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


def free_port() -> int:
    """Return a port of the loopback address that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def _reachable_folder(room: int) -> Path:
    """Return a folder for temporary files that any account can enter and whose name leaves ``room`` bytes."""
    candidates = [Path(tempfile.gettempdir()).resolve(), Path("/tmp"), Path("/var/tmp")]
    for folder in candidates:
        entered = [folder, *folder.parents]
        if len(os.fsencode(folder)) <= LONGEST_SOCKET_FOLDER - room and all(
            path.is_dir() and path.stat().st_mode & stat.S_IXOTH for path in entered
        ):
            return folder
    names = ", ".join(str(folder) for folder in candidates)
    raise ServerError(f"no folder for temporary files that other accounts can enter: tried {names}")
