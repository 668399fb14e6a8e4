"""Native classes of job_retry: error classification, retry strategies, cleaning of error texts."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from enum import Enum
from logging import Logger
from typing import Any, ClassVar, Final, SupportsFloat, SupportsIndex, TypeAlias, final

from typing_extensions import Self, disjoint_base

from job_retry.classification import Classification
from job_retry.error_type import ErrorType
from job_retry.fingerprints import Fingerprint
from job_retry.rule_pack import RulePack, RuleProblem

__all__ = [
    "RETRY_STRATEGIES",
    "ErrorClassifier",
    "ErrorTextCleaner",
    "RetryStrategy",
    "__version__",
    "check_rules",
    "fingerprint",
    "rule_packs",
]

__version__: Final[str]
"""Version of the distribution."""

RETRY_STRATEGIES: dict[str, RetryStrategy]
"""Strategies by name: ``default``, ``aggressive``, ``conservative``, ``high_priority``. Programs may add their own."""

_Number: TypeAlias = SupportsFloat | SupportsIndex
_ErrorType: TypeAlias = ErrorType | str | Enum

def rule_packs() -> dict[str, RulePack]:
    """Return the shipped rule packs by name, as `RulePack`."""

def check_rules(rules: Sequence[Mapping[str, Any]], packs: Iterable[str] | None = None) -> list[RuleProblem]:
    """Return what is wrong with rules of a program, as `RuleProblem`; first the rules that cannot be used.

    A rule may be ``"invalid"`` (it cannot be used; the message names the key, the value and what would do), have
    ``"no-example"``, an ``"example"`` that another rule decides or none, a ``"counterexample"`` that it decides itself,
    or be ``"hidden"``: another rule decides whatever it matches.

    Args:
        rules: dicts as for `ErrorClassifier.with_rules`.
        packs: names of the packs that stand behind them; all by default.

    Raises:
        TypeError: `rules` is no list or tuple of dict, or `packs` no sequence of str.
        ValueError: there is no such pack; the error lists those there are.
    """

def fingerprint(message: str | BaseException, *, version: int = 1) -> Fingerprint:
    """Return the `Fingerprint` of an error: which cause it speaks of, whatever differs from one time to the next.

    Of an exception that of the text ``TypeName: message``. What varies (ids, digests, UUIDs, addresses, ports, paths,
    URLs, numbers, timestamps, names in quotes) is replaced by placeholders; codes that decide (of HTTP, errno,
    SQLSTATE, exit codes and the like) are kept. Secrets are masked first. Takes time linear in the message.

    Args:
        message: the text, or the exception.
        version: of the algorithm; the ids of a version never change.

    Raises:
        TypeError: `message` is neither a str nor an exception, or `version` no whole number.
        ValueError: there is no such version; the error lists those there are.
    """

class ErrorClassifier:
    """Tells by two lists of patterns what kind of failure an error message reports.

    The message is lower-cased as ``str.lower()`` does it; then the first pattern that is found anywhere in it decides,
    all of ``TRANSIENT_PATTERNS`` before all of ``PERMANENT_PATTERNS``. Each verdict is that of
    ``re.search(pattern, message.lower())``.

    A subclass or a program may replace either list (a list or tuple of str) or edit it in place; the next message is
    classified by the lists as they are then. It may also name a further ``logging.Logger`` for the DEBUG lines, as
    ``DEBUG_LOGGER``.
    """

    TRANSIENT_PATTERNS: ClassVar[list[str]]
    """Patterns of failures that another attempt may not meet again."""

    PERMANENT_PATTERNS: ClassVar[list[str]]
    """Patterns of failures that the same job meets again however often it is tried."""

    DEBUG_LOGGER: ClassVar[Logger | None]
    """Takes the DEBUG lines beside the logger ``job_retry``; None: nobody does."""

    RULE_PACKS: ClassVar[tuple[str, ...]]
    """Names of the rule packs in use; none on the plain class. `with_packs` sets it."""

    RULES: ClassVar[tuple[Mapping[str, Any], ...]]
    """The program's own rules, as they were given; none on the plain class. `with_rules` sets it."""

    def __init__(self) -> None: ...
    @classmethod
    def classify_error(cls, error_message: str) -> ErrorType:
        """Return the `ErrorType` of a message.

        TRANSIENT or PERMANENT by the first pattern that is found, UNKNOWN where none is. Takes time linear in the
        message for every pattern that consists of literals joined by ``.*``. The logger ``job_retry`` names verdict
        and pattern at DEBUG.

        Raises:
            TypeError: the message is no str, or a list holds something else than str.
            ValueError: ``re`` refuses a pattern; the error names it.
        """

    @classmethod
    def with_packs(cls, *names: str) -> type[Self]:
        """Return a subclass that knows the errors of these systems, or of all that are known where none is named.

        Rules of the program come first, then patterns that it added to the two lists, then the rules of the packs, the
        strongest first, then the shipped patterns of the lists. A pattern counts as added where it is not one of those
        that its list has as shipped. `job_retry.rule_packs` tells what packs there are.

        Raises:
            TypeError: a name is no str.
            ValueError: there is no such pack; the error lists those there are.
        """

    @classmethod
    def with_rules(cls, rules: Sequence[Mapping[str, Any]]) -> type[Self]:
        """Return a subclass that asks these rules before all others.

        Args:
            rules: dicts in the form of a rule of a pack, with the keys ``id``, ``verdict``, ``why`` and at least one of
                ``message``, ``exception``, ``errno``, ``sqlstate``, ``http_status``, ``grpc``, ``exit_code``,
                ``signal`` and ``code``; they take the place of those that the class has.

        Raises:
            TypeError: `rules` is no list or tuple of dict.
            ValueError: a rule cannot be used; the error names the rule, the key, the value and what would do.
        """

    @classmethod
    def classify_exception(cls, exception: BaseException) -> ErrorType:
        """Return the `ErrorType` of an exception, or of those behind it.

        By its class and the bases of it, the codes that it holds (errno, SQLSTATE, status of HTTP or gRPC, exit code,
        codes of providers) and its text. The outermost exception with a verdict other than UNKNOWN decides, then the
        one it was raised from, then the one that was being handled; a group is PERMANENT if any member is, else
        TRANSIENT if any is. The classes and codes count for classes with packs or rules; others go by the text alone.

        Raises:
            TypeError: `exception` is none, or a list holds something else than str.
            ValueError: ``re`` refuses a pattern; the error names it.
        """

    @classmethod
    def explain(cls, error: str | BaseException) -> Classification:
        """Return the `Classification` of a message or an exception.

        That is the verdict, the rule that decided, why, what it matched and where, and the rules that came near. The
        verdict is that of `classify_error`, or of `classify_exception`.

        Raises:
            TypeError: `error` is neither a str nor an exception, or a list holds something else than str.
            ValueError: ``re`` refuses a pattern; the error names it.
        """

    @classmethod
    def classify_many(cls, messages: Iterable[str]) -> list[ErrorType]:
        """Return the `ErrorType` of each message, in order.

        What ``[classify_error(message) for message in messages]`` returns, by the lists as they are at the call. Many
        messages are shared out to the processors and do not hold up other threads; patterns that ``re`` has to run,
        and lines for the logger, are done in this one.

        Args:
            messages: any iterable of str, which is read first.

        Raises:
            TypeError: `messages` is no iterable of str; the error names the index of what is none. Or a list holds
                something else than str.
            ValueError: ``re`` refuses a pattern; the error names it.
        """

    @classmethod
    def explain_many(cls, messages: Iterable[str]) -> list[Classification]:
        """Return the `Classification` of each message, in order.

        What ``[explain(message) for message in messages]`` returns, in the way of `classify_many`.

        Args:
            messages: any iterable of str, which is read first.

        Raises:
            TypeError: `messages` is no iterable of str; the error names the index of what is none. Or a list holds
                something else than str.
            ValueError: ``re`` refuses a pattern; the error names it.
        """

    @staticmethod
    def retry_after(error: str | BaseException, now: datetime | None = None) -> float | None:
        """Return the seconds for which a message or an exception asks to be left alone; None where it asks for nothing.

        By ``Retry-After`` (seconds or an HTTP date) and what services write in its place, in headers of the answer that
        an exception holds or in its text: "retry in 20s", ``retryDelay``. A date that has passed, and nonsense, count
        as nothing.

        Args:
            error: the message, or the exception; those behind it are asked, too.
            now: aware datetime that dates are compared with; the clock where it is None.

        Raises:
            TypeError: `error` is neither a str nor an exception, or `now` no datetime.
            ValueError: `now` is naive.
        """

