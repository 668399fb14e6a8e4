"""What is old and settled is removed; what somebody may still need stays, and both are said."""

from __future__ import annotations

from datetime import timedelta
from io import StringIO
from typing import TYPE_CHECKING, Any

import pytest
from django.core.management import CommandError, call_command
from job_retry.django.dead_letters import pruning
from job_retry.django.dead_letters.pruning import ACTIONS, ATTEMPTS, LETTERS, Pruning
from job_retry.django.history.models import BulkAction, DeadLetter, FailedAttempt
from job_retry.django.queue import JobQueueManager, get_queue_manager

from tests.app.models import ReportJob
from tests.dead_letters.support import dead
from tests.queue.support import manager_for

if TYPE_CHECKING:
    from datetime import datetime

pytestmark = pytest.mark.django_db

OLD, NEW = timedelta(days=100), timedelta(days=10)
LIMIT = timedelta(days=90)


def letters(
    manager: JobQueueManager, count: int, age: timedelta, state: str, job_status: str, **columns: Any
) -> list[DeadLetter]:
    """Letters that died so long ago and were settled at once."""
    moment = manager.clock() - age
    settled_at = None if state == "open" else moment
    return dead(
        manager, count, died_at=moment, job={"status": job_status}, state=state, settled_at=settled_at, **columns
    )


def bulk_action(moment: datetime, state: str = "done", **columns: Any) -> BulkAction:
    return BulkAction.objects.create(
        kind="discard",
        state=state,
        started_at=moment,
        stepped_at=moment,
        ended_at=None if state == "running" else moment,
        **{"selection": {}, **columns},
    )


def pruned(manager: JobQueueManager, **options: Any) -> Pruning:
    done = Pruning(manager.using, manager.clock() - LIMIT, **options)
    total = done.total()
    assert sum(done.run()) == total
    return done


def left() -> dict[str, int]:
    models = {LETTERS: DeadLetter, ATTEMPTS: FailedAttempt, ACTIONS: BulkAction}
    return {name: model.objects.count() for name, model in models.items()}


@pytest.mark.parametrize(
    ("age", "state", "job_status", "goes"),
    [
        (OLD, "requeued", "completed", True),
        (OLD, "requeued", "timeout", True),
        (OLD, "discarded", "cancelled", True),
        (NEW, "requeued", "completed", False),
        (OLD, "open", "failed", False),
        # Its job is not finished: its past may be asked for.
        (OLD, "requeued", "queued", False),
        (OLD, "requeued", "retrying", False),
        (OLD, "requeued", "running", False),
        (OLD, "requeued", "pending", False),
        (OLD, "requeued", "failed", False),
        # The letter has not been settled, whatever became of its job meanwhile.
        (OLD, "open", "completed", False),
    ],
)
def test_a_letter_goes_with_its_ledger_or_both_stay(age: timedelta, state: str, job_status: str, goes: bool) -> None:
    manager = manager_for()
    letters(manager, 3, age, state, job_status)
    done = pruned(manager)
    number = 0 if goes else 3
    assert left() == {LETTERS: number, ATTEMPTS: number, ACTIONS: 0}
    assert dict(done.removed) == ({(LETTERS, state): 3, (ATTEMPTS, ""): 3} if goes else {})
    assert manager.jobs().count() == 3


def test_open_letters_go_where_one_says_so_and_those_whose_jobs_run_do_not() -> None:
    manager = manager_for()
    letters(manager, 2, OLD, "open", "failed")
    letters(manager, 3, NEW, "open", "failed")
    letters(manager, 4, OLD, "requeued", "running")
    done = pruned(manager, include_open=True)
    assert done.removed == {(LETTERS, "open"): 2, (ATTEMPTS, ""): 2}
    assert done.kept == {(LETTERS, pruning.UNFINISHED): 4, (ATTEMPTS, pruning.UNFINISHED): 4}
    assert left() == {LETTERS: 7, ATTEMPTS: 7, ACTIONS: 0}
    assert manager.jobs().filter(status="failed").count() == 5


