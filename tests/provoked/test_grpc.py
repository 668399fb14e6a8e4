"""gRPC, by grpcio on both ends."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from tests.provoked import loopback
from tests.provoked.rows import Row, Table

grpc = pytest.importorskip("grpc")

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SECONDS = 0.1
GRPC = Table("grpc")
FAILED = "grpc._channel._InactiveRpcError"


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Give the address of a server that ends each call with the status and the words it is sent."""

    class Ending(grpc.GenericRpcHandler):
        def service(self, details: Any) -> Any:
            def end(request: bytes, context: Any) -> bytes:
                status, _, words = request.decode().partition(" ")
                context.abort(grpc.StatusCode[status], words)
                raise AssertionError

            known = details.method == "/orders/end"
            return grpc.unary_unary_rpc_method_handler(end) if known else None

    server = grpc.server(ThreadPoolExecutor(2), handlers=[Ending()])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.stop(None).wait()


def call(address: str, request: bytes = b"", method: str = "/orders/end") -> None:
    with grpc.insecure_channel(address) as channel:
        channel.unary_unary(method)(request, timeout=10)


STATUSES = [
    ("INVALID_ARGUMENT", "order has no total", "permanent", "the request is wrong"),
    ("NOT_FOUND", "no order 42", "permanent", "there is no such thing"),
    ("PERMISSION_DENIED", "worker may not write orders", "permanent", "somebody has to grant it"),
    ("UNAUTHENTICATED", "no token", "permanent", "nobody said who asks"),
    ("RESOURCE_EXHAUSTED", "too many requests per minute", "transient", "later there is room"),
    ("ABORTED", "the transaction was superseded", "transient", "another one was first"),
    ("UNAVAILABLE", "going away", "transient", "the server is being stopped; it comes back"),
]


def ended(status: str, words: str) -> Callable[[str], None]:
    return lambda address: call(address, f"{status} {words}".encode())


for status, words, verdict, why in STATUSES:
    GRPC.add(FAILED, verdict, why, ended(status, words), status)


@GRPC.row(FAILED, "permanent", "the server has no such method")
def a_method_that_is_missing(address: str) -> None:
    call(address, method="/orders/frobnicate")


@GRPC.row(FAILED, "transient", "nobody listens: the server is down or starting")
def a_server_that_is_down(address: str) -> None:
    call(f"127.0.0.1:{loopback.closed_port()}")


@GRPC.row(FAILED, "transient", "it took too long this time")
def a_server_that_never_answers(address: str) -> None:
    with loopback.silent() as port, grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        channel.unary_unary("/orders/end")(b"", timeout=SECONDS, wait_for_ready=True)


@GRPC.row("ValueError", "permanent", "a mistake of the program")
def a_channel_that_was_closed(address: str) -> None:
    channel = grpc.insecure_channel(address)
    channel.close()
    channel.unary_unary("/orders/end")(b"")


@GRPC.each
def test_the_verdict_is_an_operators(row: Row, address: str) -> None:
    row.check(address)
