"""How the app's tables name a job: its model's label, and its primary key as the database casts it to text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.db import connections
from django.db.models import Model, TextField
from django.db.models.functions import Cast

if TYPE_CHECKING:
    from django.db.models import QuerySet


def model_label(model: type[Model]) -> str:
    """Return the label under which the jobs of ``model`` are kept: that of the model whose table has their status."""
    try:
        owner = model._meta.get_field("status").model
    except FieldDoesNotExist:  # a model of another kind of job
        owner = model._meta.concrete_model or model
    label: str = owner._meta.label_lower
    return label


def model_of(label: str) -> type[Any] | None:
    """Return the model behind a label; None where the project no longer has it."""
    try:
        return apps.get_model(label)
    except (LookupError, ValueError):
        return None


def job_key(using: str, model: type[Model], pk: Any) -> str:
    """Return the text that stands for a job's primary key in the database ``using``."""
    # As the database has it: a UUID has dashes in some and none in others.
    return str(model._meta.pk.get_db_prep_value(pk, connections[using]))


def job_pk(model: type[Model], key: str) -> Any:
    """Return the primary key behind a text; None where it can be none of this model's."""
    try:
        return model._meta.pk.to_python(key)
    except ValidationError:
        return None


def keys_of(jobs: QuerySet[Any]) -> QuerySet[Any, Any]:
    """Return the texts that stand for the primary keys of ``jobs``, as a subquery."""
    return jobs.order_by().values(key=Cast("pk", TextField()))
