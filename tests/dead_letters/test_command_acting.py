"""``manage.py dead_letters`` requeues, discards and puts back: asked for, shown first, stopped and gone on with."""

from __future__ import annotations

import json
import os
import signal
import sys
from io import StringIO
from typing import TYPE_CHECKING, Any

import pytest
from django.core.management import CommandError, call_command
from job_retry.django import signals
from job_retry.django.dead_letters import bulk
from job_retry.django.history.models import BulkAction, DeadLetter
from job_retry.django.queue import get_queue_manager

from tests.app.models import ContainerJob
from tests.dead_letters.support import dead, job_of

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.django_db

REFUSED = "dial tcp 10.0.0.7:5432: connection refused"
MISSING = "no such image: catalogue:7"


def called(*arguments: str) -> str:
    output = StringIO()
    call_command("dead_letters", *arguments, stdout=output)
    return output.getvalue()


def states() -> dict[str, int]:
    found = DeadLetter.objects.values_list("state", flat=True)
    return {state: list(found).count(state) for state in sorted(set(found))}


@pytest.fixture
def letters() -> dict[str, list[DeadLetter]]:
    queue = get_queue_manager()
    return {"refused": dead(queue, 5, REFUSED), "missing": dead(queue, 3, MISSING, rule="docker/missing")}


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk.run, "__defaults__", (None, 2))
    monkeypatch.setattr(bulk.put_back, "__defaults__", (None, 2))


@pytest.fixture
def interrupted() -> Iterator[None]:
    """Whoever looks on says stop when a job is requeued, as Ctrl-C does."""

    def interrupt(**_kwargs: Any) -> None:
        signals.job_requeued.disconnect(interrupt)
        os.kill(os.getpid(), signal.SIGINT)

    signals.job_requeued.connect(interrupt, weak=False)
    yield
    signals.job_requeued.disconnect(interrupt)


def test_a_group_is_requeued_and_the_rest_stays(letters: dict[str, list[DeadLetter]]) -> None:
    said = called("requeue", "--fingerprint", letters["refused"][0].fingerprint, "--yes")
    action = BulkAction.objects.get()
    assert f"5  {letters['refused'][0].fingerprint}" in said
    assert "5 open dead letters (5 of app.containerjob)\n1 groups\n" in said
    assert f"Bulk action {action.pk}: 5 of 5 dead letters requeued." in said
    assert states() == {"open": 3, "requeued": 5}
    assert set(ContainerJob.objects.filter(status="queued").values_list("retry_count", flat=True)) == {3}


def test_how_they_are_requeued(letters: dict[str, list[DeadLetter]]) -> None:
    how = ["--fresh-count", "--new-strategy", "aggressive", "--new-priority", "70", "--spread-minutes", "10"]
    called("requeue", "--rule", "docker/missing", *how, "--note", "the registry is back", "--by", "kim", "--yes")
    action = BulkAction.objects.get()
    assert (action.started_by, action.note, action.spread_seconds) == ("kim", "the registry is back", 600.0)
    jobs = [job_of(letter, get_queue_manager()) for letter in letters["missing"]]
    assert {(job.retry_count, job.retry_strategy, job.priority) for job in jobs} == {(0, "aggressive", 70)}
    due = [job.scheduled_for for job in jobs]
    assert [(later - due[0]).total_seconds() for later in due] == [0, 200, 400]
    assert set(DeadLetter.objects.filter(state="requeued").values_list("settled_by", flat=True)) == {"kim"}


def test_a_discard_keeps_why_and_by_whom(letters: dict[str, list[DeadLetter]]) -> None:
    one = letters["missing"][0]
    called("discard", str(one.pk), "--note", "nobody needs it", "--yes")
    one.refresh_from_db()
    assert (one.state, one.note) == ("discarded", "nobody needs it")
    assert one.settled_by.startswith("manage.py")
    assert job_of(one, get_queue_manager()).status == "cancelled"
    assert states() == {"discarded": 1, "open": 7}


