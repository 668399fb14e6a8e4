"""SSH, by paramiko on both ends."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from tests.provoked import loopback
from tests.provoked.rows import Row, Table

paramiko = pytest.importorskip("paramiko")

if TYPE_CHECKING:
    import socket
    from pathlib import Path

SECONDS = 0.2
SSH = Table("ssh")
KEY = paramiko.ECDSAKey.generate()


class Strict(paramiko.ServerInterface):
    """Lets in whoever has the password, and does nothing for them."""

    def check_auth_password(self, username: str, password: str) -> int:
        return paramiko.AUTH_SUCCESSFUL if password == "right" else paramiko.AUTH_FAILED

    def get_allowed_auths(self, username: str) -> str:
        return "password"


def serve(connection: socket.socket) -> None:
    with closing(paramiko.Transport(connection)) as transport:
        transport.add_server_key(KEY)
        transport.start_server(server=Strict())
        transport.join(10)


def connect(
    port: int, password: str = "right", policy: type = paramiko.AutoAddPolicy, **options: object
) -> paramiko.SSHClient:
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(policy())
    client.connect("127.0.0.1", port, "worker", password, allow_agent=False, look_for_keys=False, **options)
    return client


@SSH.row(
    "paramiko.ssh_exception.NoValidConnectionsError", "transient", "nobody listens: the server is down or starting"
)
def a_server_that_is_down(folder: Path) -> None:
    connect(loopback.closed_port())


@SSH.row("paramiko.ssh_exception.SSHException", "transient", "the server said nothing in time")
def a_server_without_a_banner(folder: Path) -> None:
    with loopback.silent() as port:
        connect(port, banner_timeout=SECONDS)


@SSH.row("paramiko.ssh_exception.AuthenticationException", "permanent", "somebody has to correct the password")
def a_wrong_password(folder: Path) -> None:
    with loopback.peer(serve) as port:
        connect(port, "wrong")


@SSH.row("paramiko.ssh_exception.SSHException", "permanent", "nobody has said that the host can be trusted")
def a_host_that_nobody_knows(folder: Path) -> None:
    with loopback.peer(serve) as port:
        connect(port, policy=paramiko.RejectPolicy)


@SSH.row("paramiko.ssh_exception.BadHostKeyException", "permanent", "the host has another key than it had")
def a_host_with_another_key(folder: Path) -> None:
    with loopback.peer(serve) as port:
        client = paramiko.SSHClient()
        client.get_host_keys().add(f"[127.0.0.1]:{port}", KEY.get_name(), paramiko.ECDSAKey.generate())
        client.connect("127.0.0.1", port, "worker", "right", allow_agent=False, look_for_keys=False)


@SSH.row("paramiko.ssh_exception.ChannelException", "permanent", "the server allows no session")
def a_session_that_is_refused(folder: Path) -> None:
    with loopback.peer(serve) as port, closing(connect(port)) as client:
        client.exec_command("uptime")


@SSH.row("paramiko.ssh_exception.PasswordRequiredException", "permanent", "the key has a passphrase that nobody gave")
def a_key_with_a_passphrase(folder: Path) -> None:
    KEY.write_private_key_file(str(folder / "key"), password="secret")
    paramiko.ECDSAKey.from_private_key_file(str(folder / "key"))


@SSH.row("FileNotFoundError", "permanent", "the key is not there")
def a_key_that_is_missing(folder: Path) -> None:
    paramiko.ECDSAKey.from_private_key_file(str(folder / "key"))


@SSH.row("paramiko.ssh_exception.SSHException", "permanent", "the file is no key")
def a_file_that_is_no_key(folder: Path) -> None:
    (folder / "key").write_text("not a key")
    paramiko.ECDSAKey.from_private_key_file(str(folder / "key"))


@SSH.each
def test_the_verdict_is_an_operators(row: Row, tmp_path: Path) -> None:
    row.check(tmp_path)
