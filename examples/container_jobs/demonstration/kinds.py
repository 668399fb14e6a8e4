"""The kinds of job that the demo runs, and how a job of each kind must end. Pure data."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

from job_retry import ErrorType

TRANSIENT, PERMANENT, UNKNOWN = ErrorType.TRANSIENT, ErrorType.PERMANENT, ErrorType.UNKNOWN


@dataclass(frozen=True)
class Service:
    """What listens on the port that a job of this kind connects to; each job has one of its own."""

    opens_after_failures: int | None = 0
    """The job's failed attempts after which it comes up; None: never."""
    resets: float = 0
    """How many requests the peer resets before it answers one."""


class Failure(NamedTuple):
    """How an attempt may fail."""

    verdict: ErrorType
    """The classifier's."""
    text: str
    """What the error contains."""


@dataclass(frozen=True)
class Kind:
    """Jobs that go alike."""

    name: str
    shows: str
    """What there is to see."""
    jobs: int
    """How many of them are queued."""
    state: str
    """In which they end."""
    attempts: int
    """After how many they end."""
    image: str
    command: str
    """May name ``{port}``, the service's."""
    strategy: str = "default"
    """The preset that decides on its retries, for whichever of the following reasons."""
    priority: int = 50
    retry_strategy: str | None = None
    max_retries: int | None = None
    service: Service | None = None
    failures: tuple[Failure, ...] = ()
    """How each failed attempt fails; more than one where the machine chooses the words."""
    hidden: str = ""
    """Part of the command that shows up on stderr and must not be in the error on record."""


