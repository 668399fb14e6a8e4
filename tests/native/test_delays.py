"""Strategies: whether a job is tried again and when."""

from __future__ import annotations

import copy
import enum
import inspect
import math
import pickle
import struct
import threading
import weakref
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from unittest import mock
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from job_retry import RETRY_STRATEGIES, ErrorType, RetryStrategy

from tests.native import oracle

if TYPE_CHECKING:
    from collections.abc import Callable

PARAMETERS = ("max_attempts", "base_delay", "max_delay", "backoff_factor", "jitter")
UTC = timezone.utc
NOT_FINITE = (math.nan, math.inf, -math.inf)
BEYOND_DOUBLES = 2**1025

seconds = st.one_of(st.integers(0, 10**6), st.floats(0, 1e6), st.floats(0, allow_nan=False, allow_infinity=False))
factors = st.one_of(st.sampled_from([2, 2.0, 1.5, 1, 0.5, 0, 3.7]), st.floats(0, 100), st.floats(0, 1.7e308))
attempts = st.one_of(st.integers(-3, 40), st.integers(0, 5000), st.integers())


def bits(number: float) -> bytes:
    return struct.pack("<d", number)


class Linear(RetryStrategy):
    """A formula and a constructor of its own."""

    def __init__(self, step: float, *, name: str = "linear") -> None:
        super().__init__(max_attempts=4, max_delay=50)
        self.step = step
        self.name = name

    def get_retry_delay(self, attempt_count: Any) -> float:
        return float(self.step * attempt_count)


def test_the_presets_are_the_documented_ones() -> None:
    assert type(RETRY_STRATEGIES) is dict
    assert list(RETRY_STRATEGIES) == list(oracle.PRESETS)
    for name, (max_attempts, base_delay, max_delay) in oracle.PRESETS.items():
        assert RETRY_STRATEGIES[name] == RetryStrategy(max_attempts, base_delay, max_delay, 2.0, jitter=0.0)


@pytest.mark.parametrize(
    ("name", "delays"),
    [
        ("default", [0.0, 2.0]),
        ("aggressive", [0.0, 1.0, 2.0, 4.0]),
        ("conservative", [0.0]),
        ("high_priority", [0.0, 0.5, 1.0, 2.0]),
    ],
)
def test_exponential_backoff_of_the_presets(name: str, delays: list[float]) -> None:
    assert RETRY_STRATEGIES[name].schedule() == delays


def test_exponential_backoff_calculation() -> None:
    strategy = RetryStrategy(max_attempts=9, base_delay=2.0, max_delay=60.0, backoff_factor=2.0)
    delays = [strategy.get_retry_delay(attempt_count) for attempt_count in range(10)]
    assert delays == [0.0, 0.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0, 60.0]
    assert all(type(delay) is float for delay in delays)


@given(seconds, seconds, factors, attempts)
@example(1.0, 300.0, 2.0, 5000)  # the power overflows
@example(1.0, 300.0, 2.0, BEYOND_DOUBLES)  # the exponent itself does
@example(1.0, 300.0, 0.5, BEYOND_DOUBLES)
@example(1.0, 300.0, 1.0, 10**30)
@example(1.0, 300.0, 0.5, 2**63 + 1)
@example(0.0, 300.0, 2.0, 1026)
@example(1e308, 1.7e308, 1.5, 5)
@example(5e-324, 1.0, 0.1, 3)
@example(3.0, 1e9, 1.1, 2**53 + 3)
@example(1.0, 300.0, 0.0, 2)
def test_delays_are_those_of_python_to_the_bit(base: float, cap: float, factor: float, attempt_count: int) -> None:
    strategy = RetryStrategy(3, base, cap, factor)
    expected = oracle.retry_delay(float(base), float(cap), float(factor), attempt_count)
    assert bits(strategy.get_retry_delay(attempt_count)) == bits(expected)


@pytest.mark.parametrize("attempt_count", [0, 1, 2, 3, 4, 2**63 - 1, 2**63, BEYOND_DOUBLES, -BEYOND_DOUBLES, True])
@pytest.mark.parametrize("error_type", list(ErrorType))
def test_retry_limit_enforcement(attempt_count: int, error_type: ErrorType) -> None:
    strategy = RetryStrategy(max_attempts=3)
    expected = error_type is not ErrorType.PERMANENT and attempt_count < 3
    assert strategy.should_retry(attempt_count, error_type) is expected


