"""The demo's services: down, up, and resetting."""

from __future__ import annotations

import socket
from contextlib import closing

import pytest

from examples.container_jobs.demonstration.kinds import Service
from examples.container_jobs.demonstration.network import LoopbackService


def ask(port: int) -> bytes:
    """Return what the service on ``port`` answers, to the end."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(b"GET /stock HTTP/1.0\r\n\r\n")
        return b"".join(iter(lambda: connection.recv(4096), b""))


def test_a_service_refuses_connections_until_its_job_has_failed_often_enough() -> None:
    with closing(LoopbackService(Service(opens_after_failures=2))) as service:
        for failed_attempts in (0, 1):
            service.job_failed(failed_attempts)
            with pytest.raises(ConnectionRefusedError):
                ask(service.port)
        service.job_failed(2)
        assert b"42 pieces" in ask(service.port)


def test_a_service_resets_so_many_requests_and_then_answers() -> None:
    with closing(LoopbackService(Service(resets=2))) as service:
        for _ in range(2):
            with pytest.raises(ConnectionResetError):
                ask(service.port)
        assert b"42 pieces" in ask(service.port)


@pytest.mark.parametrize("row", [Service(), Service(opens_after_failures=None)], ids=["open", "never open"])
def test_nobody_listens_once_a_service_is_closed(row: Service) -> None:
    service = LoopbackService(row)
    service.close()
    with pytest.raises(ConnectionRefusedError):
        ask(service.port)
