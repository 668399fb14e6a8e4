"""What is known of an exception: its class and bases, its codes, its text, those behind it."""

from __future__ import annotations

import builtins
import errno
import json
import signal
import socket
import ssl
import subprocess
import sys
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from unittest.mock import MagicMock, Mock

import pytest
from hypothesis import given
from hypothesis import strategies as st
from job_retry import ErrorClassifier, ErrorType

from tests.native.exceptions import Holder, make

if TYPE_CHECKING:
    from collections.abc import Iterable

PACKED = ErrorClassifier.with_packs()
REFUSED, DENIED = "connection refused", "permission denied"

GROUP: Any = getattr(builtins, "ExceptionGroup", None)
needs_groups = pytest.mark.skipif(GROUP is None, reason="Python 3.10 has no groups")


def finds(error: BaseException, **evidence: Any) -> bool:
    """Return whether a rule for this evidence, and no other, recognises an exception."""
    rule = {"id": "it", "verdict": "permanent", "why": "it is so", **evidence}
    return ErrorClassifier.with_rules([rule]).explain(error).rule == "project/it"


class RefusedError(ConnectionRefusedError):
    class NestedError(Exception):
        pass


@pytest.mark.parametrize(
    ("error", "names"),
    [
        (KeyError("x"), ["KeyError", "LookupError", "Exception", "BaseException"]),
        (RefusedError(), ["ConnectionRefusedError", "ConnectionError", "OSError", f"{__name__}.RefusedError"]),
        (RefusedError.NestedError(), [f"{__name__}.RefusedError.NestedError"]),
        (socket.gaierror(), ["socket.gaierror", "OSError"]),
        (json.JSONDecodeError("x", "y", 0), ["json.decoder.JSONDecodeError", "ValueError"]),
        (KeyboardInterrupt(), ["KeyboardInterrupt", "BaseException"]),
    ],
)
def test_classes_are_known_by_their_dotted_names(error: BaseException, names: Iterable[str]) -> None:
    for name in names:
        assert finds(error, exception=[name]), name
    assert not finds(error, exception=["object"])


def of_docker(**attributes: Any) -> BaseException:
    return make("docker.errors.APIError", **attributes)


def answer(**attributes: Any) -> Holder:
    return Holder(**attributes)


def calling(result: Any) -> Any:
    return lambda: result


