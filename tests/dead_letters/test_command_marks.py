"""``manage.py dead_letters mark`` notes what is known of a cause, until a job dies of it again."""

from __future__ import annotations

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from job_retry.django.history.models import GroupMark
from job_retry.django.queue import get_queue_manager

from tests.dead_letters.support import dead

pytestmark = pytest.mark.django_db


def called(*arguments: str) -> str:
    output = StringIO()
    call_command("dead_letters", *arguments, stdout=output)
    return output.getvalue()


@pytest.fixture
def groups() -> list[str]:
    queue = get_queue_manager()
    return [dead(queue, 2, error)[0].fingerprint for error in ("connection refused", "no such image: x")]


def test_a_group_is_marked_and_the_mark_taken_away(groups: list[str]) -> None:
    first, second = groups
    assert called("mark", "known", first, "--note", "the mill is slow", "--by", "kim") == "1 groups marked known\n"
    mark = GroupMark.objects.get()
    assert (mark.fingerprint, mark.state, mark.note, mark.marked_by) == (first, "known", "the mill is slow", "kim")
    assert [group["fingerprint"] for group in json.loads(called("groups", "--json", "--marked", "known"))] == [first]
    assert [group["fingerprint"] for group in json.loads(called("groups", "--json", "--marked", "attention"))] == [
        second
    ]
    marked = json.loads(called("mark", "resolved", first, second, "--json"))
    assert marked == [{"fingerprint": each, "mark": "resolved"} for each in sorted(groups)]
    assert called("mark", "none", *groups) == "2 groups marked none\n"
    assert not GroupMark.objects.exists()


def test_a_marked_group_is_back_when_a_job_dies_of_the_cause(groups: list[str]) -> None:
    called("mark", "resolved", groups[0])
    assert "resolved  " in called("groups")
    dead(get_queue_manager(), 1, "connection refused")
    assert "resolved, back" in called("groups")


def test_a_cause_of_which_nobody_died_is_refused_and_nothing_is_marked(groups: list[str]) -> None:
    with pytest.raises(CommandError, match=r"No job has died of 1:0, 1:1\. Nothing was marked"):
        called("mark", "known", groups[0], "1:1", "1:0")
    assert not GroupMark.objects.exists()
    assert called("mark", "none", "1:1") == "0 groups marked none\n"
