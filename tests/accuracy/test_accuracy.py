"""`make accuracy` measures what the classifier says of a file, or says what is wrong with the file."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from job_retry import ErrorClassifier

from tests.accuracy.__main__ import OWN, main
from tests.accuracy.judges import all_packs, only, shipped_lists, shipped_rules
from tests.accuracy.rows import read_rows

if TYPE_CHECKING:
    from pathlib import Path

MESSAGES = [row.message for row in read_rows([OWN])]
ROW = {"label": "transient", "family": "socket", "source": "made up", "why": "the server may start"}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(f"{json.dumps({**ROW, 'message': text})}\n" for text in ("connection refused", "nothing")))
    return path


def test_the_judges_say_what_the_classifier_says() -> None:
    packs = ErrorClassifier.with_packs()
    for message in MESSAGES:
        assert all_packs(message).verdict == packs.classify_error(message).value
        assert shipped_lists(message).verdict == ErrorClassifier.classify_error(message).value


def test_the_judge_of_every_rule_decides_as_the_packs_do() -> None:
    judge = only(shipped_rules())
    assert [judge(message) for message in MESSAGES] == [
        decision if decision.rule is not None else shipped_lists(message)
        for message, decision in ((message, all_packs(message)) for message in MESSAGES)
    ]


def test_the_judge_of_no_rule_decides_by_the_shipped_lists() -> None:
    judge = only([])
    assert [judge(message) for message in MESSAGES] == [shipped_lists(message) for message in MESSAGES]


def test_without_its_rule_a_message_is_judged_by_the_others() -> None:
    decided = ((message, all_packs(message)) for message in MESSAGES)
    message, decision, rule = next((text, found, found.rule) for text, found in decided if found.rule is not None)
    assert only(shipped_rules().keys() - {rule})(message).rule != rule
    assert only([rule])(message) == decision


def test_the_figures_of_a_file_are_printed(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(file)]) == 0
    assert "right with the shipped lists alone       1 of 2        50.0%" in capsys.readouterr().out


def test_wrong_verdicts_are_printed_on_demand(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--wrong", str(file)]) == 0
    assert capsys.readouterr().out.startswith(f"{file}:2 (socket): labelled transient: the server may start\n")


def test_several_files_are_measured_together(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--json", str(file), str(file)]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert figures["total"]["lists"]["messages"] == 4
    assert figures["rules"]["all"] == len(shipped_rules())


def test_without_a_file_the_projects_own_messages_are_measured(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--json"]) == 0
    assert json.loads(capsys.readouterr().out)["total"]["packs"]["messages"] == len(MESSAGES)


def test_a_bad_file_is_named_with_its_line(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with file.open("a") as lines:
        lines.write("no JSON\n")
    assert main([str(file)]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith(f"{file}:3: is no JSON: ")