@pytest.mark.parametrize(
    ("error", "kind", "value"),
    [
        (OSError(errno.ECONNREFUSED, ""), "errno", "ECONNREFUSED"),
        (BlockingIOError(errno.EWOULDBLOCK, ""), "errno", "EAGAIN"),
        (socket.gaierror(socket.EAI_AGAIN, ""), "errno", "EAI_AGAIN"),
        (socket.gaierror(socket.EAI_NONAME, ""), "errno", "EAI_NONAME"),
        (make("psycopg.errors.DeadlockDetected", sqlstate="40P01"), "sqlstate", "40P01"),
        (make("psycopg.errors.DeadlockDetected", sqlstate="40P01"), "sqlstate", "40"),
        (make("psycopg2.OperationalError", pgcode="57P01"), "sqlstate", "57P01"),
        (make("psycopg2.OperationalError", pgcode=None, diag=answer(sqlstate="57P03")), "sqlstate", "57P03"),
        (make("pyodbc.Error", "40001", "deadlock"), "sqlstate", "40001"),
        (make("sqlalchemy.exc.OperationalError", orig=make("x.Error", pgcode="40001")), "sqlstate", "40001"),
        (make("sqlalchemy.exc.OperationalError", orig=make("pymysql.err.Error", 1213, "")), "code", "mysql:1213"),
        (make("pymysql.err.OperationalError", 1205, "x"), "code", "mysql:1205"),
        (make("MySQLdb.OperationalError", 1205, "x"), "code", "mysql:1205"),
        (make("django.db.utils.OperationalError", 1205, "x"), "code", "mysql:1205"),
        (make("mysql.connector.errors.DatabaseError", errno=1205, sqlstate="HY000"), "code", "mysql:1205"),
        (make("sqlite3.OperationalError", sqlite_errorname="SQLITE_BUSY"), "code", "sqlite_busy"),
        (make("pymongo.errors.WriteError", code=11000), "code", "mongodb:11000"),
        (of_docker(status_code=409), "http_status", 409),
        (make("aiohttp.ClientResponseError", status=HTTPStatus.BAD_GATEWAY), "http_status", 502),
        (make("urllib.error.HTTPError", code=404), "http_status", 404),
        (make("stripe.APIError", http_status=429), "http_status", 429),
        (make("requests.HTTPError", response=answer(status_code=503)), "http_status", 503),
        (make("kubernetes.ApiException", response=answer(status=503)), "http_status", 503),
        (make("googleapiclient.errors.HttpError", resp=answer(status="503")), "http_status", 503),
        (make("elasticsearch.ApiError", meta=answer(status=429)), "http_status", 429),
        (make("botocore.ClientError", response={"ResponseMetadata": {"HTTPStatusCode": 503}}), "http_status", 503),
        (make("botocore.ClientError", response={"Error": {"Code": "SlowDown"}}), "code", "SlowDown"),
        (make("grpc.RpcError", code=calling(answer(name="UNAVAILABLE"))), "grpc", "UNAVAILABLE"),
        (make("google.GoogleError", grpc_status_code=answer(name="DEADLINE_EXCEEDED")), "grpc", "DEADLINE_EXCEEDED"),
        (make("grpclib.exceptions.GRPCError", status=answer(name="ABORTED")), "grpc", "ABORTED"),
        (subprocess.CalledProcessError(3, "x"), "exit_code", 3),
        (subprocess.CalledProcessError(-signal.SIGKILL, "x"), "signal", "SIGKILL"),
        (make("docker.errors.ContainerError", exit_status=137), "exit_code", 137),
        (make("sh.ErrorReturnCode", exit_code=2), "exit_code", 2),
        (make("invoke.UnexpectedExit", result=answer(return_code=2)), "exit_code", 2),
        (SystemExit(4), "exit_code", 4),
        (make("openai.RateLimitError", code="insufficient_quota"), "code", "insufficient_quota"),
        (make("azure.HttpResponseError", error=answer(code="AuthorizationFailed")), "code", "AuthorizationFailed"),
        (make("azure.StorageError", error_code="BlobNotFound"), "code", "BlobNotFound"),
        (make("kafka.errors.NotLeader", message="NOT_LEADER_FOR_PARTITION"), "code", "NOT_LEADER_FOR_PARTITION"),
        (make("cimpl.KafkaException", answer(name=calling("_TRANSPORT"))), "code", "_TRANSPORT"),
        (make("smtplib.SMTPDataError", smtp_code=451), "code", "smtp:451"),
        (make("pika.exceptions.ChannelClosed", reply_code=404), "code", "amqp:404"),
    ],
)
def test_codes_are_read_where_libraries_keep_them(error: BaseException, kind: str, value: str | int) -> None:
    assert finds(error, **{kind: [value]})


def test_django_adds_nothing_to_the_error_of_the_driver() -> None:
    error = make("django.db.utils.OperationalError", "x")
    error.__cause__ = make("psycopg.errors.SerializationFailure", sqlstate="40001")
    rules = [
        {"id": "wrapper", "verdict": "permanent", "why": "any", "exception": ["django.db.utils.OperationalError"]},
        {"id": "code", "verdict": "transient", "why": "it passes", "sqlstate": ["40001"]},
    ]
    explained = ErrorClassifier.with_rules(rules).explain(error)
    assert (explained.rule, explained.source) == ("project/code", "django.db.utils.OperationalError")


@pytest.mark.parametrize(
    ("error", "kind", "value"),
    [
        # Numbers of other tables.
        (ssl.SSLError(1, "x"), "errno", "EPERM"),
        (make("kafka.errors.LeaderNotAvailable", errno=5), "errno", "EIO"),
        (make("django.core.management.base.CommandError", returncode=1), "exit_code", 1),
        (make("click.exceptions.ClickException", exit_code=1), "exit_code", 1),
        (make("requests.ConnectionError", 1205), "code", "mysql:1205"),
        (make("app.Error", code=calling(answer(name="UNAVAILABLE"))), "grpc", "UNAVAILABLE"),
        # No codes of their kind.
        (of_docker(status_code=True), "http_status", 400),
        (of_docker(status_code=443), "http_status", 503),
        (of_docker(status_code=10**30), "http_status", 503),
        (make("app.Error", returncode=0), "exit_code", 0),
        (make("app.Error", reason="Service Unavailable"), "code", "unavailable"),
        (make("app.Error", sqlstate=40001), "sqlstate", "40001"),
    ],
)
def test_what_only_looks_like_a_code_is_none(error: BaseException, kind: str, value: str | int) -> None:
    assert not finds(error, **{kind: [value]})