def test_transient_and_unknown_errors_are_retried_and_permanent_ones_are_not() -> None:
    for strategy in RETRY_STRATEGIES.values():
        assert strategy.should_retry(1, ErrorType.TRANSIENT)
        assert strategy.should_retry(1, ErrorType.UNKNOWN)
        assert not strategy.should_retry(0, ErrorType.PERMANENT)
        assert not strategy.should_retry(strategy.max_attempts, ErrorType.TRANSIENT)


def foreign_enum(bases: tuple[type, ...]) -> Any:
    return enum.Enum("ErrorType", {member.name: member.value for member in ErrorType}, type=bases[0] if bases else None)


@pytest.mark.parametrize("other", [foreign_enum(()), foreign_enum((str,))], ids=["Enum", "str Enum"])
def test_a_copy_of_the_enum_from_another_module_decides_the_same(other: Any) -> None:
    strategy = RetryStrategy(max_attempts=3)
    assert strategy.should_retry(1, other.TRANSIENT) is True
    assert strategy.should_retry(1, other.UNKNOWN) is True
    assert strategy.should_retry(1, other.PERMANENT) is False
    assert strategy.should_retry(1, "permanent") is False
    assert strategy.should_retry(1, "unknown") is True


@pytest.mark.parametrize(
    ("error_type", "error"),
    [
        ("PERMANENT", ValueError),
        ("", ValueError),
        ("\udc80", ValueError),
        (HTTPStatus.GONE, ValueError),
        (inspect.Parameter.VAR_KEYWORD, ValueError),
        (None, TypeError),
        (1, TypeError),
        (b"permanent", TypeError),
        (ErrorType, TypeError),
    ],
)
def test_other_error_types_are_refused_by_name(error_type: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="error_type must be"):
        RetryStrategy().should_retry(1, error_type)


@pytest.mark.parametrize("attempt_count", [1.0, "1", None, float("nan"), [1], int])
def test_an_attempt_count_that_is_no_whole_number_is_refused_by_name(attempt_count: Any) -> None:
    strategy = RetryStrategy()
    calls: list[Callable[[], object]] = [
        lambda: strategy.get_retry_delay(attempt_count),
        lambda: strategy.should_retry(attempt_count, ErrorType.TRANSIENT),
        lambda: strategy.next_retry_at(attempt_count, datetime.now(UTC)),
        lambda: strategy.jittered_delay(attempt_count, "key"),
    ]
    for call in calls:
        with pytest.raises(TypeError, match="attempt_count must be a whole number, not"):
            call()


def test_numbers_of_other_types_are_taken() -> None:
    class Index:
        def __index__(self) -> int:
            return 4

    strategy = RetryStrategy(Index(), Decimal("1.5"), Fraction(601, 2), True, jitter=False)
    assert strategy == RetryStrategy(4, 1.5, 300.5, 1.0)
    assert strategy.get_retry_delay(Index()) == 1.5
    assert [type(getattr(strategy, name)) for name in PARAMETERS] == [int, float, float, float, float]
    strategy.max_attempts = True
    assert (strategy.max_attempts, strategy.schedule()) == (1, [])


@pytest.mark.parametrize(
    ("name", "value", "error", "reason"),
    [
        *(
            (name, value, ValueError, "must be a")
            for name in PARAMETERS
            for value in (-1, math.nan, math.inf, -math.inf)
        ),
        *((name, value, TypeError, "must be a") for name in PARAMETERS for value in (None, "3", b"3", [3], 1j)),
        *((name, BEYOND_DOUBLES, ValueError, "finite") for name in PARAMETERS[1:]),
        ("jitter", 1.0000001, ValueError, "a fraction from 0 to 1, not 1.0000001"),
        ("max_attempts", 2.5, TypeError, "a whole number, not float (2.5)"),
        ("max_attempts", 2**63, ValueError, "at most 2**63 - 1"),
        ("max_attempts", -(2**64), ValueError, "0 or more"),
        ("base_delay", -0.5, ValueError, "a finite number, 0 or more, not -0.5"),
    ],
)
def test_bad_parameters_are_refused_by_name(name: str, value: Any, error: type[Exception], reason: str) -> None:
    strategy = RetryStrategy()
    for attempt in (lambda: RetryStrategy(**{name: value}), lambda: setattr(strategy, name, value)):
        with pytest.raises(error) as refusal:
            attempt()
        assert str(refusal.value).startswith(f"{name} must be ")
        assert reason in str(refusal.value)
    assert strategy == RetryStrategy()