def test_a_dry_run_only_shows(letters: dict[str, list[DeadLetter]]) -> None:
    assert called("requeue", "--all", "--dry-run").endswith("8 open dead letters (8 of app.containerjob)\n2 groups\n")
    shown = json.loads(called("discard", "--all", "--note", "x", "--dry-run", "--json"))
    assert (shown["total"], shown["group_count"], shown["groups"][0]["number"]) == (8, 2, 5)
    assert states() == {"open": 8}
    assert not BulkAction.objects.exists()


def test_json_is_the_result_alone(letters: dict[str, list[DeadLetter]]) -> None:
    done = json.loads(called("requeue", "--all", "--yes", "--json"))
    assert (done["kind"], done["state"], done["total"], done["done"], done["skipped"]) == ("requeue", "done", 8, 8, {})
    nothing = json.loads(called("requeue", "--all", "--yes", "--json"))
    assert (nothing["total"], nothing["groups"]) == (0, [])


def test_what_is_skipped_is_said_with_the_reason(letters: dict[str, list[DeadLetter]]) -> None:
    get_queue_manager().jobs().filter(pk=letters["missing"][0].job_key).update(status="completed")
    said = called("requeue", "--all", "--yes")
    assert "of 8 looked at, will be skipped 1: the job is completed" in said
    assert "7 of 8 dead letters requeued" in said
    assert "skipped 1: the job is completed" in said


