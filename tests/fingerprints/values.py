"""Values that messages of one cause differ in, made up from a seed: `«port»` in a template stands for one of them.

Most kinds come in several forms, as programs and people write them.
"""

from __future__ import annotations

import base64
import string
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

HEX = "0123456789abcdef"
BASE62 = string.ascii_letters + string.digits
# Kubernetes leaves out vowels, and digits that look like letters, so that no suffix is a word.
POD_SUFFIX = "bcdfghjklmnpqrstvwxz2456789"
WORDS = (
    "orders",
    "invoices",
    "customers",
    "reports",
    "exports",
    "thumbnails",
    "ledger",
    "mailing",
    "catalogue",
    "prices",
)
APPS = ("api", "worker", "web", "billing", "search-index", "mail-sender", "crawler", "auth")
PEOPLE = ("serene_lalande", "quirky_hopper", "agitated_curie", "jobs-worker-1", "jobs-worker-12", "billing", "web_3")
DOMAINS = ("example.com", "example.org", "prod.internal", "svc.cluster.local", "corp.lan", "eu.example.net")
STEMS = ("/data/in", "/srv/jobs", "/var/lib/app/media", "/home/deploy/incoming", "/tmp/run", "/mnt/share/archive")
EXTENSIONS = ("csv", "json", "parquet", "txt", "py", "tar.gz", "pdf")
LATEST = datetime(2026, 11, 1, tzinfo=timezone.utc)


def _some(pick: random.Random, alphabet: str, length: int) -> str:
    return "".join(pick.choices(alphabet, k=length))


def _hex(length: int) -> Callable[[random.Random], str]:
    return lambda pick: _some(pick, HEX, length)


def _moment(pick: random.Random) -> datetime:
    return LATEST - timedelta(microseconds=pick.randrange(10**14))


def _at(form: str) -> Callable[[random.Random], str]:
    return lambda pick: _moment(pick).strftime(form)


def _with_milliseconds(form: str) -> Callable[[random.Random], str]:
    return lambda pick: f"{_moment(pick).strftime(form)}{pick.randrange(1000):03}"


def _ip(pick: random.Random) -> str:
    return ".".join(str(pick.randrange(1, 255)) for _ in range(4))


def _ip6(pick: random.Random) -> str:
    groups = [f"{pick.randrange(1, 65536):x}" for _ in range(6)]
    return pick.choice((f"2001:db8:{':'.join(groups)}", f"2001:db8::{groups[0]}", f"fd00:{groups[0]}::{groups[1]}"))


def _host(pick: random.Random) -> str:
    return f"{pick.choice(('db', 'cache-2', 'registry', 'api', 'node17', 'broker-0'))}.{pick.choice(DOMAINS)}"


def _path(pick: random.Random) -> str:
    parts = [pick.choice(STEMS), str(pick.randrange(10**5)), pick.choice(WORDS)]
    return "/".join(parts[: pick.choice((2, 3))]) + f"/{pick.choice(WORDS)}.{pick.choice(EXTENSIONS)}"


def _url_path(pick: random.Random) -> str:
    return f"/v{pick.randrange(1, 4)}/{pick.choice(WORDS)}/{pick.randrange(10**6)}"


def _url(pick: random.Random) -> str:
    query = pick.choice(("", f"?page={pick.randrange(50)}&size=100", f"?job={_uuid(pick)}"))
    return f"https://{_host(pick)}{_url_path(pick)}{query}"


def _image(pick: random.Random) -> str:
    return f"{_repository(pick)}:{pick.choice(('latest', '7', '1.4.2', '2024-01', 'main-' + _some(pick, HEX, 7)))}"


def _repository(pick: random.Random) -> str:
    return pick.choice(("", "library/", "acme/", "registry.example.com:5000/team/")) + pick.choice(APPS)


def _uuid(pick: random.Random) -> str:
    digits = _some(pick, HEX, 32)
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def _pod(pick: random.Random) -> str:
    app = pick.choice(APPS)
    suffix = _some(pick, POD_SUFFIX, 5)
    return pick.choice(
        (f"{app}-{_some(pick, HEX, 9)}-{suffix}", f"{app}-{_some(pick, HEX, 10)}-{suffix}", f"{app}-{suffix}")
    )


def _name(pick: random.Random) -> str:
    return pick.choice((pick.choice(WORDS), f"{pick.choice(APPS)}-{pick.randrange(100)}", f"{pick.choice(WORDS)}_eu"))


