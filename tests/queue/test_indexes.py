"""The indexes of a job table: what Django and each database make of them."""

from __future__ import annotations

from contextlib import contextmanager
from io import StringIO
from typing import TYPE_CHECKING, Any

import pytest
from django.apps import apps
from django.core.checks import run_checks
from django.core.management import call_command
from django.db import connection, models
from django.db.migrations.autodetector import MigrationAutodetector
from django.db.migrations.state import ModelState, ProjectState
from django.db.migrations.writer import MigrationWriter
from django.test.utils import isolate_apps
from job_retry.django.indexes import ClaimedIndex, FailedIndex, StatusIndex, WaitingIndex
from job_retry.django.models import RetryableJob

from tests.app.models import ContainerJob

if TYPE_CHECKING:
    from collections.abc import Iterator

CONDITIONAL = connection.features.supports_partial_indexes
INDEXES: list[type[StatusIndex]] = [WaitingIndex, ClaimedIndex, FailedIndex]


def state_of(*model_classes: Any) -> ProjectState:
    """Return what migrations know of models."""
    state = ProjectState()
    for model in model_classes:
        state.add_model(ModelState.from_model(model))
    return state


def indexes_of(table: str) -> dict[str, list[str]]:
    """Return the names of a table's indexes and the columns that the database says they have."""
    with connection.cursor() as cursor:
        found = connection.introspection.get_constraints(cursor, table)
    return {name: row["columns"] for name, row in found.items() if name.endswith("_idx")}


@contextmanager
def job_table(**columns: Any) -> Iterator[Any]:
    """Have the table of a job model of a very long name, which has ``columns`` besides."""
    with isolate_apps("tests.app"):
        body = {"__module__": "tests.app.models", "Meta": type("Meta", (RetryableJob.Meta,), {"app_label": "app"})}
        name = "JobThatHasAQuiteRemarkablyLongNameEvenAmongTheJobsOfItsKind"
        model: Any = type(name, (RetryableJob,), body | columns)
        with connection.schema_editor() as editor:
            editor.create_model(model)
        try:
            yield model
        finally:
            with connection.schema_editor() as editor:
                editor.delete_model(model)


def test_no_check_warns_of_the_indexes() -> None:
    models_of_jobs = [model for model in apps.get_models() if issubclass(model, RetryableJob)]
    assert models_of_jobs
    found = run_checks(app_configs=apps.get_app_configs(), databases=["default"])
    assert [message for message in found if message.obj in models_of_jobs] == []


@pytest.mark.django_db
def test_migrations_are_stable() -> None:
    call_command("makemigrations", check=True, dry_run=True, stdout=StringIO())


@pytest.mark.parametrize("index_class", INDEXES)
def test_an_index_survives_its_migration(index_class: type[StatusIndex]) -> None:
    index = index_class(name="some_idx", db_tablespace="fast")
    path, arguments, options = index.deconstruct()
    assert path == f"job_retry.django.indexes.{index_class.__name__}"
    assert index_class(*arguments, **options) == index == index.clone()
    source, imports = MigrationWriter.serialize(index)
    scope: dict[str, Any] = {}
    exec("\n".join(imports), scope)
    assert eval(source, scope) == index


@isolate_apps("tests.app")
def test_what_a_migration_makes_of_a_new_model_is_what_the_model_asks_for() -> None:
    class Job(RetryableJob):
        class Meta(RetryableJob.Meta):
            app_label = "app"

    made = ProjectState()
    (migration,) = MigrationAutodetector(made, state_of(Job))._detect_changes()["app"]
    for operation in migration.operations:
        operation.state_forwards("app", made)
    assert {type(index) for index in made.models["app", "job"].options["indexes"]} == set(INDEXES)
    assert not MigrationAutodetector(made, state_of(Job))._detect_changes()


@pytest.mark.django_db(transaction=True)
def test_the_names_fit_whatever_the_class_is_called() -> None:
    with job_table() as model:
        names = [index.name for index in model._meta.indexes]
        assert all(len(name) <= 30 for name in names)
        assert set(indexes_of(model._meta.db_table)) == set(names)


@pytest.mark.django_db(transaction=True)
def test_the_indexes_survive_a_rebuilt_table() -> None:
    with job_table() as model:
        before = indexes_of(model._meta.db_table)
        wide = models.CharField(max_length=5, default="m", unique=True)
        wide.set_attributes_from_name("size")
        with connection.schema_editor() as editor:
            editor.add_field(model, wide)  # with a default, which SQLite adds by making the table anew
        assert indexes_of(model._meta.db_table) == before


@pytest.mark.django_db(transaction=True)
def test_the_indexes_survive_a_renamed_table() -> None:
    with job_table() as model:
        before = indexes_of(model._meta.db_table)
        old, new = model._meta.db_table, "app_renamed"
        with connection.schema_editor() as editor:
            editor.alter_db_table(model, old, new)
        try:
            assert indexes_of(new) == before
        finally:
            with connection.schema_editor() as editor:
                editor.alter_db_table(model, new, old)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("index_class", INDEXES)
def test_an_index_can_be_renamed_removed_and_added(index_class: type[StatusIndex]) -> None:
    with job_table() as model:
        table = model._meta.db_table
        (index,) = [index for index in model._meta.indexes if type(index) is index_class]
        renamed = index.clone()
        renamed.name = "another_idx"
        before = indexes_of(table)
        with connection.schema_editor() as editor:
            editor.rename_index(model, index, renamed)
        assert indexes_of(table) == {renamed.name if name == index.name else name: before[name] for name in before}
        with connection.schema_editor() as editor:
            editor.remove_index(model, renamed)
        assert indexes_of(table) == {name: before[name] for name in before if name != index.name}
        with connection.schema_editor() as editor:
            editor.add_index(model, index)
        assert indexes_of(table) == before


@pytest.mark.skipif(not CONDITIONAL, reason="needs a database with conditional indexes")
@pytest.mark.parametrize(
    ("index_class", "statuses"),
    [(WaitingIndex, ["queued", "retrying"]), (ClaimedIndex, ["launching", "running"]), (FailedIndex, ["failed"])],
)
def test_an_index_has_only_its_statuses(index_class: type[StatusIndex], statuses: list[str]) -> None:
    index = index_class(name="some_idx")
    sql = str(index.create_sql(ContainerJob, connection.schema_editor()))
    condition = sql.partition(" WHERE ")[2]
    assert [status for status in RetryableJob.Status.values if f"'{status}'" in condition] == sorted(
        statuses, key=RetryableJob.Status.values.index
    )
    assert "lease_expires_at" not in sql  # a renewal changes no index


@isolate_apps("tests.app")
def test_a_child_of_a_child_leaves_the_indexes_to_its_first_parent() -> None:
    class Parent(RetryableJob):
        class Meta(RetryableJob.Meta):
            app_label = "app"

    class Child(Parent):
        class Meta:
            app_label = "app"

    class Grandchild(Child):
        class Meta:
            app_label = "app"

    assert len(Parent._meta.indexes) == len(INDEXES)
    assert Child._meta.indexes == Grandchild._meta.indexes == []
    assert [message for model in (Parent, Child, Grandchild) for message in model.check(databases=["default"])] == []