class Typed(StringIO):
    """What somebody types at a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("typed", "is_done"), [("y\n", True), ("YES\n", True), ("n\n", False), ("\n", False), ("", False)]
)
@pytest.mark.usefixtures("letters")
def test_on_a_terminal_it_shows_what_it_will_touch_and_asks_once(
    typed: str, is_done: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", Typed(typed))
    shown, asked = StringIO(), StringIO()
    if is_done:
        call_command("dead_letters", "requeue", "--all", stdout=shown, stderr=asked)
    else:
        with pytest.raises(CommandError, match=r"^Nothing was done\.$"):
            call_command("dead_letters", "requeue", "--all", stdout=shown, stderr=asked)
    assert "8 open dead letters (8 of app.containerjob)\n2 groups\n" in shown.getvalue()
    assert asked.getvalue() == "Requeue 8 dead letters? [y/N] "
    assert states() == ({"requeued": 8} if is_done else {"open": 8})


def test_what_dies_while_somebody_is_asked_is_not_touched(
    letters: dict[str, list[DeadLetter]], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Slow(Typed):
        def readline(self, *_arguments: Any) -> str:
            dead(get_queue_manager(), 2, REFUSED)
            return "y\n"

    monkeypatch.setattr(sys, "stdin", Slow())
    call_command("dead_letters", "requeue", "--all", stdout=StringIO(), stderr=StringIO())
    assert states() == {"open": 2, "requeued": 8}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["requeue", "--yes"], "Say which dead letters"),
        (["discard", "--yes", "--note", "x"], "or say --all"),
        (["requeue", "--all"], "no terminal to ask on: say --yes. Nothing was done."),
        (["discard", "--all", "--yes"], "--note"),
        (["discard", "--all", "--yes", "--note", " "], "needs a note that says why"),
        (["requeue", "--all", "--yes", "--new-strategy", "agressive"], "not 'agressive'. Nothing was done."),
        (["requeue", "--all", "--yes", "--new-priority", "101"], "from 0 to 100, or None, not 101"),
        (["requeue", "--all", "--yes", "--canary", "5"], "--canary and --rate belong together"),
        (["requeue", "--all", "--yes", "--rate", "5"], "--canary and --rate belong together"),
        (["requeue", "--all", "--yes", "--canary", "5", "--rate", "0"], "must be a number above 0, not '0'"),
        (["requeue", "--all", "--canary", "5", "--spread-minutes", "5"], "not allowed with"),
        (["resume", "1000000"], "no bulk action 1000000"),
        (["put-back", "1000000"], "`dead_letters actions` lists them"),
    ],
)
@pytest.mark.usefixtures("letters")
def test_bad_arguments_are_refused_with_the_way_out_and_nothing_is_done(arguments: list[str], said: str) -> None:
    with pytest.raises(CommandError) as refused:
        called(*arguments)
    assert said in str(refused.value)
    assert states() == {"open": 8}
    assert not BulkAction.objects.exists()


@pytest.mark.usefixtures("letters", "small_chunks", "interrupted")
def test_interrupted_it_stops_between_chunks_and_says_how_to_go_on_and_back() -> None:
    with pytest.raises(CommandError) as stopped:
        called("requeue", "--all", "--yes")
    action = BulkAction.objects.get()
    assert stopped.value.returncode == 130
    assert "Stopped after 2 of 8 (interrupted)." in str(stopped.value)
    assert f"manage.py dead_letters resume {action.pk};" in str(stopped.value)
    assert f"manage.py dead_letters put-back {action.pk}" in str(stopped.value)
    assert (action.state, action.done) == ("stopped", 2)
    assert states() == {"open": 6, "requeued": 2}
    assert f"Bulk action {action.pk}: 8 of 8 dead letters requeued." in called("resume", str(action.pk))
    assert states() == {"requeued": 8}
    with pytest.raises(CommandError, match="is done and cannot go on"):
        called("resume", str(action.pk))


@pytest.mark.usefixtures("letters", "small_chunks")
def test_a_process_that_has_died_is_gone_on_for() -> None:
    selection = bulk.Selection()
    queue = get_queue_manager()
    action = bulk.begin(queue.using, selection, "requeue", by="kim", now=queue.clock())
    next(bulk.run(action))
    assert action.state == "running"
    called("resume", str(action.pk))
    assert states() == {"requeued": 8}


@pytest.mark.usefixtures("small_chunks")
def test_what_nobody_has_launched_is_put_back(letters: dict[str, list[DeadLetter]]) -> None:
    called("requeue", "--all", "--yes")
    action = BulkAction.objects.get()
    queue = get_queue_manager()
    launched = job_of(letters["missing"][0], queue)
    queue.launch_job_with_retry(launched)
    said = called("put-back", str(action.pk))
    assert said == "Put back 7 dead letters.\nleft 1: the job is running\n"
    assert states() == {"open": 7, "requeued": 1}
    assert json.loads(called("put-back", str(action.pk), "--json"))["put_back"] == 0


@pytest.mark.usefixtures("letters")
def test_a_canary_redrive_is_left_to_the_workers_and_can_be_stopped() -> None:
    said = called("requeue", "--all", "--yes", "--canary", "2", "--rate", "60")
    action = BulkAction.objects.get()
    assert (action.kind, action.canary_size, action.rate_per_minute) == ("canary", 2, 60.0)
    assert "The workers of the queue go on with it" in said
    assert states() == {"open": 8}
    called("stop", str(action.pk))
    action.refresh_from_db()
    assert (action.state, action.stopped_because) == ("stopped", "stopped by manage.py dead_letters stop")
    with pytest.raises(CommandError, match=r"is stopped already\."):
        called("stop", str(action.pk))


@pytest.mark.usefixtures("letters")
def test_actions_are_listed_the_latest_first() -> None:
    assert called("actions") == "No bulk action is on record.\n"
    called("requeue", "--rule", "docker/missing", "--yes", "--by", "kim")
    called("discard", "--all", "--yes", "--note", "x")
    header, first, second = called("actions").splitlines()
    assert header.split()[:5] == ["ID", "KIND", "STATE", "TOTAL", "DONE"]
    assert first.split()[1:5] == ["discard", "done", "5", "5"]
    assert second.split()[1:5] == ["requeue", "done", "3", "3"]
    assert "kim" in second
    assert [action["kind"] for action in json.loads(called("actions", "--json"))] == ["discard", "requeue"]
    assert len(called("actions", "--limit", "1").splitlines()) == 2
