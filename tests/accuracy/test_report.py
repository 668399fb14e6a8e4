"""The report says what was counted, to people and to machines."""

from __future__ import annotations

import json

import pytest

from tests.accuracy.figures import Decision, Judged
from tests.accuracy.folds import Folded
from tests.accuracy.report import Accuracy, as_json, as_text
from tests.accuracy.rows import Row

ROWS = [
    Row("refused\nagain", "transient", "socket", "made up", "the server may start", place="rows.jsonl:1"),
    Row("no image " + "x" * 400, "permanent", "registry", "made up", "there is no image", place="rows.jsonl:2"),
    Row("busy", "transient", "redis", "made up", "the script ends", place="rows.jsonl:3"),
]


def judged(*decisions: tuple[str, str | None]) -> list[Judged]:
    return [
        Judged(row, Decision(verdict, rule, reason=f"{rule}: because"))
        for row, (verdict, rule) in zip(ROWS, decisions, strict=True)
    ]


MIXED = Accuracy(
    lists=judged(("transient", None), ("unknown", None), ("unknown", None)),
    packs=judged(("transient", "network/refused"), ("permanent", "docker/no-image"), ("permanent", "general/busy")),
    folded=Folded(
        judged(("transient", "network/refused"), ("unknown", None), ("unknown", None)),
        {"docker/no-image": 1, "network/refused": 2},
    ),
    rules=40,
)
PERFECT = Accuracy(lists=MIXED.packs[:2], packs=MIXED.packs[:2], folded=Folded(MIXED.packs[:2], {}), rules=40)


@pytest.mark.parametrize(
    "expected",
    [
        "all 3 33.3% 66.7% 33.3% 1 - - - - -",
        "network 1 100.0% 100.0% 100.0% - - - - - -",
        "redis 1 0.0% 0.0% 0.0% 1 - - - - -",
        "registry 1 0.0% 100.0% 0.0% - - - - - -",
        "right with all packs 2 of 3 66.7%",
        "retryable called permanent 1 of 2 50.0%",
        "right with the shipped lists alone 1 of 3 33.3%",
        "retryable called permanent by them 0 of 2 0.0%",
        "right by folds 1 of 3 33.3%",
        "rules that decide a message 3 of 40 7.5%",
        "rules that decide a single message 3 of 40 7.5%",
    ],
)
def test_people_read_the_figures(expected: str) -> None:
    lines = [" ".join(line.split()) for line in as_text(MIXED).splitlines()]
    assert expected in lines


def test_the_mistakes_stand_below_their_heads() -> None:
    head = next(line for line in as_text(MIXED).splitlines() if line.startswith("family"))
    row = next(line for line in as_text(MIXED).splitlines() if line.startswith("redis"))
    assert head.split()[-6:] == ["t>p", "t>u", "p>t", "p>u", "u>t", "u>p"]
    assert row.rindex("1") == head.index("t>p") + 2


def test_rules_that_a_single_fold_supports_are_named_with_their_messages() -> None:
    assert as_text(MIXED).endswith("Rules that a single fold supports:\n  docker/no-image, network/refused (2)")
    assert "Rules that" not in as_text(PERFECT)


def test_wrong_verdicts_are_shown_on_demand_with_what_decided() -> None:
    shown = (
        "rows.jsonl:3 (redis): labelled transient: the script ends\n"
        "    'busy'\n"
        "    called permanent: general/busy: because\n\n"
    )
    assert as_text(MIXED, wrong=True).startswith(shown)
    assert shown not in as_text(MIXED)
    assert as_text(PERFECT, wrong=True).startswith("Every verdict is right.\n")


def test_a_long_message_is_cut() -> None:
    folded = MIXED.folded
    wrong = Accuracy(MIXED.lists, MIXED.lists, folded, rules=40)
    lines = as_text(wrong, wrong=True).splitlines()
    assert max(len(line) for line in lines) < 320
    assert any(line.endswith("x...'") for line in lines)


def test_machines_read_the_figures() -> None:
    figures = json.loads(json.dumps(as_json(MIXED)))
    assert figures["total"]["packs"] == {
        "messages": 3,
        "right": 2,
        "share_right": 2 / 3,
        "retryable": 2,
        "retryable_called_permanent": 1,
        "share_retryable_called_permanent": 0.5,
        "confusion": {
            "transient": {"transient": 1, "permanent": 1, "unknown": 0},
            "permanent": {"transient": 0, "permanent": 1, "unknown": 0},
            "unknown": {"transient": 0, "permanent": 0, "unknown": 0},
        },
    }
    assert figures["total"]["lists"]["right"] == figures["total"]["folds"]["right"] == 1
    assert list(figures["families"]) == ["redis", "registry", "socket"]
    assert figures["groups"]["databases"]["packs"]["retryable_called_permanent"] == 1
    assert figures["rules"] == {
        "all": 40,
        "deciding": 3,
        "deciding_one_message": 3,
        "share_deciding_one_message": 3 / 40,
        "supported_by_one_fold": {"docker/no-image": 1, "network/refused": 2},
    }
    assert [(one["place"], one["verdict"], one["decided_by"]) for one in figures["wrong"]] == [
        ("rows.jsonl:3", "permanent", "general/busy: because")
    ]
