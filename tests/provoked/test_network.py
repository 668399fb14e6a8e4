"""Sockets, names and TLS, with the standard library."""

from __future__ import annotations

import http.client
import smtplib
import socket
import ssl
import urllib.request
from typing import TYPE_CHECKING

import pytest

from tests.provoked import loopback
from tests.provoked.rows import Row, Table

certificates = pytest.importorskip("tests.provoked.certificates", exc_type=ImportError)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SECONDS = 0.1
NETWORK = Table("network")


def connect(port: int, seconds: float = 10) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), seconds)


@NETWORK.row("ConnectionRefusedError", "transient", "nobody listens: the service is down or starting")
def a_port_that_nobody_listens_on(folder: Path) -> None:
    connect(loopback.closed_port())


@NETWORK.row("ConnectionResetError", "transient", "the peer restarted or dropped the connection")
def a_connection_that_is_reset(folder: Path) -> None:
    with loopback.peer(loopback.reset) as port, connect(port) as connection:
        connection.sendall(b"hello")
        connection.recv(1)


@NETWORK.row("TimeoutError", "transient", "the peer did not answer this time")
def a_peer_that_never_answers(folder: Path) -> None:
    with loopback.silent() as port, connect(port, SECONDS) as connection:
        connection.recv(1)


@NETWORK.row("TimeoutError", "transient", "the peer has no room now")
def a_peer_without_room(folder: Path) -> None:
    with loopback.full() as port:
        connect(port, SECONDS)


@NETWORK.row("BrokenPipeError", "transient", "the connection is closed; a new run opens another")
def write_where_nobody_reads(folder: Path) -> None:
    first, second = socket.socketpair()
    with first:
        second.close()
        first.sendall(b"x")


@NETWORK.row("FileNotFoundError", "unknown", "the socket is not there: the service is down, or the path is wrong")
def a_unix_socket_that_is_missing(folder: Path) -> None:
    with socket.socket(socket.AF_UNIX) as client:
        client.connect("/run/no-such-service.sock")


