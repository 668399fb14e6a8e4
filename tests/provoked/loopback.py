"""Peers on the loopback address that misbehave in one certain way."""

from __future__ import annotations

import socket
import socketserver
import struct
import threading
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from tests.servers.private import free_port

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

LONGEST_REQUEST = 65_536


def closed_port() -> int:
    """Return a port that nobody listens on."""
    return free_port()


@contextmanager
def silent() -> Iterator[int]:
    """Give the port of a peer that accepts and never says a word."""
    with socket.create_server(("127.0.0.1", 0), backlog=50) as listener:
        yield listener.getsockname()[1]


@contextmanager
def full() -> Iterator[int]:
    """Give the port of a peer that has no room for another connection, so that connecting takes for ever."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        port = listener.getsockname()[1]
        waiting = []
        try:
            for _ in range(8):
                waiting.append(socket.socket())
                waiting[-1].setblocking(False)
                waiting[-1].connect_ex(("127.0.0.1", port))
            yield port
        finally:
            for each in waiting:
                each.close()


@contextmanager
def peer(behave: Callable[[socket.socket], None]) -> Iterator[int]:
    """Give the port of a peer that does to each connection what ``behave`` does, and then closes it."""

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            # The client may go first.
            with suppress(OSError):
                behave(self.request)

    with serving(socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)) as server:
        yield server.server_address[1]


@contextmanager
def serving(server: Any) -> Iterator[Any]:
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def reset(connection: socket.socket) -> None:
    """Read something, then close with a reset instead of an end."""
    connection.recv(LONGEST_REQUEST)
    # With time zero to linger, closing sends RST.
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def hang_up(connection: socket.socket) -> None:
    """Read something and close without a word."""
    connection.recv(LONGEST_REQUEST)


def saying(answer: bytes) -> Callable[[socket.socket], None]:
    """Read something, say ``answer`` and close."""

    def behave(connection: socket.socket) -> None:
        connection.recv(LONGEST_REQUEST)
        connection.sendall(answer)

    return behave


class Answering(BaseHTTPRequestHandler):
    """Answers whatever it is asked with one status, some headers and a body."""

    protocol_version = "HTTP/1.1"
    status = 200
    body = b""
    answer_headers: Mapping[str, str] = {}

    def answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(self.status)
        for name, value in self.answer_headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(self.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(self.body)

    do_GET = do_POST = do_PUT = do_HEAD = do_DELETE = answer  # noqa: N815

    def log_message(self, *arguments: Any) -> None:
        """Be silent."""


@contextmanager
def http(status: int = 200, body: str = "", headers: Mapping[str, str] | None = None) -> Iterator[str]:
    """Give the URL of a server that always answers the same."""
    answers = {"status": status, "body": body.encode(), "answer_headers": headers or {}}
    handler = type("Handler", (Answering,), answers)
    with serving(ThreadingHTTPServer(("127.0.0.1", 0), handler)) as server:
        yield f"http://127.0.0.1:{server.server_address[1]}"