def test_the_text_is_what_an_operator_reads() -> None:
    error = ValueError("first\udcff")
    error.__notes__ = ["second", "third", 4]  # type: ignore[attr-defined]
    assert finds(error, message=["first"], also=["second", "third"])
    program = subprocess.CalledProcessError(1, "job", output=b"on output", stderr=b"on \xff error")
    assert finds(program, message=["on .* error"], unless=["on output"])
    assert finds(subprocess.CalledProcessError(1, "job", output="on output"), message=["on output"])
    assert finds(of_docker(explanation="no space left"), message=["no space left"])
    body = make("requests.HTTPError", response=answer(_content=b'{"code": "insufficient_quota"}'))
    assert finds(body, message=["insufficient_quota"])
    # A body that has not been read yet is left to whoever reads it.
    assert not finds(make("requests.HTTPError", response=answer(_content=False)), message=["false"])


def chained(outer: str, cause: str | None = None, context: str | None = None, *, suppress: bool = False) -> Exception:
    error = Exception(outer)
    error.__cause__ = None if cause is None else Exception(cause)
    error.__context__ = None if context is None else Exception(context)
    error.__suppress_context__ = suppress
    return error


@pytest.mark.parametrize(
    ("error", "verdict", "message"),
    [
        (chained(REFUSED, DENIED), "transient", REFUSED),
        (chained("it failed", DENIED), "permanent", DENIED),
        (chained("it failed", DENIED, REFUSED), "permanent", DENIED),
        (chained("it failed", "really", REFUSED), "transient", REFUSED),
        (chained("it failed", None, REFUSED), "transient", REFUSED),
        (chained("it failed", None, REFUSED, suppress=True), "unknown", None),
    ],
)
def test_the_outermost_that_knows_decides(error: Exception, verdict: str, message: str | None) -> None:
    for classifier in (ErrorClassifier, PACKED):
        assert classifier.classify_exception(error).value == verdict
        explained = classifier.explain(error)
        assert explained.error_type.value == verdict
        assert (explained.rule is None) == (message is None)
        if explained.matched_text is not None:
            assert explained.matched_text in str(message)


@needs_groups
def test_a_group_is_permanent_if_any_member_is_else_transient_if_any_is() -> None:
    refused, denied, nothing = (Exception(text) for text in (REFUSED, DENIED, "it failed"))
    table = [
        ([refused, nothing], "transient"),
        ([refused, denied, nothing], "permanent"),
        ([nothing], "unknown"),
        ([refused, GROUP("inner", [denied])], "permanent"),
        ([chained("it failed", DENIED), refused], "permanent"),
    ]
    for members, verdict in table:
        error = GROUP("several failed", members)
        assert PACKED.classify_exception(error).value == verdict
        wrapped = Exception("it failed")
        wrapped.__cause__ = error
        assert PACKED.classify_exception(wrapped).value == verdict


def test_the_group_of_the_package_for_old_pythons_is_known() -> None:
    base = make("exceptiongroup.BaseExceptionGroup")
    error = make("exceptiongroup.ExceptionGroup", "x", bases=(type(base),), exceptions=(Exception(DENIED), "no error"))
    assert PACKED.classify_exception(error) is ErrorType.PERMANENT


class ViciousError(Exception):
    """Raises whatever is asked of it."""

    failure: BaseException = ValueError("no")

    def __getattribute__(self, name: str) -> Any:
        raise type(self).failure

    def __str__(self) -> str:
        raise type(self).failure


class WordlessError(Exception):
    def __str__(self) -> Any:
        return 42  # noqa: PLE0307


class ShapelessError(Exception):
    """Has every attribute and item there is."""

    def __getattr__(self, name: str) -> Any:
        return MagicMock(name=name)


class CircularError(Exception):
    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.__cause__ = self.__context__ = self.orig = self.reason = self.response = self


class Odd(type):
    """A class without a name of its own."""

    def __getattribute__(cls, name: str) -> Any:
        if name in ("__module__", "__mro__", "__qualname__"):
            raise RuntimeError(name)
        return super().__getattribute__(name)


class OddlyMadeError(Exception, metaclass=Odd):
    pass


@pytest.mark.parametrize("kind", [ViciousError, WordlessError, ShapelessError, CircularError, OddlyMadeError])
def test_whatever_an_exception_does_there_is_a_verdict(kind: type[Exception]) -> None:
    verdict = PACKED.classify_exception(kind("it failed"))
    assert verdict in tuple(ErrorType)
    assert PACKED.explain(kind("it failed")).error_type is verdict
    assert PACKED.retry_after(kind("it failed")) is None
    behind = Exception("it failed")
    behind.__context__ = kind("x")
    behind.__cause__ = Exception(DENIED)
    assert PACKED.classify_exception(behind) is ErrorType.PERMANENT


