"""A save never undoes what the queue has decided since the instance was loaded."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest
from django.core import serializers
from django.db import connection
from django.db.models.signals import post_save
from django.forms import modelform_factory
from django.test import TestCase
from django.utils import timezone
from job_retry.django.exceptions import StaleJob
from job_retry.django.protection import ENGINE_COLUMNS

from tests.app.models import BuildJob, ContainerJob, ReportJob, UrgentJob
from tests.queue.support import assert_shows_its_row, broken_invariants, manager_for, queued_job, row

pytestmark = pytest.mark.django_db


def engine_columns(job: Any) -> dict[str, Any]:
    return {name: getattr(row(job), name) for name in ENGINE_COLUMNS}


@pytest.fixture
def stale() -> ContainerJob:
    """A job as it was before a worker claimed it."""
    manager = manager_for()
    job = queued_job(manager, name="old name")
    before = row(job)
    manager.claim_next_batch(1)
    return before


def test_the_engine_owns_the_columns_that_the_contract_lists() -> None:
    user_settable = {"priority", "max_retries", "retry_strategy"}
    own = {field.attname for field in ContainerJob._meta.fields} - {"id", "name", "image", "command"}
    assert own - user_settable == ENGINE_COLUMNS


@pytest.mark.parametrize("fields", [None, ["name"], ["name", "status", "claim_token"], ["name", "priority"]])
def test_a_stale_save_of_other_columns_leaves_the_claim_alone(stale: ContainerJob, fields: list[str] | None) -> None:
    claimed = engine_columns(stale)
    stale.name, stale.priority = "new name", 90
    stale.save(update_fields=fields)
    assert row(stale).name == "new name"
    assert engine_columns(stale) == claimed


@pytest.mark.parametrize(
    ("name", "value"),
    [("status", "cancelled"), ("retry_count", 7), ("scheduled_for", timezone.now()), ("last_error", "mine")],
)
def test_a_stale_change_of_an_engine_column_is_refused(stale: ContainerJob, name: str, value: Any) -> None:
    claimed = engine_columns(stale)
    setattr(stale, name, value)
    stale.name = "new name"
    with pytest.raises(StaleJob) as refusal:
        stale.save()
    text = str(refusal.value)
    assert f"ContainerJob {stale.pk} has changed since it was loaded as 'queued'" in text
    assert f"Not saved: {name}" in text
    assert "refresh_from_db()" in text
    assert engine_columns(stale) == claimed
    assert row(stale).name == "old name"


def test_a_status_that_may_not_follow_is_refused_with_both_named() -> None:
    job = ContainerJob.objects.create()
    job.status = "completed"
    with pytest.raises(StaleJob, match=r"from pending to completed.*Nothing was written"):
        job.save()
    assert row(job).status == "pending"


def test_a_refused_transition_leaves_the_instance_as_it_was(stale: ContainerJob) -> None:
    before = {name: getattr(stale, name) for name in ENGINE_COLUMNS}
    with pytest.raises(StaleJob):
        stale.transition_to("cancelled")
    assert {name: getattr(stale, name) for name in ENGINE_COLUMNS} == before


def test_a_refusal_shows_the_status_of_a_job_that_was_never_reloaded() -> None:
    job = ContainerJob.objects.create()
    row(job).transition_to("cancelled")
    with pytest.raises(StaleJob, match="loaded as 'pending', or is gone"):
        job.transition_to("queued")


def test_after_a_refresh_the_change_can_be_made(stale: ContainerJob) -> None:
    stale.refresh_from_db()
    stale.transition_to("cancelled")
    assert row(stale).status == "cancelled"


def test_changes_one_after_the_other_by_one_instance_are_all_written() -> None:
    job = ContainerJob.objects.create()
    for status in ("queued", "retrying", "queued", "failed", "queued", "cancelled"):
        job.transition_to(status)
        assert row(job).status == status


def test_a_column_is_only_written_where_it_was_changed(django_assert_num_queries: Any) -> None:
    job = ContainerJob.objects.create()
    with django_assert_num_queries(1) as queries:
        job.save()
    statement = queries.captured_queries[0]["sql"]
    assert "name" in statement
    assert not [name for name in ENGINE_COLUMNS if f'"{name}"' in statement.partition("WHERE")[0]]


# How an instance can come to be


def test_deferred_columns_are_not_written() -> None:
    job = queued_job(manager_for())
    partly = ContainerJob.objects.only("name").get(pk=job.pk)
    partly.name = "new name"
    partly.save()
    assert (row(job).name, row(job).status) == ("new name", "queued")


@pytest.mark.parametrize("loaded", ["name", "status", "claim_token"])
def test_a_partly_loaded_job_can_make_a_transition(loaded: str) -> None:
    job = queued_job(manager_for())
    ContainerJob.objects.only(loaded).get(pk=job.pk).transition_to("cancelled")
    assert (row(job).status, row(job).queued_at) == ("cancelled", None)


@pytest.mark.parametrize("loaded", ["name", "status", "claim_token"])
def test_the_guards_that_a_query_left_out_are_not_guessed(loaded: str) -> None:
    job = queued_job(manager_for())
    partly = ContainerJob.objects.only(loaded).get(pk=job.pk)
    partly.status = "cancelled"
    with pytest.raises(StaleJob, match="was loaded without"):
        partly.save()
    assert row(job).status == "queued"


def test_an_instance_made_by_hand_for_an_existing_row_leaves_the_queue_alone() -> None:
    job = queued_job(manager_for())
    queued = engine_columns(job)
    ContainerJob(pk=job.pk, name="by hand", status="completed").save()
    assert engine_columns(job) == queued
    assert row(job).name == "by hand"


def test_a_deleted_job_does_not_come_back() -> None:
    job = queued_job(manager_for())
    ContainerJob.objects.filter(pk=job.pk).delete()
    for change in ({"name": "new"}, {"status": "cancelled"}, {}):
        for name, value in change.items():
            setattr(job, name, value)
        for fields in (None, ["status"], ["name"]):
            with pytest.raises(StaleJob, match="or is gone"):
                job.save(update_fields=fields)
    assert not ContainerJob.objects.exists()


def test_a_new_row_is_written_as_it_stands() -> None:
    job = ContainerJob(pk=77, status="queued", queued_at=timezone.now(), retry_count=2)
    job.save()
    assert (row(job).status, row(job).retry_count) == ("queued", 2)
    job.transition_to("cancelled")


@pytest.mark.parametrize("status", ["queued", "retrying", "running", "failed", "completed"])
@pytest.mark.parametrize("bulk", [False, True])
def test_a_new_row_has_the_times_that_go_with_its_status(status: str, bulk: bool) -> None:
    job = ContainerJob(status=status)
    if bulk:
        (job,) = ContainerJob.objects.bulk_create([job])
    else:
        job.save()
    assert broken_invariants(row(job)) == []
    assert_shows_its_row(job)


def test_a_copy_by_an_empty_key_is_a_row_of_its_own() -> None:
    job = queued_job(manager_for())
    job.pk, job.status, job.queued_at = None, "pending", None
    job.save()
    job.save()
    manager_for().queue_job(job)
    assert sorted(ContainerJob.objects.values_list("status", flat=True)) == ["queued", "queued"]


def by_an_empty_key(job: Any) -> Any:
    job.pk = None
    job.save()
    return job


def by_an_empty_key_as_new(job: Any) -> Any:
    job.pk, job.id, job._state.adding = None, None, True
    job.save()
    return job


def by_another_key(job: Any) -> Any:
    job.pk += 1000
    job.save(force_insert=True)
    return job


def by_bulk_create(job: Any) -> Any:
    job.pk = None
    return type(job).objects.bulk_create([job])[0]


@pytest.mark.parametrize("copied", [by_an_empty_key, by_an_empty_key_as_new, by_another_key, by_bulk_create])
@pytest.mark.parametrize("status", ["launching", "running"])
@pytest.mark.parametrize("loaded", ["claimed", "read"])
def test_a_copy_of_a_claimed_job_begins_as_a_new_job(copied: Any, status: str, loaded: str) -> None:
    manager = manager_for()
    queued_job(manager, name="one", retry_count=2, worker_losses=1, execution_id="container-7", last_error="old")
    (job,) = manager.claim_next_batch(1)
    if status == "running":
        job.transition_to(status)
    held = row(job)
    twin = copied(job if loaded == "claimed" else row(job))
    assert engine_columns(twin) == {name: ContainerJob._meta.get_field(name).get_default() for name in ENGINE_COLUMNS}
    assert row(twin).name == "one"
    assert_shows_its_row(twin)
    assert_shows_its_row(held)
    manager.queue_job(twin)
    assert manager.complete(held)


def test_a_copy_of_a_claimed_job_keeps_what_was_changed_for_it() -> None:
    manager = manager_for()
    queued_job(manager)
    (job,) = manager.claim_next_batch(1)
    job.pk, job.status, job.last_error = None, "queued", "mine"
    job.save()
    assert (row(job).status, row(job).last_error, row(job).claimed_by) == ("queued", "mine", "")
    assert broken_invariants(row(job)) == []
    assert_shows_its_row(job)


def test_a_copy_of_a_claimed_child_begins_as_a_new_job() -> None:
    job = BuildJob.objects.create(status="launching")
    job.pk = job.id = None
    job._state.adding = True
    job.save()
    assert sorted(BuildJob.objects.values_list("status", "claimed_by")) == [
        ("launching", row(BuildJob.objects.earliest("pk")).claimed_by),
        ("pending", ""),
    ]
    assert_shows_its_row(job)


def test_bulk_created_jobs_are_known() -> None:
    (job,) = ContainerJob.objects.bulk_create([ContainerJob(name="bulk")])
    job.transition_to("queued")
    assert row(job).status == "queued"


def test_update_or_create_makes_transitions_only() -> None:
    job = ContainerJob.objects.create(name="one")
    ContainerJob.objects.update_or_create(name="one", defaults={"status": "cancelled"})
    assert row(job).status == "cancelled"
    with pytest.raises(StaleJob, match="from cancelled to pending"):
        ContainerJob.objects.update_or_create(name="one", defaults={"status": "pending"})


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda job: pickle.loads(pickle.dumps(job))])
def test_copies_know_what_they_were_loaded_with_each_for_itself(copied: Any) -> None:
    job = ContainerJob.objects.create(name="one")
    twin = copied(job)
    job.transition_to("queued")
    twin.name = "two"
    twin.save()
    assert (row(job).status, row(job).name) == ("queued", "two")
    with pytest.raises(StaleJob):
        twin.transition_to("cancelled")


def test_a_form_that_posts_a_status_makes_a_transition(stale: ContainerJob) -> None:
    form_class = modelform_factory(ContainerJob, fields=["name", "status", "image"])
    form = form_class({"name": "new", "status": "queued", "image": "busybox"}, instance=row(stale))
    assert form.is_valid(), form.errors
    form.save()
    assert row(stale).name == "new"
    assert broken_invariants(row(stale)) == []


@pytest.mark.parametrize("fields", [None, ["status"]])
def test_a_status_set_by_hand_takes_its_columns_along(stale: ContainerJob, fields: list[str] | None) -> None:
    job = row(stale)
    job.status = "failed"
    job.save(update_fields=fields)
    assert broken_invariants(row(job)) == []
    assert_shows_its_row(job)
    job.status = "queued"
    job.queued_at = now = timezone.now()
    job.save(update_fields=fields)
    assert row(job).queued_at == now
    assert broken_invariants(row(job)) == []
    assert_shows_its_row(job)


def test_a_fixture_is_loaded_as_it_stands() -> None:
    job = queued_job(manager_for(), name="one")
    text = serializers.serialize("json", [row(job)])
    row(job).transition_to("cancelled")
    for restored in serializers.deserialize("json", text):
        restored.save()
    assert row(job).status == "queued"


def test_a_receiver_that_saves_again_is_no_trouble() -> None:
    def save_again(sender: Any, instance: Any, created: bool, **kwargs: Any) -> None:
        if not created and instance.name != "saved twice":
            instance.name = "saved twice"
            instance.save()

    job = ContainerJob.objects.create()
    post_save.connect(save_again, sender=ContainerJob)
    try:
        job.transition_to("queued")
    finally:
        post_save.disconnect(save_again, sender=ContainerJob)
    assert (row(job).status, row(job).name) == ("queued", "saved twice")


@pytest.mark.parametrize("model", [UrgentJob, BuildJob])
def test_proxies_and_children_are_protected_too(model: Any) -> None:
    job = model.objects.create(name="one")
    stale = model.objects.get(pk=job.pk)
    job.transition_to("queued")
    stale.name = "two"
    stale.save()
    assert (row(job).status, row(job).name) == ("queued", "two")


@pytest.mark.django_db(transaction=True)
def test_a_refused_save_of_a_child_writes_neither_table() -> None:
    job = BuildJob.objects.create(name="one")
    stale = BuildJob.objects.get(pk=job.pk)
    job.transition_to("queued")
    stale.status, stale.platform = "cancelled", "linux/arm64"
    with pytest.raises(StaleJob):
        stale.save()
    assert (row(job).status, row(job).platform) == ("queued", "linux/amd64")


def test_a_key_that_is_no_number() -> None:
    ReportJob(slug="monthly").save()
    stale = ReportJob.objects.get()
    ReportJob.objects.get().transition_to("queued")
    stale.save()
    assert ReportJob.objects.get().status == "queued"


# Several databases


@pytest.mark.django_db(databases=["default", "other"])
@pytest.mark.parametrize("bulk", [False, True])
def test_a_claimed_job_moves_to_another_database_as_it_stands(bulk: bool) -> None:
    manager = manager_for()
    queued_job(manager)
    (job,) = manager.claim_next_batch(1)
    token = job.claim_token
    if bulk:
        ContainerJob.objects.using("other").bulk_create([row(job)])
    else:
        job.save(using="other")
    assert ContainerJob.objects.using("other").get().claim_token == row(job).claim_token == token


@pytest.mark.django_db(databases=["default", "other"])
def test_a_job_can_be_copied_to_another_database_and_back() -> None:
    job = queued_job(manager_for(), name="one")
    job.save(using="other")
    assert ContainerJob.objects.using("other").get().status == "queued"
    row(job).transition_to("cancelled")
    there = ContainerJob.objects.using("other").get()
    there.name = "two"
    there.save(using="default")
    assert (row(job).status, row(job).name) == ("cancelled", "two")


class WriteToDefault:
    """Reads from the other database, a replica; writes to the default one."""

    def db_for_read(self, *args: Any, **hints: Any) -> str:
        return "other"

    def db_for_write(self, *args: Any, **hints: Any) -> str:
        return "default"


@pytest.mark.django_db(databases=["default", "other"])
def test_a_job_read_from_a_replica_is_protected_on_the_primary(settings: Any) -> None:
    job = ContainerJob.objects.create(name="one")
    job.save(using="other")
    settings.DATABASE_ROUTERS = [WriteToDefault()]
    first, second = ContainerJob.objects.get(), ContainerJob.objects.get()
    assert first._state.db == "other"
    first.transition_to("queued")
    assert ContainerJob.objects.using("default").get().status == "queued"
    with pytest.raises(StaleJob):
        second.transition_to("cancelled")
    ContainerJob.objects.using("default").all().delete()
    with pytest.raises(StaleJob):
        second.save()


class InATransactionTests(TestCase):
    def test_a_refused_save_does_not_condemn_the_transaction(self) -> None:
        job = ContainerJob.objects.create()
        stale = row(job)
        job.transition_to("queued")
        with pytest.raises(StaleJob):
            stale.transition_to("cancelled")
        assert connection.in_atomic_block
        assert row(job).status == "queued"