# Each strategy's first retry follows at once, so the attempts of a job that never succeeds fall due, in seconds after
# its first failure: default 0, 2; aggressive 0, 1, 3, 7; conservative 0; high_priority 0, 0.5, 1.5, 3.5.
KINDS = (
    Kind(
        "order report",
        "succeeds at the first attempt",
        jobs=12,
        image="reports",
        command="sleep 0.4; cut --delimiter=, --fields=2,3 orders.csv | sort",
        state="completed",
        attempts=1,
    ),
    Kind(
        "urgent report",
        "succeeds, ahead of the others: priority 90",
        jobs=4,
        image="reports",
        command="sleep 0.2; grep --count yes orders.csv",
        priority=90,
        strategy="high_priority",
        state="completed",
        attempts=1,
    ),
    Kind(
        "archive",
        "succeeds, behind the others: priority 10",
        jobs=4,
        image="reports",
        command="sleep 0.2; gzip --stdout orders.csv",
        priority=10,
        strategy="conservative",
        state="completed",
        attempts=1,
    ),
    Kind(
        "late service",
        "its service is down until it has been refused twice",
        jobs=4,
        image="catalogue",
        command="python3 fetch.py 127.0.0.1 {port} /stock",
        service=Service(opens_after_failures=2),
        state="completed",
        attempts=3,
        failures=(Failure(TRANSIENT, "Connection refused"),),
    ),
    Kind(
        "restarted service",
        "the peer resets its first connection: a retry at once is enough",
        jobs=4,
        image="catalogue",
        command="python3 fetch.py 127.0.0.1 {port} /stock",
        service=Service(resets=1),
        priority=85,
        strategy="high_priority",
        state="completed",
        attempts=2,
        failures=(Failure(TRANSIENT, "Connection reset by peer"),),
    ),
    Kind(
        "broken service",
        "the peer resets every connection: five attempts with growing delays, in vain",
        jobs=3,
        image="catalogue",
        command="python3 fetch.py 127.0.0.1 {port} /stock",
        service=Service(resets=math.inf),
        retry_strategy="aggressive",
        strategy="aggressive",
        state="failed",
        attempts=5,
        failures=(Failure(TRANSIENT, "Connection reset by peer"),),
    ),
    Kind(
        "closed service",
        "nobody ever listens; the trace on stderr shows a key, which is masked",
        jobs=3,
        image="catalogue",
        command="set -x; python3 fetch.py 127.0.0.1 {port} '/stock?api_key=5ecret-f0r-the-demo'",
        service=Service(opens_after_failures=None),
        hidden="5ecret-f0r-the-demo",
        priority=95,
        strategy="high_priority",
        state="failed",
        attempts=5,
        failures=(Failure(TRANSIENT, "api_key=***'\nfetch: [Errno 111] Connection refused"),),
    ),
    Kind(
        "missing executable",
        "no retry helps: dead after one attempt",
        jobs=4,
        image="studio",
        command="resize-images --width 800 cover.png",
        state="failed",
        attempts=1,
        failures=(Failure(PERMANENT, "resize-images: command not found"),),
    ),
    Kind(
        "no execute bit",
        "no retry helps: dead after one attempt, in spite of its strategy",
        jobs=3,
        image="reports",
        command="./nightly",
        retry_strategy="aggressive",
        strategy="aggressive",
        state="failed",
        attempts=1,
        failures=(Failure(PERMANENT, "./nightly: Permission denied"),),
    ),
    Kind(
        "wrong format",
        "a binary for another machine: no retry makes it run here",
        jobs=3,
        image="studio",
        command="./render cover.png",
        state="failed",
        attempts=1,
        failures=(Failure(PERMANENT, "Exec format error"),),
    ),
    Kind(
        "full device",
        "might have room again, but has not",
        jobs=3,
        image="reports",
        command="gzip --stdout orders.csv > /dev/full",
        state="failed",
        attempts=3,
        failures=(Failure(TRANSIENT, "No space left on device"),),
    ),
    Kind(
        "too many files",
        "five input files do not fit under its limit of open files",
        jobs=3,
        image="reports",
        command="ulimit -n 7; paste orders.csv orders.csv orders.csv orders.csv orders.csv",
        retry_strategy="aggressive",
        strategy="aggressive",
        state="failed",
        attempts=5,
        failures=(Failure(TRANSIENT, "Too many open files"),),
    ),
    Kind(
        "no memory",
        "asks for more than its limit; priority 10 is retried only once",
        jobs=3,
        image="catalogue",
        command="ulimit -v 1000000; python3 index.py 4",
        priority=10,
        strategy="conservative",
        state="failed",
        attempts=2,
        failures=(Failure(TRANSIENT, "Cannot allocate memory"),),
    ),
    Kind(
        "unknown host",
        "the machine's resolver chooses the words",
        jobs=2,
        image="catalogue",
        command="RES_OPTIONS='timeout:1 attempts:1' python3 fetch.py catalogue.invalid 80 /stock",
        retry_strategy="conservative",
        strategy="conservative",
        state="failed",
        attempts=2,
        failures=(
            Failure(UNKNOWN, "Name or service not known"),
            Failure(UNKNOWN, "No address associated with hostname"),
            Failure(TRANSIENT, "Non-recoverable failure in name resolution"),
            Failure(TRANSIENT, "Temporary failure in name resolution"),
        ),
    ),
    Kind(
        "silent exit",
        "an exit status is all there is to know",
        jobs=2,
        image="reports",
        command="exit 3",
        state="failed",
        attempts=3,
        failures=(Failure(UNKNOWN, "exit status 3"),),
    ),
    Kind(
        "one attempt only",
        "max_retries lowers the strategy's limit to 1",
        jobs=2,
        image="reports",
        command="kill -KILL $$",
        max_retries=1,
        state="failed",
        attempts=1,
        failures=(Failure(UNKNOWN, "killed by SIGKILL"),),
    ),
    Kind(
        "foreign bytes",
        "a file name in Latin-1 on stderr: no UTF-8, and nothing of it is lost",
        jobs=2,
        image="reports",
        command=r"grep --count yes $'\xfcbersicht.csv'",
        state="failed",
        attempts=1,
        failures=(Failure(PERMANENT, r"grep: \xfcbersicht.csv: No such file or directory"),),
    ),
    Kind(
        "page of a proxy",
        "an answer in HTML on stderr: in the admin it stays text, and no script runs",
        jobs=2,
        image="reports",
        command="echo '502 Bad Gateway <script>document.title = \"run\"</script><h1>nginx</h1>' >&2; exit 22",
        state="failed",
        attempts=3,
        failures=(Failure(TRANSIENT, "502 Bad Gateway <script>"),),
    ),
    Kind(
        "missing image",
        "the launcher raises an exception, which is classified by its class and errno",
        jobs=2,
        image="studio-old",
        command="./render cover.png",
        state="failed",
        attempts=1,
        failures=(Failure(PERMANENT, "FileNotFoundError: [Errno 2] No such file or directory"),),
    ),
)