def test_attributes_can_be_set_and_not_deleted() -> None:
    strategy = RetryStrategy()
    for name, value in zip(PARAMETERS, (7, 0.5, 10.0, 3.0, 0.25), strict=True):
        setattr(strategy, name, value)
        assert getattr(strategy, name) == value
        with pytest.raises(AttributeError):
            delattr(strategy, name)
    assert strategy == RetryStrategy(7, 0.5, 10.0, 3.0, jitter=0.25)
    assert strategy.schedule() == [0.0, 0.5, 1.5, 4.5, 10.0, 10.0]
    strategy.owner = "somebody"  # type: ignore[attr-defined]
    assert vars(strategy) == {"owner": "somebody"}
    assert weakref.ref(strategy)() is strategy


def test_a_failed_constructor_changes_nothing() -> None:
    strategy = RetryStrategy(7)
    with pytest.raises(ValueError, match="jitter"):
        strategy.__init__(2, jitter=5)  # type: ignore[misc]
    assert strategy == RetryStrategy(7)


def test_strategies_are_equal_by_class_and_parameters_and_have_no_hash() -> None:
    assert RetryStrategy(3, 1, 300, 2) == RetryStrategy()
    assert RetryStrategy() != RetryStrategy(jitter=0.5)
    assert RetryStrategy() != RetryStrategy(4)
    assert Linear(1) == Linear(2)
    assert Linear(1) != RetryStrategy(max_attempts=4, max_delay=50)
    assert RetryStrategy() != (3, 1.0, 300.0, 2.0)
    assert RetryStrategy() == mock.ANY
    with pytest.raises(TypeError, match="unhashable"):
        hash(RetryStrategy())


@given(st.integers(0, 2**63 - 1), seconds, seconds, factors, st.floats(0, 1))
def test_the_repr_can_be_evaluated(max_attempts: int, base: float, cap: float, factor: float, jitter: float) -> None:
    strategy = RetryStrategy(max_attempts, base, cap, factor, jitter=jitter)
    assert eval(repr(strategy), {"RetryStrategy": RetryStrategy}) == strategy


def test_the_repr_reads_well() -> None:
    assert repr(RetryStrategy()) == (
        "RetryStrategy(max_attempts=3, base_delay=1.0, max_delay=300.0, backoff_factor=2.0)"
    )
    assert repr(RetryStrategy(jitter=0.1)).endswith("backoff_factor=2.0, jitter=0.1)")
    assert repr(Linear(1)).startswith("Linear(max_attempts=4, ")


DUPLICATES: list[Callable[[Any], Any]] = [
    copy.copy,
    copy.deepcopy,
    *(
        lambda value, protocol=protocol: pickle.loads(pickle.dumps(value, protocol))
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1)
    ),
]


@pytest.mark.parametrize("duplicate", DUPLICATES)
def test_copies_and_pickles_are_equal_and_separate(duplicate: Callable[[Any], Any]) -> None:
    strategy = RetryStrategy(7, 0.1, 10, 3, jitter=0.5)
    strategy.tags = ["a"]  # type: ignore[attr-defined]
    twin = duplicate(strategy)
    assert twin == strategy
    assert twin is not strategy
    assert vars(twin) == {"tags": ["a"]}
    twin.max_attempts = 1
    twin.other = 1
    assert strategy.max_attempts == 7
    assert not hasattr(strategy, "other")