@NETWORK.row("ConnectionRefusedError", "transient", "the service behind the socket has ended")
def a_unix_socket_that_was_left(folder: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server, socket.socket(socket.AF_UNIX) as client:
        server.bind(str(folder / "s"))
        server.close()
        client.connect(str(folder / "s"))


@NETWORK.row("OSError", "permanent", "the address belongs to another machine")
def an_address_of_another_machine(folder: Path) -> None:
    with socket.socket() as server:
        server.bind(("192.0.2.1", 0))


@NETWORK.row("socket.gaierror", "permanent", "the address is of another family")
def an_address_of_another_family(folder: Path) -> None:
    socket.getaddrinfo("127.0.0.1", 80, family=socket.AF_INET6)


@NETWORK.row("socket.gaierror", "permanent", "no such service is known here")
def a_service_without_a_number(folder: Path) -> None:
    socket.getaddrinfo("127.0.0.1", "no-such-service")


@NETWORK.row("UnicodeError", "permanent", "no name may be as long")
def a_name_that_is_too_long(folder: Path) -> None:
    socket.getaddrinfo("x" * 64 + ".example", 80)


@NETWORK.row("OverflowError", "permanent", "there is no such port")
def a_port_beyond_all(folder: Path) -> None:
    with socket.socket() as client:
        client.connect(("127.0.0.1", 70_000))


@NETWORK.row("urllib.error.URLError", "transient", "nobody listens: the service is down or starting")
def a_url_that_nobody_serves(folder: Path) -> None:
    urllib.request.urlopen(f"http://127.0.0.1:{loopback.closed_port()}/")


@NETWORK.row("urllib.error.URLError", "permanent", "the URL has no scheme that is known")
def a_url_of_an_unknown_scheme(folder: Path) -> None:
    urllib.request.urlopen("htp://127.0.0.1/")


@NETWORK.row("ValueError", "permanent", "the text is no URL")
def a_url_that_is_none(folder: Path) -> None:
    urllib.request.urlopen("api.example/orders")


@NETWORK.row("http.client.RemoteDisconnected", "transient", "the server closed without an answer")
def a_server_that_hangs_up(folder: Path) -> None:
    with loopback.peer(loopback.hang_up) as port:
        urllib.request.urlopen(f"http://127.0.0.1:{port}/")


@NETWORK.row("http.client.IncompleteRead", "transient", "the answer was cut off")
def an_answer_that_is_cut_off(folder: Path) -> None:
    with loopback.peer(loopback.saying(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")) as port:
        urllib.request.urlopen(f"http://127.0.0.1:{port}/").read()


@NETWORK.row("http.client.BadStatusLine", "unknown", "not HTTP: the wrong port, or a proxy in trouble")
def an_answer_that_is_no_http(folder: Path) -> None:
    with loopback.peer(loopback.saying(b"SSH-2.0-x\r\n")) as port:
        urllib.request.urlopen(f"http://127.0.0.1:{port}/")


@NETWORK.row("http.client.InvalidURL", "permanent", "the URL has a space in it")
def a_url_with_a_space(folder: Path) -> None:
    http.client.HTTPConnection("127.0.0.1", 80).request("GET", "/a b")


STATUSES = [
    (400, "permanent", "the request is wrong"),
    (401, "permanent", "nobody said who asks"),
    (403, "permanent", "somebody has to grant the access"),
    (404, "permanent", "there is no such thing"),
    (410, "permanent", "it is gone for good"),
    (429, "transient", "too many requests; later there is room"),
    (500, "transient", "the server failed; mostly it recovers"),
    (503, "transient", "the service is down or overloaded"),
    (504, "transient", "what is behind the gateway took too long"),
]


def answered(status: int) -> Callable[[Path], None]:
    def ask(folder: Path) -> None:
        with loopback.http(status) as url:
            urllib.request.urlopen(url)

    return ask


for status, verdict, why in STATUSES:
    NETWORK.add("urllib.error.HTTPError", verdict, why, answered(status), f"urllib answered {status}")


def handshake(port: int, context: ssl.SSLContext) -> None:
    with connect(port) as connection, context.wrap_socket(connection, server_hostname="127.0.0.1"):
        pass


def tls(certificate: tuple[Path, Path], **versions: ssl.TLSVersion) -> Callable[[socket.socket], None]:
    """Serve one handshake."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    for name, version in versions.items():
        setattr(context, name, version)

    def behave(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as wrapped:
            wrapped.recv(1)

    return behave


@NETWORK.row("ssl.SSLCertVerificationError", "permanent", "nobody here trusts who signed it")
def a_certificate_that_nobody_trusts(folder: Path) -> None:
    with loopback.peer(tls(certificates.write(folder))) as port:
        handshake(port, ssl.create_default_context())


@NETWORK.row("ssl.SSLCertVerificationError", "permanent", "somebody has to renew it")
def a_certificate_that_has_expired(folder: Path) -> None:
    certificate = certificates.write(folder, days=-1)
    with loopback.peer(tls(certificate)) as port:
        handshake(port, ssl.create_default_context(cafile=certificate[0]))


@NETWORK.row("ssl.SSLCertVerificationError", "permanent", "it was made out to another host")
def a_certificate_of_another_host(folder: Path) -> None:
    certificate = certificates.write(folder, host="other.example")
    with loopback.peer(tls(certificate)) as port:
        handshake(port, ssl.create_default_context(cafile=certificate[0]))


@NETWORK.row("ssl.SSLError", "permanent", "the two know no common version of the protocol")
def versions_that_do_not_meet(folder: Path) -> None:
    certificate = certificates.write(folder)
    context = ssl.create_default_context(cafile=certificate[0])
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with loopback.peer(tls(certificate, minimum_version=ssl.TLSVersion.TLSv1_3)) as port:
        handshake(port, context)


@NETWORK.row("ssl.SSLError", "permanent", "the port speaks no TLS")
def tls_to_a_port_without_it(folder: Path) -> None:
    with loopback.peer(loopback.saying(b"HTTP/1.1 400 Bad Request\r\n\r\n")) as port:
        handshake(port, ssl.create_default_context())


@NETWORK.row("ssl.SSLEOFError", "transient", "the peer closed in the middle of the handshake")
def a_peer_that_hangs_up_in_the_handshake(folder: Path) -> None:
    with loopback.peer(loopback.hang_up) as port:
        handshake(port, ssl.create_default_context())


@NETWORK.row("ConnectionResetError", "transient", "the peer dropped the connection in the handshake")
def a_peer_that_resets_in_the_handshake(folder: Path) -> None:
    with loopback.peer(loopback.reset) as port:
        handshake(port, ssl.create_default_context())


@NETWORK.row("TimeoutError", "transient", "the handshake took too long this time")
def a_handshake_without_an_answer(folder: Path) -> None:
    with loopback.silent() as port, connect(port, SECONDS) as connection:
        ssl.create_default_context().wrap_socket(connection, server_hostname="127.0.0.1")


@NETWORK.row("ssl.SSLError", "permanent", "the file is no certificate")
def a_certificate_file_with_something_else(folder: Path) -> None:
    (folder / "ca.pem").write_text("not a certificate")
    ssl.create_default_context(cafile=folder / "ca.pem")


def mail(greeting: bytes, *answers: bytes) -> Callable[[socket.socket], None]:
    """Serve one conversation of SMTP."""

    def behave(connection: socket.socket) -> None:
        connection.sendall(greeting)
        for answer in answers:
            connection.recv(loopback.LONGEST_REQUEST)
            connection.sendall(answer)
        connection.recv(loopback.LONGEST_REQUEST)

    return behave


def send(port: int) -> None:
    with smtplib.SMTP("127.0.0.1", port, timeout=10) as client:
        client.sendmail("app@example.com", ["user@example.org"], "Subject: hello\r\n\r\nhello")


HELLO, OK, BYE = b"220 mx.example ESMTP\r\n", b"250 ok\r\n", b"221 bye\r\n"


@NETWORK.row("smtplib.SMTPConnectError", "transient", "421: the service closes now, and opens again")
def a_mail_server_that_is_closing(folder: Path) -> None:
    with loopback.peer(mail(b"421 4.3.2 Service not available\r\n")) as port:
        send(port)


@NETWORK.row("smtplib.SMTPRecipientsRefused", "permanent", "550: there is no such mailbox")
def a_mailbox_that_does_not_exist(folder: Path) -> None:
    with loopback.peer(mail(HELLO, OK, OK, b"550 5.1.1 User unknown\r\n", OK, BYE)) as port:
        send(port)


@NETWORK.row("smtplib.SMTPRecipientsRefused", "transient", "450: the mailbox is busy, or the sender is greylisted")
def a_mailbox_that_is_busy(folder: Path) -> None:
    with loopback.peer(mail(HELLO, OK, OK, b"450 4.2.0 Greylisted, try again later\r\n", OK, BYE)) as port:
        send(port)


@NETWORK.row("smtplib.SMTPSenderRefused", "permanent", "the sender has to log in first")
def a_sender_who_has_to_log_in(folder: Path) -> None:
    with loopback.peer(mail(HELLO, OK, b"530 5.7.0 Authentication required\r\n", OK, BYE)) as port:
        send(port)


@NETWORK.row("smtplib.SMTPDataError", "transient", "451: try again later, it says")
def a_mail_that_is_put_off(folder: Path) -> None:
    with loopback.peer(mail(HELLO, OK, OK, OK, b"354 go on\r\n", b"451 4.3.0 Try again later\r\n", OK, BYE)) as port:
        send(port)


@NETWORK.row("smtplib.SMTPDataError", "permanent", "554: refused as spam")
def a_mail_that_is_refused(folder: Path) -> None:
    with loopback.peer(mail(HELLO, OK, OK, OK, b"354 go on\r\n", b"554 5.7.1 Refused as spam\r\n", OK, BYE)) as port:
        send(port)


@NETWORK.row("smtplib.SMTPServerDisconnected", "transient", "the server closed the connection")
def a_mail_server_that_hangs_up(folder: Path) -> None:
    with loopback.peer(lambda connection: None) as port:
        send(port)


@NETWORK.row("smtplib.SMTPNotSupportedError", "permanent", "the server offers no log in")
def a_mail_server_without_log_in(folder: Path) -> None:
    with loopback.peer(mail(HELLO, OK, BYE)) as port, smtplib.SMTP("127.0.0.1", port, timeout=10) as client:
        client.login("app", "wrong")


@NETWORK.row("smtplib.SMTPAuthenticationError", "permanent", "somebody has to correct the password")
def a_wrong_password_for_mail(folder: Path) -> None:
    answers = [b"250-mx.example\r\n250 AUTH PLAIN\r\n", b"535 5.7.8 Authentication credentials invalid\r\n", BYE]
    with loopback.peer(mail(HELLO, *answers)) as port, smtplib.SMTP("127.0.0.1", port, timeout=10) as client:
        client.login("app", "wrong")


@NETWORK.each
def test_the_verdict_is_an_operators(row: Row, tmp_path: Path) -> None:
    row.check(tmp_path)