def _duration(pick: random.Random) -> str:
    number = pick.randrange(1, 500)
    return pick.choice(
        (f"{number}s", f"{number}ms", f"{number % 60}m{number % 60}s", f"{number / 8}s", f"{number % 24}h")
    )


def _size(pick: random.Random) -> str:
    return f"{pick.randrange(1, 900)}{pick.choice(('', '.5'))} {pick.choice(('MiB', 'GiB', 'TiB'))}"


KINDS: dict[str, Callable[[random.Random], str]] = {
    "account": lambda pick: _some(pick, "123456789", 12),
    "amount": lambda pick: f"{pick.randrange(1, 5000)}.{pick.randrange(100):02}",
    "awsid": lambda pick: _some(pick, string.ascii_uppercase + string.digits, 16),
    "base62": lambda pick: _some(pick, BASE62, 24),
    "base64": lambda pick: base64.b64encode(pick.randbytes(56)).decode(),
    "base64short": lambda pick: base64.b64encode(pick.randbytes(12)).decode(),
    "bignumber": lambda pick: str(pick.randrange(10**8, 10**11)),
    "class": lambda pick: pick.choice(("NoneType", "Invoice", "str", "dict", "HttpResponse")),
    "clf": _at("%d/%b/%Y:%H:%M:%S +0000"),
    "clock": _at("%H:%M:%S"),
    "container": lambda pick: pick.choice(PEOPLE),
    "duration": _duration,
    "email": lambda pick: f"{pick.choice(WORDS)}{pick.randrange(100)}@{pick.choice(DOMAINS)}",
    "float": lambda pick: f"{pick.randrange(10**4)}.{pick.randrange(1, 1000)}",
    "fraction": lambda pick: f"0.{pick.randrange(100, 999)}",
    "hex12": _hex(12),
    "hex12x": _hex(12),
    "hex16": _hex(16),
    "hex17": _hex(17),
    "hex24": _hex(24),
    "hex32": _hex(32),
    "hex64": _hex(64),
    "hexoffset": lambda pick: f"0x{pick.randrange(16, 4096):x}",
    "hexoffset2": lambda pick: f"{pick.randrange(10**4, 10**6):x}",
    "host": _host,
    "image": _image,
    "ip": _ip,
    "ip6": _ip6,
    "isocomma": _with_milliseconds("%Y-%m-%d %H:%M:%S,"),
    "isospace": _with_milliseconds("%Y-%m-%d %H:%M:%S."),
    "isotz": _at("%Y-%m-%dT%H:%M:%S.%f+00:00"),
    "isoz": lambda pick: _moment(pick).strftime(pick.choice(("%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S.%fZ"))),
    "klog": _at("E%m%d %H:%M:%S.%f"),
    "line": lambda pick: str(pick.randrange(1, 2000)),
    "mac": lambda pick: ":".join(_some(pick, HEX, 2) for _ in range(6)),
    "name": _name,
    "nginxtime": _at("%Y/%m/%d %H:%M:%S"),
    "number": lambda pick: str(pick.randrange(10 ** pick.randrange(1, 7))),
    "pad5": lambda pick: f"{pick.randrange(10**4):05}",
    "path": _path,
    "pid": lambda pick: str(pick.randrange(2, 100_000)),
    "pod": _pod,
    "pointer": lambda pick: f"0x{pick.randrange(16**11, 16**12):x}",
    "port": lambda pick: str(pick.choice((443, 5432, 6379, 8080, pick.randrange(1024, 65536)))),
    "repository": _repository,
    "seconds": lambda pick: pick.choice((str(pick.randrange(1, 90)), f"{pick.randrange(900) / 8}")),
    "sha": _hex(40),
    "size2": _size,
    "small": lambda pick: str(pick.randrange(1, 30)),
    "syslog": lambda pick: f"{_moment(pick):%b} {_moment(pick).day:>2} {_moment(pick):%H:%M:%S}",
    "upper": lambda pick: pick.choice(WORDS).upper() + "_UK",
    "url": _url,
    "urlpath": _url_path,
    "uuid": _uuid,
    "version": lambda pick: ".".join(str(pick.randrange(20)) for _ in range(pick.choice((2, 3)))),
    "winpath": lambda pick: f"C:\\Users\\{pick.choice(WORDS)}\\{pick.choice(WORDS)}{pick.randrange(100)}.xlsx",
    "word": lambda pick: pick.choice(WORDS),
}
"""By the name between the marks; each takes a source of randomness."""