@final
class ErrorTextCleaner:
    """Makes error texts safe to store, to log and to send.

    Args:
        mask: further patterns of what is to be masked, in the syntax of Rust's regex crate. What such a pattern
            matches is masked, or its group named ``secret`` where it has one.

    Raises:
        TypeError: `mask` is no sequence of str.
        ValueError: a pattern cannot be compiled; the error names it.
    """

    def __new__(cls, mask: Sequence[str] = ()) -> ErrorTextCleaner: ...
    def clean(self, text: str) -> str:
        r"""Return the text without NUL, lone surrogates and secrets, of at most 64 KiB in UTF-8.

        NUL and lone surrogates become escapes such as ``\x00``. Passwords and tokens in URLs, bearer tokens, values of
        keys such as ``password`` and private keys become ``***``. Of a longer text the first 48 KiB and the last 16
        are kept, with a line between them that names the length of the original.

        Raises:
            TypeError: `text` is no str.
        """

@disjoint_base
class RetryStrategy:
    """How often a job is tried and how long it waits between two attempts.

    Args:
        max_attempts: attempts in all, the first included; a whole number, 0 or more.
        base_delay: seconds to wait after the second attempt, the first that is followed by a wait.
        max_delay: longest delay, in seconds.
        backoff_factor: what each further delay is multiplied by.
        jitter: fraction from 0 to 1 by which `jittered_delay` may lengthen a delay.

    All are attributes that can be set. Strategies of one class with the same parameters are equal; as they can change,
    they have no hash. They can be pickled, copied and subclassed, also with a constructor of another signature.

    Raises:
        TypeError: a parameter is no number; the error names it.
        ValueError: a parameter is negative, infinite, not a number or out of range; the error names it.
    """

    def __init__(
        self,
        max_attempts: SupportsIndex = 3,
        base_delay: _Number = 1.0,
        max_delay: _Number = 300.0,
        backoff_factor: _Number = 2.0,
        *,
        jitter: _Number = 0.0,
    ) -> None: ...
    @property
    def max_attempts(self) -> int:
        """Attempts in all, the first included."""

    @max_attempts.setter
    def max_attempts(self, value: SupportsIndex) -> None: ...
    @property
    def base_delay(self) -> float:
        """Seconds to wait after the second attempt."""

    @base_delay.setter
    def base_delay(self, value: _Number) -> None: ...
    @property
    def max_delay(self) -> float:
        """Longest delay, in seconds."""

    @max_delay.setter
    def max_delay(self, value: _Number) -> None: ...
    @property
    def backoff_factor(self) -> float:
        """What each further delay is multiplied by."""

    @backoff_factor.setter
    def backoff_factor(self, value: _Number) -> None: ...
    @property
    def jitter(self) -> float:
        """Fraction from 0 to 1 by which `jittered_delay` may lengthen a delay."""

    @jitter.setter
    def jitter(self, value: _Number) -> None: ...
    def should_retry(self, attempt_count: SupportsIndex, error_type: _ErrorType) -> bool:
        """Return whether a job may run again after its failed attempt number `attempt_count`.

        False for a permanent error, else ``attempt_count < max_attempts``. `error_type` is an `ErrorType`, its value,
        or a member of any enum with such a value.

        Raises:
            TypeError: `attempt_count` is no whole number, or `error_type` neither a str nor an enum member.
            ValueError: `error_type` has another value.
        """

    def get_retry_delay(self, attempt_count: SupportsIndex) -> float:
        """Return the seconds to wait after attempt number `attempt_count`.

        0.0 up to the first attempt, then ``min(base_delay * backoff_factor ** (attempt_count - 2), max_delay)``, to
        the bit what Python computes; where Python would raise OverflowError, `max_delay`. (Exponential backoff with a
        cap, as in Metcalfe and Boggs, "Ethernet: distributed packet switching for local computer networks", 1976.)

        Raises:
            TypeError: `attempt_count` is no whole number.
        """

    def schedule(self) -> list[float]:
        """Return the delays after attempts 1 to ``max_attempts - 1``, in seconds.

        Raises:
            ValueError: `max_attempts` is above a million.
        """

    def next_retry_at(self, attempt_count: SupportsIndex, now: datetime) -> datetime:
        """Return when the attempt after number `attempt_count` is due, in the time zone of `now`.

        `now` is an aware datetime; the delay is real time, also where the clocks change. At the latest the end of the
        year 9999.

        Raises:
            TypeError: `now` is no datetime, or `attempt_count` no whole number.
            ValueError: `now` is naive.
        """

    def jittered_delay(self, attempt_count: SupportsIndex, key: object, *, jitter: _Number | None = None) -> float:
        """Return the delay after attempt number `attempt_count`, lengthened by a share that `key` decides.

        ``min(delay + u * jitter * max(delay, base_delay), max_delay)`` seconds, where ``u`` in [0, 1) is a hash of
        `key`, so the same key always gives the same delay. The bytes of `key` are those of a bytes object, the UTF-8
        of ``str(key)``, or for a tuple its parts' joined by a colon: ``(7, 2)`` is ``b"7:2"``. ``u`` is the 64-bit
        FNV-1a of these bytes, put through the finaliser of SplitMix64; its upper 53 bits, divided by 2**53.

        Args:
            attempt_count: number of the attempt that failed.
            key: what the share depends on, such as the job's primary key and `attempt_count`.
            jitter: in place of the strategy's own.

        Raises:
            TypeError: `attempt_count` is no whole number, or `jitter` no number.
            ValueError: `jitter` is no fraction from 0 to 1.
        """

    def __eq__(self, other: object, /) -> bool: ...
    __hash__: ClassVar[None]  # type: ignore[assignment]
    def __reduce_ex__(self, protocol: SupportsIndex, /) -> tuple[Any, ...]: ...
    def __getstate__(self) -> tuple[tuple[int, float, float, float, float], dict[str, Any]]: ...
    def __setstate__(self, state: tuple[tuple[int, float, float, float, float], dict[str, Any]], /) -> None: ...
