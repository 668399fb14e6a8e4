"""A selection in the address of a page."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from django.conf import settings
from django.http import QueryDict
from django.utils.timezone import make_aware, make_naive
from hypothesis import given
from hypothesis import strategies as st
from job_retry.django.admin.dead_letters.choice import PERIODS, database_of, query_of, selection_of
from job_retry.django.dead_letters.selection import Selection

NOON = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)
NOW = NOON if settings.USE_TZ else make_naive(NOON)

TEXTS = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"])).map(str.strip)
MOMENTS = st.datetimes(NOW.replace(year=1971, tzinfo=None), NOW.replace(year=2037, tzinfo=None)).map(
    lambda moment: make_aware(moment, timezone.utc) if settings.USE_TZ else moment
)
SELECTIONS = st.builds(
    Selection,
    model=TEXTS,
    state=st.sampled_from(["open", "requeued", "discarded", ""]),
    fingerprint=st.none() | TEXTS,
    verdict=TEXTS,
    rule=TEXTS,
    reason=TEXTS,
    strategy=TEXTS,
    exception_class=TEXTS,
    died_from=st.none() | MOMENTS,
    died_until=st.none() | MOMENTS,
    search=TEXTS,
    ids=st.none() | st.lists(st.integers(0, 2**63 - 1), unique=True).map(tuple),
)


@given(SELECTIONS, st.dictionaries(st.sampled_from(["image", "name", "owner__name"]), TEXTS.filter(bool)))
def test_a_selection_comes_through_an_address_unchanged(selection: Selection, fields: dict[str, str]) -> None:
    if fields:
        selection = selection.only(model=selection.model or "app.containerjob", fields=fields)
    assert selection_of(QueryDict(query_of(selection))) == selection


@pytest.mark.parametrize(
    ("query", "conditions"),
    [
        ("", {}),
        ("model=&verdict=&rule=&search=%20&died_from=&period=&page=2&tab=known", {}),
        ("state=", {"state": ""}),
        ("fingerprint=", {"fingerprint": ""}),
        ("search=%20connection%20refused%20", {"search": "connection refused"}),
        ("ids=3&ids=1,2&ids=3", {"ids": (3, 1, 2)}),
        ("ids=", {"ids": ()}),
        ("period=hour", {"died_from": NOW - timedelta(hours=1)}),
        *((f"period={period.key}", {"died_from": NOW - period.length}) for period in PERIODS),
        # The only model that names the field.
        ("field.image=busybox", {"model": "app.containerjob", "fields": {"image": "busybox"}}),
    ],
)
def test_what_is_left_empty_is_no_condition(query: str, conditions: dict[str, Any]) -> None:
    assert selection_of(QueryDict(query), NOW) == Selection(**conditions)


def test_a_time_without_a_zone_is_local_time() -> None:
    selection = selection_of(QueryDict("died_from=2026-03-01T13:00&died_until=2026-03-01T12:30:00%2B00:00"))
    half_past = NOW + timedelta(minutes=30)
    assert (selection.died_from, selection.died_until) == (NOW, half_past)  # 13:00 in Berlin is noon in UTC


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("died_from=yesterday", "died_from is 'yesterday', which is no date and time such as 2026-03-01T12:00"),
        ("died_until=2026-02-30T12:00", "died_until is '2026-02-30T12:00'"),
        ("period=year", "period is 'year'. Periods: hour, day, week, month"),
        ("ids=1,x", "ids has 'x', which is no key of a dead letter"),
        (f"ids={2**63}", "which is no key of a dead letter"),
        ("rule=a%00b", "rule: no text of a dead letter has NUL characters"),
        ("field.command=rm", "command: dead_letter_fields of no job model name these; choose a job model, too"),
    ],
)
def test_what_is_wrong_with_an_address_is_said(query: str, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        selection_of(QueryDict(query), NOW)


def test_the_database_is_that_of_the_first_queue() -> None:
    assert database_of(QueryDict("")) == "default"
    assert database_of(QueryDict("model=app.reportjob")) == "default"
    with pytest.raises(ValueError, match=r"database is 'elsewhere', which no queue is in\. Databases: default"):
        database_of(QueryDict("database=elsewhere"))
