"""The measurement itself, and what it demands."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from zlib import crc32

import pytest
from job_retry import Fingerprint, fingerprint

from tests.fingerprints.__main__ import DEMANDED, OWN, main
from tests.fingerprints.figures import measure
from tests.fingerprints.groups import RENDERED, Cause, GroupError, Message, read_causes, render

if TYPE_CHECKING:
    from pathlib import Path


def by_first_word(text: str) -> Fingerprint:
    return Fingerprint(text.split()[0], text.split()[0])


def test_pairs_are_counted() -> None:
    messages = [Message("a 1", "x"), Message("a 2", "x"), Message("b 3", "x"), Message("a 4", "y")]
    figures = measure(messages, by_first_word)
    assert (figures.right, figures.together, figures.related) == (1, 3, 3)
    assert (figures.precision, figures.recall) == (1 / 3, 1 / 3)
    assert figures.joined == {"a": ["x", "y"]}
    assert figures.split == {"x": ["a", "b"]}


def test_messages_are_made_anew_from_the_same_values_and_never_twice() -> None:
    causes = [Cause("x", ("at «port»",)), Cause("y", ("always so",))]
    messages = render(causes)
    assert messages == render(causes)
    assert len(messages) == len(set(messages)) <= RENDERED + 1
    assert [message.text for message in messages if message.cause == "y"] == ["always so"]


def test_values_of_unmarked_messages_are_found(tmp_path: Path) -> None:
    path = tmp_path / "messages.jsonl"
    path.write_text(json.dumps({"message": "dial 10.0.0.5: container 3f419610d31c"}), encoding="utf-8")
    texts = [message.text for message in render(read_causes(path))]
    assert len(texts) == RENDERED
    assert all(text.startswith("dial ") and "3f419610d31c" not in text for text in texts)


@pytest.mark.parametrize("line", ["{", "[]", '{"cause": "x"}', '{"cause": "x", "messages": ["«nonsense»"]}'])
def test_a_line_that_is_no_cause_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str], line: str) -> None:
    path = tmp_path / "broken.jsonl"
    path.write_text(line, encoding="utf-8")
    with pytest.raises(GroupError, match=r"broken\.jsonl:1: "):
        read_causes(path)
    assert main([str(path)]) == 2
    assert "broken.jsonl:1" in capsys.readouterr().err


@pytest.mark.parametrize("path", OWN, ids=lambda path: path.stem)
def test_fingerprints_group_as_people_do(path: Path) -> None:
    figures = measure(render(read_causes(path)), fingerprint)
    assert figures.precision >= DEMANDED
    assert figures.recall >= DEMANDED


def test_causes_were_dealt_by_their_names() -> None:
    for path, unseen in zip(OWN, (False, True), strict=True):
        assert all((crc32(cause.name.encode()) % 3 == 0) is unseen for cause in read_causes(path))


def test_the_report_names_what_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "two.jsonl"
    rows = [{"cause": "x", "messages": ["took 1"]}, {"cause": "y", "messages": ["took 2"]}]
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    assert main(["--wrong", str(path)]) == 1
    assert "joined: x, y" in capsys.readouterr().out
