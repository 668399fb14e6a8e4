"""The work that every queue is given: what each attempt at each job comes to."""

from __future__ import annotations

from dataclasses import dataclass

TRANSIENT = (
    "psycopg.OperationalError: connection to server at {host}, port 5432, failed: connection refused ({time})",
    "dial tcp {host}:2376: connect: connection reset by peer while pulling layer {request} at {time}",
    "HTTPSConnectionPool(host={host!r}, port=443): network read timeout after 30 s, request {request}, {time}",
    "write /var/lib/jobs/{job}/{request}.tmp: no space left on device ({host}, {time})",
    "getaddrinfo db-{job}.internal: temporary failure in name resolution ({host}, {time}, request {request})",
)
PERMANENT = (
    "manifest for registry.internal/reports/{request}: image sha256:{request} not found ({host}, {time})",
    "open /srv/invoices/{job}/{request}.csv: permission denied (uid 1000 on {host}, {time})",
    "OCI runtime create failed: exec /app/run-{job}.sh: executable file not found in $PATH ({host}, {request})",
)
"""Errors as they come from engines, drivers and services. The rules of all contestants decide alike over them."""


@dataclass(frozen=True)
class Work:
    """What becomes of each job: so many failed attempts, then success or the dead-letter queue."""

    name: str
    title: str
    failures: int
    errors: tuple[str, ...] = TRANSIENT
    succeeds: bool = False

    @property
    def attempts(self) -> int:
        """Attempts at each job."""
        return self.failures + self.succeeds

    def error(self, job: int, attempt: int) -> str | None:
        """Return the error of an attempt (the first is 1), which no other attempt has; None: it succeeds."""
        if attempt > self.failures:
            return None
        text = self.errors[(job + attempt) % len(self.errors)]
        request = (job * 3 + attempt) * 0x9E3779B97F4A7C15 % 2**64
        return text.format(
            host=f"10.{job >> 16 & 255}.{job >> 8 & 255}.{job & 255}",
            job=job,
            attempt=attempt,
            request=f"{request:016x}",
            time=f"2026-11-26T{job // 3600 % 24:02}:{job // 60 % 60:02}:{job % 60:02}.{request % 1000:03}Z",
        )


WORKS = {
    work.name: work
    for work in (
        Work("retried", "two transient failures, then success", 2, succeeds=True),
        Work("exhausted", "dead letter after three failures", 3),
        Work("permanent", "dead letter at once", 1, PERMANENT),
    )
}
"""By name."""

MAX_ATTEMPTS = 3
