"""What people call the jobs that dead letters are of."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from django.utils.text import capfirst

from job_retry.django.history.keys import job_pk, model_of
from job_retry.django.querysets import JobQuerySet

if TYPE_CHECKING:
    from collections.abc import Iterable

    from job_retry.django.history.models import OfJob


def model_name(label: str) -> str:
    """Return the name of a job model; its label where the project no longer has it."""
    model = model_of(label)
    return label if model is None else capfirst(str(model._meta.verbose_name))


def jobs_of(rows: Iterable[OfJob], using: str) -> dict[tuple[str, str], Any]:
    """Return the jobs that ``rows`` are of, by model and key, in one query for each model; those that still exist."""
    keys: dict[str, dict[Any, str]] = defaultdict(dict)
    for row in rows:
        model = model_of(row.job_model)
        pk = None if model is None else job_pk(model, row.job_key)
        if pk is not None:
            keys[row.job_model][pk] = row.job_key
    found: dict[tuple[str, str], Any] = {}
    for label, of_model in keys.items():
        jobs: Iterable[Any] = JobQuerySet(model_of(label), using=using).filter(pk__in=of_model)
        found |= {(label, of_model[job.pk]): job for job in jobs}
    return found


def job_of(label: str, key: str, using: str) -> Any:
    """Return the job behind a label and a key; None where there is none (any more)."""
    model = model_of(label)
    pk = None if model is None else job_pk(model, key)
    return None if pk is None else JobQuerySet(model, using=using).filter(pk=pk).first()


def job_title(label: str, key: str, job: Any) -> str:
    """Return what a job is called, whether it still exists or not."""
    name = key if job is None else str(job)
    return f"{model_name(label)} {key}" if name == key else f"{model_name(label)} {key}: {name}"
