"""Services that live as long as the tests of one file."""

from __future__ import annotations

import os
import shutil
import signal
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tests.servers.private import Keeper, free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

REDIS = Keeper("redis", account="redis", foreign=("REDIS",), stop=(signal.SIGTERM,))
# The daemon has to be root; what it starts ends with it.
DOCKER = Keeper("docker", account="root", foreign=("DOCKER",), stop=(signal.SIGTERM,))
# linux/capability.h
CAP_SYS_ADMIN = 21
# Where a program names its loader, in bytes.
ELF_HEADERS = 4096
PATH = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/local/sbin"])


def redis_missing() -> str | None:
    """Return what this machine lacks to run Redis, or None."""
    lacking = next((name for name in ("redis-server", "redis-cli") if shutil.which(name, path=PATH) is None), None)
    return REDIS.missing_account() if lacking is None else f"no {lacking} found"


@contextmanager
def redis() -> Iterator[int]:
    """Run a server and give its port."""
    with REDIS.folder() as folder:
        command = [
            shutil.which("redis-server", path=PATH) or "",
            "--bind",
            "127.0.0.1",
            "--save",
            "",
            "--dir",
            str(folder),
        ]
        knock = [shutil.which("redis-cli", path=PATH) or "", "-h", "127.0.0.1", "PING"]
        process, port = REDIS.start(
            folder,
            lambda port: [*command, "--port", str(port)],
            lambda port: [*knock[:1], "-p", str(port), *knock[1:]],
            free_port,
        )
        try:
            yield port
        finally:
            REDIS.end(process)


def docker_missing() -> str | None:
    """Return what this machine lacks to run a Docker daemon of its own, or None."""
    lacking = next((name for name in ("dockerd", "docker", "busybox") if shutil.which(name, path=PATH) is None), None)
    if lacking is not None:
        return f"no {lacking} found"
    if os.geteuid() != 0 or not _may_mount():
        return "a daemon of its own needs root, and the right to mount"
    # The program's loader would have to come along.
    return "busybox is not static" if b"/ld-linux" in static_program().read_bytes()[:ELF_HEADERS] else None


def _may_mount() -> bool:
    status = Path("/proc/self/status").read_text()
    [capabilities] = [line.split()[1] for line in status.splitlines() if line.startswith("CapEff:")]
    return bool(int(capabilities, 16) & 1 << CAP_SYS_ADMIN)


@contextmanager
def docker() -> Iterator[str]:
    """Run a daemon without a network of its own and give the URL of its socket."""
    with DOCKER.folder() as folder:
        url = f"unix://{folder / 'docker.sock'}"
        command = [
            shutil.which("dockerd", path=PATH) or "",
            f"--data-root={folder / 'data'}",
            f"--exec-root={folder / 'exec'}",
            f"--pidfile={folder / 'pid'}",
            f"--host={url}",
            # Nothing of the machine is touched: no interface, no rule of the firewall, no driver for layers.
            "--bridge=none",
            "--iptables=false",
            "--ip6tables=false",
            "--storage-driver=vfs",
        ]
        knock = [shutil.which("docker", path=PATH) or "", "--host", url, "version"]
        process, _ = DOCKER.start(folder, lambda _port: command, lambda _port: knock, free_port)
        try:
            yield url
        finally:
            DOCKER.end(process)


def static_program() -> Path:
    """Return a program that needs no library, for an image of its own."""
    return Path(shutil.which("busybox", path=PATH) or "busybox").resolve()