def test_what_fails_within_an_exception_hides_nothing_else() -> None:
    class HalfError(OSError):
        @property
        def errno(self) -> int:  # type: ignore[override]
            raise ValueError("not yet")

        @property
        def response(self) -> Any:
            return {"Error": {"Code": "SlowDown"}}

    assert finds(HalfError("x"), code=["SlowDown"])
    assert finds(HalfError("x"), exception=["OSError"])
    assert finds(HalfError("no way"), message=["no way"])


@pytest.mark.parametrize("failure", [KeyboardInterrupt(), SystemExit(1), GeneratorExit()])
def test_what_is_no_exception_goes_on_up(failure: BaseException) -> None:
    error = type("Interrupting", (ViciousError,), {"failure": failure})()
    for ask in (PACKED.classify_exception, PACKED.explain, PACKED.retry_after):
        with pytest.raises(type(failure)):
            ask(error)


def test_a_mock_says_nothing() -> None:
    error = make(
        "app.Error", "it failed", response=Mock(), status_code=Mock(), code=Mock(), stderr=Mock(), reason=Mock()
    )
    assert PACKED.classify_exception(error) is ErrorType.UNKNOWN
    error = make("grpc.RpcError", "it failed", code=MagicMock(), args=(MagicMock(),))
    assert PACKED.classify_exception(error) in (ErrorType.UNKNOWN, PACKED.classify_exception(make("grpc.RpcError")))


def test_an_attribute_that_is_an_exception_is_no_text() -> None:
    error = make("app.Error", "it failed", code=ValueError("SlowDown"), stderr=ValueError(DENIED))
    assert PACKED.classify_exception(error) is ErrorType.UNKNOWN


def test_a_chain_without_an_end_is_read_for_a_while() -> None:
    first = last = Exception("it failed")
    for _ in range(200_000):
        last.__context__ = Exception("it failed")
        last = last.__context__
    assert PACKED.classify_exception(first) is ErrorType.UNKNOWN
    first.__cause__ = Exception(DENIED)
    assert PACKED.classify_exception(first) is ErrorType.PERMANENT
    # Taken apart from its beginning: an interpreter that drops it as a whole may run out of stack.
    while first is not None:
        first.__cause__, first = None, first.__context__  # type: ignore[assignment]


@needs_groups
def test_groups_in_groups_are_read_for_a_while() -> None:
    error: Exception = Exception(DENIED)
    for _ in range(50):
        error = GROUP("outer", [error])
    assert PACKED.classify_exception(error) is ErrorType.PERMANENT
    for _ in range(500):
        error = GROUP("outer", [error])
    assert PACKED.classify_exception(error) is ErrorType.UNKNOWN


@pytest.mark.parametrize("value", ["text", None, 1, ValueError, Mock()])
def test_what_is_no_exception_is_refused_with_its_name(value: object) -> None:
    with pytest.raises(TypeError, match=r"exception must be an exception, not "):
        PACKED.classify_exception(value)  # type: ignore[arg-type]


def test_no_library_is_imported_for_it() -> None:
    script = """
import sys
from job_retry import ErrorClassifier
classifier = ErrorClassifier.with_packs()
before = set(sys.modules)
error = type("ClientError", (OSError,), {"__module__": "botocore.exceptions"})(111, "x")
error.__cause__ = type("OperationalError", (Exception,), {"__module__": "django.db.utils"})("x")
classifier.classify_exception(error)
classifier.retry_after(error)
print(*sorted({name.partition(".")[0] for name in set(sys.modules) - before}))
"""
    result = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    assert not {"botocore", "django", "requests", "asyncio"} & set(result.stdout.split())


TEXTS = st.sampled_from([REFUSED, DENIED, "it failed", "", "exit status 1", "\udcff"])
KINDS = st.sampled_from([Exception, OSError, KeyError, ValueError, TimeoutError, WordlessError, CircularError])


def trees() -> st.SearchStrategy[BaseException]:
    def link(made: tuple[type[Exception], str, BaseException | None, BaseException | None, bool]) -> BaseException:
        kind, text, cause, context, suppress = made
        error = kind(text)
        error.__cause__, error.__context__, error.__suppress_context__ = cause, context, suppress
        return error

    return st.recursive(
        st.builds(lambda kind, text: kind(text), KINDS, TEXTS),
        lambda inner: st.tuples(KINDS, TEXTS, st.none() | inner, st.none() | inner, st.booleans()).map(link),
        max_leaves=6,
    )


@given(trees())
def test_a_verdict_and_its_explanation_cannot_disagree(error: BaseException) -> None:
    for classifier in (ErrorClassifier, PACKED):
        explained = classifier.explain(error)
        assert explained.error_type is classifier.classify_exception(error)
        if explained.span is not None:
            assert explained.matched_text is not None
            assert explained.span[1] - explained.span[0] == len(explained.matched_text)