@pytest.mark.parametrize("duplicate", DUPLICATES)
def test_a_subclass_with_a_constructor_of_its_own_survives(duplicate: Callable[[Any], Any]) -> None:
    twin = duplicate(Linear(2.5, name="mine"))
    assert type(twin) is Linear
    assert (twin.step, twin.name, twin.max_attempts, twin.max_delay) == (2.5, "mine", 4, 50.0)


def test_every_method_follows_the_formula_of_a_subclass_or_a_patch() -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    linear = Linear(10)
    assert linear.schedule() == [10.0, 20.0, 30.0]
    assert linear.next_retry_at(2, now) == now + timedelta(seconds=20)
    assert linear.jittered_delay(9, "key") == 50.0  # what max_delay leaves of 90
    strategy = RetryStrategy(3)
    with mock.patch.object(strategy, "get_retry_delay", return_value=7):
        assert strategy.schedule() == [7.0, 7.0]
        assert strategy.next_retry_at(1, now) == now + timedelta(seconds=7)


@pytest.mark.parametrize(
    ("delay", "error"), [(-1, ValueError), (math.nan, ValueError), (None, TypeError), ("5", TypeError)]
)
def test_a_formula_that_returns_no_delay_is_named(delay: Any, error: type[Exception]) -> None:
    class Broken(RetryStrategy):
        def get_retry_delay(self, attempt_count: Any) -> Any:
            return delay

    for call in (
        lambda: Broken().schedule(),
        lambda: Broken().next_retry_at(1, datetime.now(UTC)),
        lambda: Broken().jittered_delay(1, "key"),
    ):
        with pytest.raises(error, match="get_retry_delay"):
            call()


def test_a_schedule_nobody_can_list_is_refused() -> None:
    assert len(RetryStrategy(max_attempts=10_000).schedule()) == 9_999
    with pytest.raises(ValueError, match="max_attempts is 1000001; a schedule of at most 1000000"):
        RetryStrategy(max_attempts=1_000_001).schedule()


aware = st.datetimes(
    datetime(1971, 1, 1),  # noqa: DTZ001
    datetime(2200, 1, 1),  # noqa: DTZ001
    timezones=st.sampled_from(
        [UTC, ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York"), timezone(timedelta(hours=-12, minutes=-7))]
    ),
)


@given(aware, st.one_of(st.floats(0, 1e9), st.integers(0, 10**9)))
def test_the_next_attempt_is_due_after_the_delay_in_real_time(now: datetime, delay: float) -> None:
    later = RetryStrategy(9, delay, 1e10).next_retry_at(2, now)
    expected = oracle.next_retry_at(now, float(delay))
    assert later == expected
    assert (later.tzinfo, later.fold, later.utcoffset()) == (now.tzinfo, expected.fold, expected.utcoffset())


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        # Half an hour before the clocks go forward, and before they go back.
        ("2026-03-29T01:30:00+01:00", "2026-03-29T03:30:00+02:00"),
        ("2026-10-25T02:30:00+02:00", "2026-10-25T02:30:00+01:00"),
    ],
)
def test_an_hour_is_an_hour_where_the_clocks_change(now: str, expected: str) -> None:
    moment = datetime.fromisoformat(now).astimezone(ZoneInfo("Europe/Berlin"))
    later = RetryStrategy(9, 3600, 3600).next_retry_at(2, moment)
    assert later.isoformat() == expected


@pytest.mark.parametrize("hours", [-12, -1, 0, 1, 14])
@pytest.mark.parametrize("delay", [1e9, 1e12, 1e300, 1.7e308])
def test_the_end_of_the_calendar_is_the_latest(hours: int, delay: float) -> None:
    zone = timezone(timedelta(hours=hours))
    now = datetime(9999, 6, 1, tzinfo=zone)
    later = RetryStrategy(9, delay, delay).next_retry_at(2, now)
    assert later.tzinfo is zone
    end = datetime.max.replace(tzinfo=UTC)
    assert later == min(end, datetime.max.replace(tzinfo=zone))


def test_the_very_edges_of_the_calendar() -> None:
    west = timezone(timedelta(hours=-5))
    edge = datetime.max.replace(tzinfo=west)
    assert RetryStrategy().next_retry_at(2, edge) == edge
    assert RetryStrategy().next_retry_at(1, datetime.min.replace(tzinfo=west)) == datetime.min.replace(tzinfo=west)
    with pytest.raises(OverflowError):
        RetryStrategy().next_retry_at(1, datetime.min.replace(tzinfo=timezone(timedelta(hours=5))))


