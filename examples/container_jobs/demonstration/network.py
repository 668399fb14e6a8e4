"""The services on loopback ports that jobs of the demo connect to."""

from __future__ import annotations

import socket
import struct
import threading
from http.server import BaseHTTPRequestHandler
from itertools import count
from socketserver import ThreadingTCPServer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .kinds import Service

RESET_ON_CLOSE = struct.pack("ii", 1, 0)
"""SO_LINGER: on, for no seconds. Closing such a socket resets the connection."""

STOP_WITHIN_SECONDS = 0.05


class LoopbackService(ThreadingTCPServer):
    """An HTTP service on a port of its own, which is taken at once and refuses connections until `open`."""

    daemon_threads = True

    def __init__(self, service: Service) -> None:
        super().__init__(("127.0.0.1", 0), _Handler, bind_and_activate=False)
        self.server_bind()
        self.port = int(self.server_address[1])
        self.service = service
        self.requests = count(1)
        self._thread: threading.Thread | None = None
        self.job_failed(0)

    def job_failed(self, failed_attempts: int) -> None:
        """Come up if it is time: its job has failed so many times."""
        if failed_attempts == self.service.opens_after_failures:
            self.server_activate()
            self._thread = threading.Thread(target=self.serve_forever, args=(STOP_WITHIN_SECONDS,))
            self._thread.start()

    def close(self) -> None:
        """Stop, and give the port back."""
        if self._thread is not None:
            self.shutdown()
            self._thread.join()
        self.server_close()

    def shutdown_request(self, request: Any) -> None:
        """Close the connection without the farewell that the base class sends first, which would hide a reset."""
        self.close_request(request)


class _Handler(BaseHTTPRequestHandler):
    server: LoopbackService

    def do_GET(self) -> None:
        if next(self.server.requests) <= self.server.service.resets:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
            return
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"42 pieces in stock\n")

    def log_message(self, *_args: object) -> None:
        """Say nothing: the demo shows what the jobs say."""
