"""What is shown of a bulk action before it begins."""

from __future__ import annotations

import pytest
from job_retry.django.dead_letters import preview as module
from job_retry.django.dead_letters.preview import preview
from job_retry.django.dead_letters.selection import Selection
from job_retry.django.history.models import BulkAction, DeadLetter
from job_retry.django.queue import get_queue_manager
from job_retry.django.states import Status

from tests.dead_letters.support import dead, job_of

pytestmark = pytest.mark.django_db

Kind = BulkAction.Kind


def test_groups_and_models_are_counted_the_largest_group_first() -> None:
    manager = get_queue_manager()
    dead(manager, 2, "not now:\npermission denied")
    dead(manager, 3, lambda number: f"host 10.0.0.{number} refused the connection")
    dead(get_queue_manager("reports"), 1, "", failure=None)
    dead(manager, 5, "settled", state=DeadLetter.State.DISCARDED)
    shown = preview("default", Selection(), Kind.REQUEUE)
    assert (shown.total, shown.group_count) == (6, 3)
    assert [(group.number, group.sample) for group in shown.groups] == [
        (3, "host 10.0.0.2 refused the connection"),
        (2, "permission denied"),
        (1, ""),
    ]
    assert shown.models == {"app.containerjob": 5, "app.reportjob": 1}
    assert (shown.skipped, shown.examined) == ({}, 6)
    assert preview("default", Selection(model="app.reportjob"), Kind.REQUEUE).total == 1


@pytest.mark.parametrize(
    ("kind", "skipped"),
    [
        (Kind.REQUEUE, {"the job is gone": 2, "the job is pending": 1, "no queue has the model auth.user": 1}),
        (Kind.DISCARD, {"the job is pending": 1, "no queue has the model auth.user": 1}),
    ],
)
def test_what_will_be_left_is_told_with_the_reason(kind: str, skipped: dict[str, int]) -> None:
    manager = get_queue_manager()
    gone, pending, foreign, unserved, _ = dead(manager, 5)
    job_of(gone, manager).delete()
    manager.jobs().filter(pk=pending.job_key).update(status=Status.PENDING)
    DeadLetter.objects.filter(pk=foreign.pk).update(job_model="shop.order")
    DeadLetter.objects.filter(pk=unserved.pk).update(job_model="auth.user")
    assert preview("default", Selection(), kind).skipped == skipped


def test_of_very_many_letters_not_all_jobs_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    manager = get_queue_manager()
    letters = dead(manager, 7)
    manager.jobs().filter(pk__in=[letter.job_key for letter in letters]).update(status=Status.PENDING)
    monkeypatch.setattr(module.bulk, "CHUNK_LETTERS", 2)
    monkeypatch.setattr(module, "EXAMINED_LETTERS", 5)
    shown = preview("default", Selection(), Kind.REQUEUE)
    assert (shown.total, shown.examined, shown.skipped) == (7, 5, {"the job is pending": 5})


def test_of_very_many_groups_the_largest_are_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = {"alpha": 3, "beta": 1, "gamma": 2}
    for error, number in numbers.items():
        dead(get_queue_manager(), number, error)
    monkeypatch.setattr(module, "SHOWN_GROUPS", 2)
    shown = preview("default", Selection(), Kind.REQUEUE)
    assert ([group.sample for group in shown.groups], shown.group_count) == (["alpha", "gamma"], 3)


def test_of_a_traceback_the_line_is_shown_that_tells() -> None:
    dead(get_queue_manager(), 1, "Traceback (most recent call last):\n  File x\nValueError: no such mill\n\n")
    (group,) = preview("default", Selection(), Kind.REQUEUE).groups
    assert group.sample == "ValueError: no such mill"


def test_settled_letters_cannot_be_asked_for() -> None:
    with pytest.raises(ValueError, match="not those that are requeued"):
        preview("default", Selection(state="requeued"), Kind.REQUEUE)
