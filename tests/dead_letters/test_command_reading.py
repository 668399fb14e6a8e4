"""``manage.py dead_letters`` lists, groups and shows, in tables and as JSON."""

from __future__ import annotations

import json
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from job_retry.django.history.models import DeadLetter
from job_retry.django.management.dead_letters import listing
from job_retry.django.queue import get_queue_manager
from job_retry.django.testing import failed

from tests.app.models import ContainerJob
from tests.dead_letters.support import dead
from tests.queue.support import manager_for, queued_job

pytestmark = pytest.mark.django_db

REFUSED = "dial tcp 10.0.0.7:5432: connection refused"
MISSING = "Traceback (most recent call last):\n  File ...\nImageNotFound: no such image: \x1b[31mcatalogue:7\n\n"


def called(*arguments: str) -> str:
    output = StringIO()
    call_command("dead_letters", *arguments, stdout=output)
    return output.getvalue()


def ids(*arguments: str) -> set[int]:
    return {letter["id"] for letter in json.loads(called("list", "--json", *arguments))}


@pytest.fixture
def letters() -> dict[str, DeadLetter]:
    """One letter of each kind."""
    queue, reports = get_queue_manager(), get_queue_manager("reports")
    now = queue.clock()
    (old,) = dead(queue, 1, REFUSED, died_at=now - timedelta(days=3), rule="network/refused", strategy="aggressive")
    (missing,) = dead(
        queue, 1, MISSING, job={"image": "catalogue:7"}, reason="permanent error", exception_class="jobs.ImageNotFound"
    )
    (report,) = dead(reports, 1, REFUSED, job={"slug": "monthly"}, reason="too many workers lost")
    (gone,) = dead(queue, 1, "exit status 3", state="discarded", settled_at=now, settled_by="kim", note="not needed")
    return {"old": old, "missing": missing, "report": report, "discarded": gone}


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], "old missing report"),
        (["--state", "discarded"], "discarded"),
        (["--state", "any"], "old missing report discarded"),
        (["--queue", "reports"], "report"),
        (["--queue", "default"], "old missing"),
        (["--model", "app.ContainerJob"], "old missing"),
        (["--model", "app.UrgentJob"], "old missing"),
        (["--rule", "network/refused"], "old"),
        (["--strategy", "aggressive"], "old"),
        (["--reason", "permanent"], "missing"),
        (["--reason", "poison"], "report"),
        (["--exception-class", "jobs.ImageNotFound"], "missing"),
        (["--verdict", "permanent"], "missing"),
        (["--since", "1d"], "missing report"),
        (["--until", "2d"], "old"),
        (["--since", "2000-01-01", "--until", "2001-01-01 12:00"], ""),
        (["--search", "CONNECTION REFUSED"], "old report"),
        (["--search", "monthly"], "report"),
        (["--queue", "default", "--field", "image=catalogue:7"], "missing"),
        (["--model", "app.ContainerJob", "--field", "image=catalogue:7", "--since", "2h"], "missing"),
    ],
)
def test_a_selection(letters: dict[str, DeadLetter], arguments: list[str], expected: str) -> None:
    assert ids(*arguments) == {letters[name].pk for name in expected.split()}


def test_ids_and_fingerprints_select(letters: dict[str, DeadLetter]) -> None:
    assert ids(str(letters["old"].pk), str(letters["report"].pk)) == {letters["old"].pk, letters["report"].pk}
    assert ids("--fingerprint", letters["missing"].fingerprint) == {letters["missing"].pk}
    assert ids("--fingerprint", "") == set()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["list", "--queue", "defualt"], "no queue 'defualt'. Queues: default, reports."),
        (["list", "--model", "app.Nothing"], "no such model. Models with a queue: app.ContainerJob, app.ReportJob."),
        (["list", "--model", "app.ReportJob", "--queue", "default"], "queue 'default' are app.containerjob"),
        (["list", "--field", "image=x"], "name it by --queue or --model"),
        (["list", "--queue", "default", "--field", "command=x"], "does not name command, but: image."),
        (["list", "--field", "image"], "NAME=VALUE, such as image=busybox, not 'image'"),
        (["list", "--since", "yesterday"], "how long ago such as 2h, not 'yesterday'"),
        (["list", "--since", "2030-02-30"], "'2030-02-30' is no date"),
        (["list", "--until", "99999999d"], "the calendar does not go back that far"),
        (["list", "--limit", "0"], "1 or more, not '0'"),
        (["list", "x"], "1 or more, not 'x'"),
        (["show", "1000000"], "no dead letter 1000000"),
        (["lits"], "invalid choice: 'lits'"),
    ],
)
def test_bad_arguments_are_refused_with_the_way_out(arguments: list[str], said: str) -> None:
    with pytest.raises(CommandError) as refused:
        called(*arguments)
    assert said in str(refused.value)


