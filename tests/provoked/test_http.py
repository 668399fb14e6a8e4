"""requests and httpx, against a server on the loopback address."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.provoked import loopback
from tests.provoked.rows import Row, Table

httpx = pytest.importorskip("httpx")
requests = pytest.importorskip("requests")
certificates = pytest.importorskip("tests.provoked.certificates", exc_type=ImportError)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SECONDS = 0.1
REQUESTS, HTTPX = Table("requests"), Table("httpx")


def answer(status: int, body: Any) -> Callable[[Path], None]:
    """Ask with requests for an answer and raise for its status."""

    def ask(folder: Path) -> None:
        with loopback.http(status, body if isinstance(body, str) else json.dumps(body)) as url:
            requests.get(url, timeout=10).raise_for_status()

    return ask


QUOTA = {"error": {"message": "You exceeded your current quota", "code": "insufficient_quota"}}
BUSY = {"error": {"message": "Rate limit reached. Please try again in 20s.", "code": "rate_limit_exceeded"}}
SCOPE = {"message": "Resource not accessible by integration"}
LIMIT = {"message": "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."}

STATUSES: list[tuple[int, str, str, Any, str]] = [
    (401, "permanent", "nobody said who asks, or with a wrong key", "", "unauthorized"),
    (404, "permanent", "there is no such thing", "", "not found"),
    (
        422,
        "permanent",
        "the request is understood and wrong",
        {"email": ["Enter a valid email address."]},
        "wrong data",
    ),
    (429, "permanent", "nothing is left of the quota: somebody has to pay", QUOTA, "a quota that is used up"),
    (429, "transient", "too many requests; the answer says when there is room", BUSY, "a limit of requests"),
    (403, "permanent", "somebody has to grant the right", SCOPE, "a right that is missing"),
    (403, "transient", "a limit of requests, though it says forbidden", LIMIT, "a limit that says forbidden"),
    (500, "transient", "the server failed; mostly it recovers", "<h1>Internal Server Error</h1>", "a broken server"),
    (502, "transient", "what is behind the gateway is down or restarting", "", "a bad gateway"),
    (409, "unknown", "a race that passes, or a duplicate that stays", "", "a conflict"),
]
for status, verdict, why, body, name in STATUSES:
    REQUESTS.add("requests.exceptions.HTTPError", verdict, why, answer(status, body), f"{status}, {name}")


@REQUESTS.row("requests.exceptions.ConnectionError", "transient", "nobody listens: the service is down or starting")
def a_port_that_nobody_listens_on(folder: Path) -> None:
    requests.get(f"http://127.0.0.1:{loopback.closed_port()}/", timeout=10)


@REQUESTS.row("requests.exceptions.ConnectionError", "transient", "the peer dropped the connection")
def a_connection_that_is_reset(folder: Path) -> None:
    with loopback.peer(loopback.reset) as port:
        requests.get(f"http://127.0.0.1:{port}/", timeout=10)


@REQUESTS.row("requests.exceptions.ConnectionError", "transient", "the server closed without an answer")
def a_server_that_hangs_up(folder: Path) -> None:
    with loopback.peer(loopback.hang_up) as port:
        requests.get(f"http://127.0.0.1:{port}/", timeout=10)


@REQUESTS.row("requests.exceptions.ReadTimeout", "transient", "the server did not answer this time")
def a_server_that_never_answers(folder: Path) -> None:
    with loopback.silent() as port:
        requests.get(f"http://127.0.0.1:{port}/", timeout=SECONDS)


@REQUESTS.row("requests.exceptions.ConnectTimeout", "transient", "the server has no room now")
def a_server_without_room(folder: Path) -> None:
    with loopback.full() as port:
        requests.get(f"http://127.0.0.1:{port}/", timeout=SECONDS)


@REQUESTS.row("requests.exceptions.ChunkedEncodingError", "transient", "the answer was cut off")
def an_answer_that_is_cut_off(folder: Path) -> None:
    half = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nhalf"
    with loopback.peer(loopback.saying(half)) as port:
        requests.get(f"http://127.0.0.1:{port}/", timeout=10)


@REQUESTS.row("requests.exceptions.ContentDecodingError", "permanent", "the answer is not compressed as it says")
def an_answer_that_is_not_compressed(folder: Path) -> None:
    with loopback.http(body="plain", headers={"Content-Encoding": "gzip"}) as url:
        requests.get(url, timeout=10)


@REQUESTS.row("requests.exceptions.JSONDecodeError", "unknown", "an empty body: a hiccup of the service, or always so")
def json_of_nothing(folder: Path) -> None:
    with loopback.http() as url:
        requests.get(url, timeout=10).json()


@REQUESTS.row("requests.exceptions.TooManyRedirects", "permanent", "the redirects lead in a circle")
def redirects_in_a_circle(folder: Path) -> None:
    with loopback.http(302, headers={"Location": "/"}) as url:
        requests.get(url, timeout=10)


@REQUESTS.row("requests.exceptions.MissingSchema", "permanent", "the URL has no scheme")
def a_url_without_a_scheme(folder: Path) -> None:
    requests.get("api.example/orders", timeout=10)


@REQUESTS.row("requests.exceptions.InvalidSchema", "permanent", "the URL has a scheme that nobody knows")
def a_url_of_an_unknown_scheme(folder: Path) -> None:
    requests.get("htp://api.example/orders", timeout=10)


@REQUESTS.row("requests.exceptions.InvalidURL", "permanent", "the URL names no host")
def a_url_without_a_host(folder: Path) -> None:
    requests.get("http:///orders", timeout=10)


@REQUESTS.row("requests.exceptions.InvalidHeader", "permanent", "a header may not hold a line break")
def a_header_of_two_lines(folder: Path) -> None:
    requests.get("http://127.0.0.1/", headers={"X-Job": "1\n2"}, timeout=10)


@REQUESTS.row("requests.exceptions.SSLError", "permanent", "nobody here trusts who signed the certificate")
def a_certificate_that_nobody_trusts(folder: Path) -> None:
    from tests.provoked.test_network import tls

    with loopback.peer(tls(certificates.write(folder))) as port:
        requests.get(f"https://127.0.0.1:{port}/", timeout=10)


@REQUESTS.row("OSError", "permanent", "the file of trusted certificates is not there")
def a_missing_file_of_certificates(folder: Path) -> None:
    requests.get("https://127.0.0.1/", verify=str(folder / "ca.pem"), timeout=10)


@REQUESTS.row("requests.exceptions.ProxyError", "transient", "the proxy is down or starting")
def a_proxy_that_is_down(folder: Path) -> None:
    proxy = f"http://127.0.0.1:{loopback.closed_port()}"
    requests.get("http://api.example/", proxies={"http": proxy}, timeout=10)


HTTPX_STATUSES = [
    (400, "permanent", "the request is wrong"),
    (403, "permanent", "somebody has to grant the access"),
    (404, "permanent", "there is no such thing"),
    (413, "permanent", "the body is always too large"),
    (451, "permanent", "a law forbids it"),
    (408, "transient", "the server gave up waiting for the request"),
    (429, "transient", "too many requests; later there is room"),
    (503, "transient", "the service is down or overloaded"),
    (504, "transient", "what is behind the gateway took too long"),
]


def asked(status: int) -> Callable[[Path], None]:
    def ask(folder: Path) -> None:
        with loopback.http(status) as url:
            httpx.get(url).raise_for_status()

    return ask


for status, verdict, why in HTTPX_STATUSES:
    HTTPX.add("httpx.HTTPStatusError", verdict, why, asked(status), str(status))


@HTTPX.row("httpx.ConnectError", "transient", "nobody listens: the service is down or starting")
def no_listener(folder: Path) -> None:
    httpx.get(f"http://127.0.0.1:{loopback.closed_port()}/")


@HTTPX.row("httpx.ConnectError", "permanent", "nobody here trusts who signed the certificate")
def no_trust(folder: Path) -> None:
    from tests.provoked.test_network import tls

    with loopback.peer(tls(certificates.write(folder))) as port:
        httpx.get(f"https://127.0.0.1:{port}/")


@HTTPX.row("httpx.ReadTimeout", "transient", "the server did not answer this time")
def no_answer(folder: Path) -> None:
    with loopback.silent() as port:
        httpx.get(f"http://127.0.0.1:{port}/", timeout=SECONDS)


@HTTPX.row("httpx.ConnectTimeout", "transient", "the server has no room now")
def no_room(folder: Path) -> None:
    with loopback.full() as port:
        httpx.get(f"http://127.0.0.1:{port}/", timeout=SECONDS)


@HTTPX.row("httpx.ReadError", "transient", "the peer dropped the connection")
def a_reset(folder: Path) -> None:
    with loopback.peer(loopback.reset) as port:
        httpx.get(f"http://127.0.0.1:{port}/")


@HTTPX.row("httpx.RemoteProtocolError", "transient", "the server closed without an answer")
def a_hang_up(folder: Path) -> None:
    with loopback.peer(loopback.hang_up) as port:
        httpx.get(f"http://127.0.0.1:{port}/")


@HTTPX.row("httpx.PoolTimeout", "transient", "all connections of the client are in use now")
def no_free_connection(folder: Path) -> None:
    with loopback.http(body="x") as url, httpx.Client(limits=httpx.Limits(max_connections=1)) as client:
        timeout = httpx.Timeout(10, pool=SECONDS)
        with client.stream("GET", url):
            client.get(url, timeout=timeout)


@HTTPX.row("httpx.UnsupportedProtocol", "permanent", "the URL has no scheme")
def no_scheme(folder: Path) -> None:
    httpx.get("api.example/orders")


@HTTPX.row("httpx.TooManyRedirects", "permanent", "the redirects lead in a circle")
def a_circle(folder: Path) -> None:
    with loopback.http(302, headers={"Location": "/"}) as url:
        httpx.get(url, follow_redirects=True, timeout=10)


@REQUESTS.each
def test_the_verdict_on_requests_is_an_operators(row: Row, tmp_path: Path) -> None:
    row.check(tmp_path)


@HTTPX.each
def test_the_verdict_on_httpx_is_an_operators(row: Row, tmp_path: Path) -> None:
    row.check(tmp_path)