def test_a_job_that_died_again_keeps_its_whole_past() -> None:
    manager = manager_for()
    (past,) = letters(manager, 1, OLD, "requeued", "failed")
    again = DeadLetter.objects.get(pk=past.pk)
    again.pk, again.generation, again.state, again.settled_at = None, 2, "open", None
    again.save()
    assert pruned(manager).kept == {
        (LETTERS, pruning.OPEN): 1,
        (LETTERS, pruning.UNFINISHED): 1,
        (ATTEMPTS, pruning.UNFINISHED): 1,
    }
    # The job was deleted since, and nobody has looked: the letter is open, and the ledger is what tells of it.
    manager.jobs().all().delete()
    assert pruned(manager).kept == {
        (LETTERS, pruning.OPEN): 1,
        (LETTERS, pruning.WITH_OPEN_LETTER): 1,
        (ATTEMPTS, pruning.WITH_LETTER): 1,
    }
    assert left() == {LETTERS: 2, ATTEMPTS: 1, ACTIONS: 0}


def test_a_letter_that_was_settled_lately_keeps_its_ledger_however_old() -> None:
    manager = manager_for()
    made = letters(manager, 2, OLD, "discarded", "cancelled")
    DeadLetter.objects.filter(pk=made[0].pk).update(settled_at=manager.clock() - NEW)
    assert pruned(manager).kept == {(ATTEMPTS, pruning.WITH_LETTER): 1}
    assert list(DeadLetter.objects.values_list("failure", flat=True)) == [made[0].failure_id]


def test_attempts_of_jobs_that_never_died_go_once_the_job_has_ended() -> None:
    manager = manager_for()
    letters(manager, 2, OLD, "open", "completed")
    letters(manager, 3, OLD, "open", "retrying")
    DeadLetter.objects.all().delete()
    assert pruned(manager).removed == {(ATTEMPTS, ""): 2}
    assert FailedAttempt.objects.count() == 3


def test_the_history_of_jobs_and_models_that_are_gone_goes_too() -> None:
    manager = manager_for()
    letters(manager, 2, OLD, "discarded", "cancelled")
    letters(manager, 3, OLD, "discarded", "cancelled", job_model="gone.job")
    manager.jobs().all().delete()
    assert pruned(manager).removed == {(LETTERS, "discarded"): 5, (ATTEMPTS, ""): 5}


def test_jobs_whose_keys_are_no_numbers() -> None:
    reports = get_queue_manager("reports")
    letters(reports, 2, OLD, "discarded", "cancelled")
    letters(reports, 3, OLD, "requeued", "queued")
    letters(manager_for(), 4, OLD, "discarded", "cancelled")
    done = pruned(reports, model="app.reportjob")
    assert done.removed == {(LETTERS, "discarded"): 2, (ATTEMPTS, ""): 2}
    assert done.kept[(LETTERS, pruning.UNFINISHED)] == 3  # type: ignore[index]
    assert DeadLetter.objects.count() == 7


def test_bulk_actions_go_after_their_letters() -> None:
    manager = manager_for()
    old, new = manager.clock() - OLD, manager.clock() - NEW
    with_old, with_kept = bulk_action(old), bulk_action(old, "stopped")
    letters(manager, 2, OLD, "requeued", "completed", bulk_action=with_old)
    letters(manager, 2, OLD, "requeued", "queued", bulk_action=with_kept)
    put_back = bulk_action(old, "stopped")
    letters(manager, 1, NEW, "open", "failed", put_back_from=put_back)
    stay = [with_kept, put_back, bulk_action(old, "running"), bulk_action(new)]
    bulk_action(old, "stopped")
    promised = pruned(manager, dry_run=True)
    assert left() == {LETTERS: 5, ATTEMPTS: 5, ACTIONS: 6}
    done = pruned(manager)
    assert done.removed == promised.removed
    assert done.kept == promised.kept
    assert done.removed == {(LETTERS, "requeued"): 2, (ATTEMPTS, ""): 2, (ACTIONS, "done"): 1, (ACTIONS, "stopped"): 1}
    assert done.kept[(ACTIONS, pruning.WITH_LETTERS)] == 2  # type: ignore[index]
    assert set(BulkAction.objects.all()) == set(stay)


