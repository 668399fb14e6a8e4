"""A real Redis, by its own client."""

from __future__ import annotations

from contextlib import ExitStack, closing, suppress
from typing import TYPE_CHECKING, Any

import pytest

from tests.provoked import loopback, services
from tests.provoked.rows import Row, Table

redis = pytest.importorskip("redis")
pytestmark = pytest.mark.skipif(services.redis_missing() is not None, reason=f"Redis: {services.redis_missing()}")

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SECONDS = 0.1
REDIS = Table("redis")


def client(port: int, **options: Any) -> Any:
    """Return a client that asks once."""
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    return redis.Redis("127.0.0.1", port, retry=Retry(NoBackoff(), 0), **options)


@pytest.fixture(scope="module")
def administrator() -> Iterator[Any]:
    """Give a client whose connection stays, so that nothing can shut it out."""
    with services.redis() as port, closing(client(port, single_connection_client=True)) as connection:
        connection.execute_command("ACL SETUSER guest on >right +@all -set ~public:*")
        yield connection


@pytest.fixture
def port(administrator: Any) -> Iterator[int]:
    """Give the port of the server; take back afterwards what a row has set."""
    yield administrator.get_connection_kwargs()["port"]
    administrator.config_set("maxmemory", 0)
    administrator.config_set("maxclients", 10_000)
    administrator.execute_command("REPLICAOF NO ONE")
    administrator.flushall()


COMMANDS = [
    (
        "a value of another type",
        "ResponseError",
        "permanent",
        "the key holds something else",
        [["SET", "k", "v"], ["LPUSH", "k", "v"]],
    ),
    (
        "a command that is missing",
        "ResponseError",
        "permanent",
        "the server is too old, or the name wrong",
        [["FROBNICATE", "k"]],
    ),
    ("too few arguments", "ResponseError", "permanent", "a mistake of the program", [["GET"]]),
    (
        "a text that is no number",
        "ResponseError",
        "permanent",
        "the value is no number",
        [["SET", "k", "v"], ["INCR", "k"]],
    ),
    (
        "a script with a slip",
        "ResponseError",
        "permanent",
        "somebody has to correct the script",
        [["EVAL", "retur 1", 0]],
    ),
    (
        "a group that is missing",
        "ResponseError",
        "permanent",
        "somebody has to create the group",
        [["XADD", "s", "*", "a", "1"], ["XREADGROUP", "GROUP", "g", "c", "STREAMS", "s", ">"]],
    ),
    (
        "a group that is there",
        "ResponseError",
        "permanent",
        "the group is there already",
        [["XGROUP", "CREATE", "s", "g", "$", "MKSTREAM"], ["XGROUP", "CREATE", "s", "g", "$"]],
    ),
    ("a database that is missing", "ResponseError", "permanent", "the server has fewer databases", [["SELECT", "99"]]),
    (
        "memory that is used up",
        "OutOfMemoryError",
        "transient",
        "keys expire; other work ends",
        [["CONFIG", "SET", "maxmemory", "1"], ["SET", "k", "v"]],
    ),
    (
        "a replica",
        "ReadOnlyError",
        "unknown",
        "a failover under way, or the wrong host",
        [["REPLICAOF", "127.0.0.1", "1"], ["SET", "k", "v"]],
    ),
]


def commands(sequence: list[list[Any]]) -> Callable[[int], None]:
    def run(port: int) -> None:
        with closing(client(port)) as connection:
            for command in sequence:
                connection.execute_command(*command)

    return run


for name, kind, verdict, why, sequence in COMMANDS:
    REDIS.add(f"redis.exceptions.{kind}", verdict, why, commands(sequence), name)


@REDIS.row("redis.exceptions.ConnectionError", "transient", "nobody listens: the server is down or starting")
def a_server_that_is_down(port: int) -> None:
    client(loopback.closed_port()).ping()


@REDIS.row("redis.exceptions.ConnectionError", "transient", "the server dropped the connection")
def a_connection_that_is_reset(port: int) -> None:
    with loopback.peer(loopback.reset) as other:
        client(other).ping()


@REDIS.row("redis.exceptions.ConnectionError", "transient", "the server closed the connection")
def a_server_that_hangs_up(port: int) -> None:
    with loopback.peer(loopback.hang_up) as other:
        client(other).ping()


@REDIS.row("redis.exceptions.TimeoutError", "transient", "the server did not answer this time")
def a_server_that_never_answers(port: int) -> None:
    with loopback.silent() as other:
        client(other, socket_timeout=SECONDS).ping()


@REDIS.row("redis.exceptions.TimeoutError", "transient", "the server has no room now")
def a_server_without_room(port: int) -> None:
    with loopback.full() as other:
        client(other, socket_connect_timeout=SECONDS).ping()


@REDIS.row("redis.exceptions.ConnectionError", "transient", "other clients will leave")
def more_clients_than_allowed(port: int) -> None:
    with ExitStack() as stack:
        stack.enter_context(closing(client(port))).config_set("maxclients", 1)
        for _ in range(5):
            stack.enter_context(closing(client(port))).ping()


@REDIS.row("redis.exceptions.AuthenticationError", "permanent", "somebody has to correct the password")
def a_wrong_password(port: int) -> None:
    client(port, username="guest", password="wrong").ping()


@REDIS.row("redis.exceptions.NoPermissionError", "permanent", "somebody has to allow it")
def a_command_that_is_not_allowed(port: int) -> None:
    client(port, username="guest", password="right").set("public:k", "v")


@REDIS.row("redis.exceptions.WatchError", "transient", "another client was first; the next attempt sees what it did")
def a_key_that_was_changed(port: int) -> None:
    with closing(client(port)) as connection, connection.pipeline() as pipeline:
        pipeline.watch("k")
        connection.set("k", "other")
        pipeline.multi()
        pipeline.set("k", "mine")
        pipeline.execute()


@REDIS.row("redis.exceptions.LockError", "transient", "another worker holds the lock now")
def a_lock_that_is_held(port: int) -> None:
    with closing(client(port)) as connection, connection.lock("l"), connection.lock("l", blocking_timeout=0.01):
        pass


@REDIS.row("redis.exceptions.LockNotOwnedError", "unknown", "slow this time, or a time limit that is too short")
def a_lock_that_was_lost(port: int) -> None:
    with closing(client(port)) as connection:
        lock = connection.lock("l")
        lock.acquire()
        connection.delete("l")
        lock.release()


@REDIS.row("redis.exceptions.ExecAbortError", "permanent", "a command of the transaction is wrong")
def a_transaction_with_a_slip(port: int) -> None:
    with closing(client(port)) as connection, closing(connection.client()) as single:
        single.execute_command("MULTI")
        with suppress(redis.ResponseError):
            single.execute_command("GET")
        single.execute_command("EXEC")


@REDIS.row("redis.exceptions.DataError", "permanent", "the program passes what Redis has no type for")
def a_value_of_an_unknown_type(port: int) -> None:
    client(port).set("k", object())


@REDIS.row("ValueError", "permanent", "the URL has no scheme that is known")
def a_url_of_an_unknown_scheme(port: int) -> None:
    redis.Redis.from_url("http://127.0.0.1")


@REDIS.each
def test_the_verdict_is_an_operators(row: Row, port: int) -> None:
    row.check(port)