def test_the_list_is_a_table_with_the_telling_line_of_each_error(letters: dict[str, DeadLetter]) -> None:
    header, *rows, count = called("list").splitlines()
    assert header.split() == ["ID", "JOB", "DIED", "ATTEMPTS", "STATE", "REASON", "RULE", "ERROR"]
    assert [row.split()[1:3] for row in rows] == [
        ["app.reportjob", "monthly"],
        ["app.containerjob", letters["missing"].job_key],
        ["app.containerjob", letters["old"].job_key],
    ]
    assert rows[1].endswith(r"ImageNotFound: no such image: \x1b[31mcatalogue:7")
    assert count == "3 dead letters"


def test_the_list_ends_somewhere_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "CHUNK_ROWS", 2)
    dead(get_queue_manager(), 7)
    assert called("list", "--limit", "5").splitlines()[-1].startswith("7 dead letters, of which 5 are shown")
    assert len(called("list", "--limit", "5").splitlines()) == 7
    listed = [letter["id"] for letter in json.loads(called("list", "--json"))]
    assert listed == sorted(DeadLetter.objects.values_list("pk", flat=True), reverse=True)
    assert len(json.loads(called("list", "--json", "--limit", "3"))) == 3


def test_nothing_is_an_empty_list() -> None:
    assert json.loads(called("list", "--json")) == []
    assert called("list") == "0 dead letters\n"
    assert json.loads(called("groups", "--json")) == []


def test_json_has_all_that_there_is_to_know(letters: dict[str, DeadLetter]) -> None:
    (letter,) = json.loads(called("list", "--json", "--state", "discarded"))
    expected: dict[str, Any] = {
        "job_model": "app.containerjob",
        "state": "discarded",
        "settled_by": "kim",
        "note": "not needed",
        "error": "exit status 3",
        "generation": 1,
        "failed_attempts": 3,
    }
    assert expected.items() <= letter.items()


@pytest.mark.parametrize("subcommand", [[], ["groups"]])
def test_groups_by_cause_the_largest_first(subcommand: list[str], letters: dict[str, DeadLetter]) -> None:
    header, first, second, count = called(*subcommand).splitlines()
    assert header.split()[:2] == ["LETTERS", "SHARE"]
    assert first.split()[:2] == ["2", "67%"]
    assert letters["old"].fingerprint in first
    assert second.endswith(r"no such image: \x1b[31mcatalogue:7")
    assert count == "2 groups; 3 dead letters"


def test_groups_as_json(letters: dict[str, DeadLetter]) -> None:
    first, second = json.loads(called("groups", "--json"))
    assert (first["count"], first["models"]) == (2, ["app.reportjob", "app.containerjob"])
    assert (second["fingerprint"], second["error"]) == (letters["missing"].fingerprint, MISSING)
    assert "of which 1 are shown" in called("groups", "--limit", "1")
    assert "0 groups" in called("groups", "--marked", "known")


def test_show_tells_the_whole_story() -> None:
    manager = manager_for(lambda job: failed("Connection refused \x1b]0;x"))
    job = queued_job(manager, max_retries=2)
    manager.launch_job_with_retry(job)
    manager.clock.advance(60)  # type: ignore[attr-defined]
    manager.launch_job_with_retry(job)
    manager.retry_failed_job(job, by="kim")
    manager.launch_job_with_retry(job)
    first, second = DeadLetter.objects.order_by("pk")
    said = called("show", str(second.pk))
    order = [
        f"app.containerjob {job.pk}",
        "attempt 1 failed in generation 1: transient by",
        "attempts left, the next in",
        r"    Connection refused \x1b]0;x",
        "attempt 2 failed in generation 1",
        f"dead letter {first.pk}: retry limit exceeded; requeued",
        "by kim",
        "attempt 3 failed in generation 2",
        f"dead letter {second.pk}: retry limit exceeded; open",
    ]
    places = [said.find(part) for part in order]
    assert -1 not in places, said
    assert places == sorted(places)
    assert called("show", str(first.pk)) == said
    shown = json.loads(called("show", str(first.pk), "--json"))
    assert [len(each["attempts"]) for each in shown["generations"]] == [2, 1]
    assert [each["letter"]["state"] for each in shown["generations"]] == ["requeued", "open"]


def test_show_has_the_traceback_for_those_who_ask() -> None:
    def launch(job: Any) -> None:
        raise FileNotFoundError("no such recipe")

    manager = manager_for(launch)
    manager.launch_job_with_retry(queued_job(manager, max_retries=1))
    letter = str(DeadLetter.objects.get().pk)
    assert "Traceback" not in called("show", letter)
    assert 'raise FileNotFoundError("no such recipe")' in called("show", letter, "--tracebacks")


def test_sync_opens_what_is_missing_and_settles_what_has_moved() -> None:
    manager = get_queue_manager()
    moved, gone, _ = dead(manager, 3)
    manager.jobs().filter(pk=moved.job_key).update(status="completed")
    manager.jobs().filter(pk=gone.job_key).delete()
    ContainerJob.objects.create(status="failed", failed_at=manager.clock(), last_error="exit status 3")
    assert json.loads(called("sync", "--json")) == {"opened": 1, "requeued": 1, "discarded": 1}
    assert called("sync") == "0 opened, 0 requeued, 0 discarded\n"
    assert DeadLetter.objects.filter(state="open").count() == 2
