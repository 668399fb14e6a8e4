"""botocore, against a server on the loopback address that answers as AWS does."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest

from tests.provoked import loopback
from tests.provoked.rows import Row, Table

session = pytest.importorskip("botocore.session")
config = pytest.importorskip("botocore.config")

if TYPE_CHECKING:
    from collections.abc import Callable

SECONDS = 0.1
AWS = Table("botocore")


def client(service: str, url: str, **options: Any) -> Any:
    """Return a client that asks once and has credentials that mean nothing."""
    settings = config.Config(
        retries={"total_max_attempts": 1},
        connect_timeout=SECONDS,
        read_timeout=SECONDS,
        s3={"addressing_style": "path"},
    )
    credentials = {"aws_access_key_id": "x", "aws_secret_access_key": "x"}
    return session.Session().create_client(
        service, region_name="eu-central-1", endpoint_url=url, config=settings, **(credentials | options)
    )


def refused(ask: Callable[[Any], object], service: str, status: int, body: str) -> Callable[[], None]:
    """Ask a service that answers with an error."""

    def provoke() -> None:
        with loopback.http(status, body) as url:
            ask(client(service, url))

    return provoke


def s3(code: str, message: str) -> str:
    return f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>{message}</Message></Error>"


def query(code: str, message: str) -> str:
    error = f"<Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>"
    return f"<ErrorResponse>{error}<RequestId>1</RequestId></ErrorResponse>"


def dynamodb(code: str, message: str) -> str:
    return json.dumps({"__type": f"com.amazonaws.dynamodb.v20120810#{code}", "message": message})


def get_object(s3: Any) -> None:
    s3.get_object(Bucket="exports", Key="orders.csv")


def head_object(s3: Any) -> None:
    s3.head_object(Bucket="exports", Key="orders.csv")


def get_item(dynamodb: Any) -> None:
    dynamodb.get_item(TableName="orders", Key={"id": {"S": "1"}})


def assume_role(sts: Any) -> None:
    sts.assume_role(RoleArn="arn:aws:iam::123456789012:role/worker", RoleSessionName="job")


def run_task(ecs: Any) -> None:
    ecs.run_task(taskDefinition="report:3")


GENERIC = "botocore.exceptions.ClientError"
ANSWERS: list[tuple[str, str, str, str, Callable[[Any], object], str, int, str]] = [
    (
        "no such key",
        "botocore.errorfactory.NoSuchKey",
        "permanent",
        "there is no such object",
        get_object,
        "s3",
        404,
        s3("NoSuchKey", "The specified key does not exist."),
    ),
    (
        "no such bucket",
        "botocore.errorfactory.NoSuchBucket",
        "permanent",
        "there is no such bucket",
        get_object,
        "s3",
        404,
        s3("NoSuchBucket", "The specified bucket does not exist"),
    ),
    (
        "access denied",
        "botocore.errorfactory.AccessDenied",
        "permanent",
        "somebody has to grant the access",
        get_object,
        "s3",
        403,
        s3("AccessDenied", "Access Denied"),
    ),
    (
        "a wrong signature",
        GENERIC,
        "permanent",
        "the secret key is wrong",
        get_object,
        "s3",
        403,
        s3("SignatureDoesNotMatch", "The request signature we calculated does not match"),
    ),
    (
        "slow down",
        GENERIC,
        "transient",
        "too many requests; it asks to slow down",
        get_object,
        "s3",
        503,
        s3("SlowDown", "Please reduce your request rate."),
    ),
    (
        "an internal error",
        GENERIC,
        "transient",
        "the service failed; its manual says try again",
        get_object,
        "s3",
        500,
        s3("InternalError", "We encountered an internal error. Please try again."),
    ),
    ("a head that is not found", GENERIC, "permanent", "there is no such object", head_object, "s3", 404, ""),
    ("a head of a service that is down", GENERIC, "transient", "the service is down", head_object, "s3", 503, ""),
    (
        "too much throughput",
        "botocore.errorfactory.ProvisionedThroughputExceededException",
        "transient",
        "more than the table takes a second",
        get_item,
        "dynamodb",
        400,
        dynamodb("ProvisionedThroughputExceededException", "The level of configured throughput was exceeded"),
    ),
    (
        "throttled",
        "botocore.errorfactory.ThrottlingException",
        "transient",
        "too many requests",
        get_item,
        "dynamodb",
        400,
        dynamodb("ThrottlingException", "Rate of requests exceeds the allowed throughput."),
    ),
    (
        "no such table",
        "botocore.errorfactory.ResourceNotFoundException",
        "permanent",
        "there is no such table",
        get_item,
        "dynamodb",
        400,
        dynamodb("ResourceNotFoundException", "Requested resource not found"),
    ),
    (
        "a value that is refused",
        GENERIC,
        "permanent",
        "the request is wrong",
        get_item,
        "dynamodb",
        400,
        dynamodb("ValidationException", "The provided key element does not match the schema"),
    ),
    (
        "a role that may not be taken",
        GENERIC,
        "permanent",
        "somebody has to allow it",
        assume_role,
        "sts",
        403,
        query("AccessDenied", "User is not authorized to perform: sts:AssumeRole"),
    ),
    (
        "a token that has expired",
        GENERIC,
        "unknown",
        "a role's token renews itself, a pasted one does not",
        assume_role,
        "sts",
        403,
        query("ExpiredToken", "The security token included in the request is expired"),
    ),
    (
        "no capacity for a task",
        "botocore.errorfactory.ServerException",
        "transient",
        "the service failed",
        run_task,
        "ecs",
        500,
        json.dumps({"__type": "ServerException", "message": "Service Unavailable. Please try again."}),
    ),
    (
        "a cluster that is missing",
        "botocore.errorfactory.ClusterNotFoundException",
        "permanent",
        "no such cluster",
        run_task,
        "ecs",
        400,
        json.dumps({"__type": "ClusterNotFoundException", "message": "Cluster not found."}),
    ),
]
for name, kind, verdict, why, ask, service, status, body in ANSWERS:
    AWS.add(kind, verdict, why, refused(ask, service, status, body), name)


@AWS.row("botocore.exceptions.EndpointConnectionError", "transient", "nobody listens: the service is down or starting")
def a_port_that_nobody_listens_on() -> None:
    get_object(client("s3", f"http://127.0.0.1:{loopback.closed_port()}"))


@AWS.row("botocore.exceptions.ReadTimeoutError", "transient", "the service did not answer this time")
def a_service_that_never_answers() -> None:
    with loopback.silent() as port:
        get_object(client("s3", f"http://127.0.0.1:{port}"))


@AWS.row("botocore.exceptions.ConnectTimeoutError", "transient", "the service has no room now")
def a_service_without_room() -> None:
    with loopback.full() as port:
        get_object(client("s3", f"http://127.0.0.1:{port}"))


@AWS.row("botocore.exceptions.ConnectionClosedError", "transient", "the service closed without an answer")
def a_service_that_hangs_up() -> None:
    with loopback.peer(loopback.hang_up) as port:
        get_object(client("s3", f"http://127.0.0.1:{port}"))


@AWS.row("botocore.exceptions.ParamValidationError", "permanent", "the call lacks a parameter")
def a_call_without_a_parameter() -> None:
    client("s3", "http://127.0.0.1").get_object(Bucket="exports")


@AWS.row("botocore.exceptions.NoCredentialsError", "permanent", "no credentials are configured")
def a_call_without_credentials() -> None:
    none = {"aws_access_key_id": None, "aws_secret_access_key": None}
    get_object(client("s3", "http://127.0.0.1", **none))


@AWS.row("botocore.exceptions.NoRegionError", "permanent", "no region is configured")
def a_client_without_a_region() -> None:
    session.Session().create_client("ecs")


@AWS.row("botocore.exceptions.UnknownServiceError", "permanent", "there is no such service")
def a_service_that_does_not_exist() -> None:
    session.Session().create_client("s4", region_name="eu-central-1")


@AWS.row("ValueError", "permanent", "the endpoint is no URL")
def an_endpoint_that_is_no_url() -> None:
    client("s3", "exports")


@AWS.each
def test_the_verdict_is_an_operators(row: Row, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    # Neither the files nor the network of this machine have credentials for the test.
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, os.devnull)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    row.check()