def test_what_is_no_aware_datetime_is_refused() -> None:
    with pytest.raises(ValueError, match=r"now must be an aware datetime, not datetime\.datetime\(2026, 1, 1"):
        RetryStrategy().next_retry_at(1, datetime(2026, 1, 1))  # noqa: DTZ001
    for value in (None, 5.0, "2026-01-01", datetime(2026, 1, 1, tzinfo=UTC).date()):
        with pytest.raises(TypeError, match="now must be an aware datetime, not"):
            RetryStrategy().next_retry_at(1, value)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("key", "hashed"),
    [
        (b"7:2", b"7:2"),
        ("7:2", b"7:2"),
        ((7, 2), b"7:2"),
        (("7", "2"), b"7:2"),
        (7, b"7"),
        ("\xe9", b"\xc3\xa9"),
        ("\udc80", b"\xed\xb2\x80"),
        (("\xe9", None), b"\xc3\xa9:None"),
        ((b"a", 1), b"a:1"),
        ((), b""),
        (None, b"None"),
    ],
)
def test_the_jitter_is_the_documented_hash_of_the_key(key: object, hashed: bytes) -> None:
    strategy = RetryStrategy(9, 2.0, 1e6)
    for jitter in (0.0, 0.1, 1.0):
        expected = oracle.jittered_delay(4.0, 2.0, 1e6, jitter, hashed)
        assert bits(strategy.jittered_delay(3, key, jitter=jitter)) == bits(expected)


@given(st.binary(max_size=20), seconds, seconds, st.integers(0, 60), st.floats(0, 1))
def test_jittered_delays_are_those_of_the_oracle(
    key: bytes, base: float, cap: float, attempt_count: int, jitter: float
) -> None:
    strategy = RetryStrategy(9, base, cap, jitter=jitter)
    delay = strategy.get_retry_delay(attempt_count)
    expected = oracle.jittered_delay(delay, float(base), float(cap), jitter, key)
    jittered = strategy.jittered_delay(attempt_count, key)
    assert bits(jittered) == bits(expected) == bits(strategy.jittered_delay(attempt_count, key, jitter=jitter))
    assert bits(strategy.get_retry_delay(attempt_count)) == bits(delay)
    assert jittered <= max(cap, 0)


def test_jitter_spreads_jobs_that_fail_together_and_repeats_itself() -> None:
    strategy = RetryStrategy(9, 10.0, 300.0, jitter=0.1)
    delays = [strategy.jittered_delay(2, (primary_key, 1)) for primary_key in range(1000)]
    assert len(set(delays)) == 1000
    assert all(10.0 <= delay < 11.0 for delay in delays)
    for tenth in range(10):
        share = sum(10.0 + tenth / 10 <= delay < 10.0 + (tenth + 1) / 10 for delay in delays)
        assert 60 <= share <= 140
    assert delays == [strategy.jittered_delay(2, (primary_key, 1)) for primary_key in range(1000)]
    # The first retry follows at once, so it is spread over a share of the base.
    assert 0.0 <= strategy.jittered_delay(1, "key") < 1.0


@pytest.mark.parametrize(
    ("jitter", "error"), [(1.5, ValueError), (-0.1, ValueError), (math.nan, ValueError), ("1", TypeError)]
)
def test_a_bad_jitter_argument_is_refused_by_name(jitter: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="jitter must be a"):
        RetryStrategy().jittered_delay(2, "key", jitter=jitter)


def test_threads_set_and_read_parameters_side_by_side() -> None:
    strategy = RetryStrategy(9, 1.0, 1e9)
    delays: set[float] = set()

    def work(base: float) -> None:
        for _ in range(2000):
            strategy.base_delay = base
            delays.add(strategy.get_retry_delay(3))

    threads = [threading.Thread(target=work, args=(float(base),)) for base in (1, 2, 4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert delays <= {2.0, 4.0, 8.0}
