"""Each guarantee names the tests that show it, and they exist."""

from __future__ import annotations

import re

from tests.docs.pages import ROOT

TEXT = (ROOT / "docs/guarantees.md").read_text()
NAMED = re.compile(r"`(tests/[a-z_/]+(?:\.py)?)`")
WITHOUT_TESTS = ["What is not guaranteed"]


def test_each_guarantee_names_tests() -> None:
    sections = [section.partition("\n") for section in TEXT.split("\n## ")[1:]]
    assert "Database trouble." in TEXT
    for title, _, body in sections:
        if title in WITHOUT_TESTS:
            continue
        # In a section of bold claims each of them, else the section as a whole.
        guarantees = re.split(r"\n\n(?=\*\*)", body)[1:] or [body]
        for guarantee in guarantees:
            assert NAMED.search(guarantee), (title, guarantee[:60])


def test_the_tests_that_are_named_exist() -> None:
    named = NAMED.findall(TEXT)
    assert [path for path in named if not (ROOT / path).exists()] == []
