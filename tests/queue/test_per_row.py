"""One statement that gives each of many rows values of its own."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection, models
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from job_retry.django.per_row import PerRow, per_row

from tests.app.models import BuildJob, ContainerJob, ReportJob
from tests.queue.support import row

pytestmark = pytest.mark.django_db

NOW = timezone.now()

# What a column of the queue may hold; the errors are cleaned before, of NUL and lone surrogates.
COLUMNS: dict[str, list[Any]] = {
    "last_error": [
        "plain",
        "",
        None,
        'it\'s "quoted" \\ back\\slashed \\u0041 %s %% {} $1 ?',
        "line\nbreak\ttab \x01 \x7f",
        "ünï中\U0001f600 \u2028",
        "null",
        "{" * 50 + "[" * 50,
        "x" * 70_000,
    ],
    "scheduled_for": [NOW, NOW + timedelta(microseconds=1), NOW - timedelta(days=40_000), None],
    "claim_token": [uuid4(), UUID(int=0), None],
    "retry_count": [0, 1, 2**31 - 1],
    "claimed_by": ["host:1:a", "", "true"],
}


def written(model: Any, column: str, values: dict[Any, Any]) -> dict[Any, Any]:
    """Return what stands in the rows after ``values`` were written."""
    rows = model.objects.filter(pk__in=values)
    assert rows.update(**{column: PerRow(values, model._meta.get_field(column))}) == len(values)
    return dict(rows.values_list("pk", column))


@pytest.mark.parametrize("column", COLUMNS)
@pytest.mark.parametrize("model", [ContainerJob, BuildJob])
def test_each_row_gets_its_own_value(model: Any, column: str) -> None:
    jobs = [model.objects.create() for _ in COLUMNS[column]]
    bystander = model.objects.create(**{column: COLUMNS[column][0]})
    values = dict(zip((job.pk for job in jobs), COLUMNS[column], strict=True))
    assert written(model, column, values) == values
    assert model.objects.values_list(column, flat=True).get(pk=bystander.pk) == COLUMNS[column][0]


@pytest.mark.parametrize("key", ["plain", "it's", 'a"b', "a\\b", "$.x", "ü中", "null", "%s", "a b", ""])
def test_a_key_may_be_any_text(key: str) -> None:
    ReportJob.objects.bulk_create([ReportJob(slug=key), ReportJob(slug=f"{key}-")])
    values = {key: "one", f"{key}-": "other"}
    assert written(ReportJob, "last_error", values) == values


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(texts=st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0")), min_size=2, max_size=5))
def test_any_text_is_written_as_it_is(texts: list[str]) -> None:
    jobs = [ContainerJob.objects.create() for _ in texts]
    values = dict(zip((job.pk for job in jobs), texts, strict=True))
    assert written(ContainerJob, "last_error", values) == values


def test_a_row_without_a_value_of_its_own_matches_nothing() -> None:
    known, other = ContainerJob.objects.create(attempt_serial=1), ContainerJob.objects.create(attempt_serial=1)
    expected = PerRow({known.pk: 1}, ContainerJob._meta.get_field("attempt_serial"))
    found = ContainerJob.objects.filter(pk__in=[known.pk, other.pk], attempt_serial=expected)
    assert list(found) == [known]


def test_a_text_that_is_too_long_is_refused_and_not_cut() -> None:
    if connection.vendor == "sqlite":
        pytest.skip("SQLite's texts have no limit")
    job = ContainerJob.objects.create()
    with pytest.raises(Exception, match=r"too long") as raised:
        written(ContainerJob, "execution_id", {job.pk: "x" * 256})
    assert type(raised.value).__name__ == "DataError"


class Doubled(models.PositiveIntegerField):
    """A field whose values have a form of their own in the database, for which JSON has none."""

    def get_db_prep_save(self, value: Any, connection: Any) -> Any:
        return Decimal(2 * value)


def test_a_field_of_the_projects_own_is_written_as_it_would_be_by_itself() -> None:
    field = Doubled()
    field.set_attributes_from_name("retry_count")
    jobs = [ContainerJob.objects.create(), ContainerJob.objects.create()]
    ContainerJob.objects.update(retry_count=PerRow({jobs[0].pk: 3, jobs[1].pk: 4}, field))
    assert [row(job).retry_count for job in jobs] == [6, 8]


def test_rows_of_one_value_need_no_choice() -> None:
    field = ContainerJob._meta.get_field("retry_count")
    assert per_row({1: 5, 2: 5}, field) == 5
    assert isinstance(per_row({1: 5, 2: 6}, field), PerRow)