def test_one_queue_alone() -> None:
    manager = manager_for()
    old = manager.clock() - OLD
    letters(manager, 2, OLD, "discarded", "cancelled")
    letters(get_queue_manager("reports"), 3, OLD, "discarded", "cancelled")
    kept = [bulk_action(old), bulk_action(old, selection={"model": "app.reportjob"})]
    bulk_action(old, selection={"model": "app.containerjob"})
    pruned(manager, model="app.containerjob")
    assert left() == {LETTERS: 3, ATTEMPTS: 3, ACTIONS: 2}
    assert set(BulkAction.objects.all()) == set(kept)


def test_what_is_interrupted_goes_on_where_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pruning, "CHUNK_ROWS", 3)
    manager = manager_for()
    letters(manager, 10, OLD, "discarded", "cancelled")
    first = Pruning(manager.using, manager.clock() - LIMIT)
    assert next(first.run()) == 3
    assert first.removed == {(LETTERS, "discarded"): 3}
    assert left() == {LETTERS: 7, ATTEMPTS: 10, ACTIONS: 0}
    assert pruned(manager).removed == {(LETTERS, "discarded"): 7, (ATTEMPTS, ""): 10}
    assert pruned(manager).removed == {}


# The command


def called(*arguments: str) -> str:
    output = StringIO()
    call_command("prune_job_history", *arguments, stdout=output)
    return output.getvalue()


def test_the_command_says_what_it_removed_and_what_it_kept_and_why() -> None:
    manager = get_queue_manager()
    letters(manager, 2, OLD, "requeued", "completed")
    letters(manager, 3, OLD, "discarded", "cancelled")
    letters(manager, 4, OLD, "open", "failed")
    said = called("--older-than", "90d", "--dry-run")
    assert "would remove 5 dead letters: 3 discarded, 2 requeued\nwould remove 5 failed attempts\n" in said
    assert left() == {LETTERS: 9, ATTEMPTS: 9, ACTIONS: 0}
    assert called("--older-than", "90d").splitlines()[1:] == [
        "removed 5 dead letters: 3 discarded, 2 requeued",
        "removed 5 failed attempts",
        "kept 4 dead letters: open (--include-open removes them too)",
        "kept 4 failed attempts: of jobs that are not finished",
    ]
    assert "removed nothing" in called("--older-than", "90d")
    assert "removed 4 dead letters: 4 open" in called("--older-than", "90d", "--include-open")
    assert left() == {LETTERS: 0, ATTEMPTS: 0, ACTIONS: 0}


def test_the_command_on_one_queue() -> None:
    letters(get_queue_manager(), 2, OLD, "discarded", "cancelled")
    letters(get_queue_manager("reports"), 3, OLD, "discarded", "cancelled")
    assert "removed 3 dead letters" in called("--older-than", "12w", "--queue", "reports")
    assert ReportJob.objects.count() == 3
    assert left() == {LETTERS: 2, ATTEMPTS: 2, ACTIONS: 0}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "--older-than"),
        (["--older-than", "90"], "such as 90d, 12h, 2w or 30m, not '90'"),
        (["--older-than", "0d"], "not '0d'"),
        (["--older-than", "-5d"], "--older-than"),
        (["--older-than", "999999999999d"], "not '999999999999d'"),
        (["--older-than", "999999999d"], "the calendar does not go back that far"),
        (["--older-than", "1d", "--queue", "defualt"], "no queue 'defualt'. Queues: default, reports."),
    ],
)
def test_bad_arguments_are_refused_with_the_way_out(arguments: list[str], said: str) -> None:
    with pytest.raises(CommandError) as refused:
        called(*arguments)
    assert said in str(refused.value)
