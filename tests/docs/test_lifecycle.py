"""docs/lifecycle.md shows the state machine as the code has it."""

from __future__ import annotations

import re

from job_retry.django.states import ENTRIES, FINAL, TRANSITIONS, Status

from tests.docs.pages import ROOT, Page

PAGE = Page(ROOT / "docs/lifecycle.md")
OUTSIDE = "[*]"


def arrows() -> list[tuple[str, str]]:
    """Source and target of each arrow in the page's diagrams."""
    diagrams = [block.code for block in PAGE.blocks if block.language == "mermaid"]
    found = re.findall(r"^\s*(\S+) --> (\S+?)(?:: .+)?$", "\n".join(diagrams), re.MULTILINE)
    assert len(found) == sum(code.count("-->") for code in diagrams)
    return found


def test_the_diagrams_draw_each_transition_once() -> None:
    drawn = [arrow for arrow in arrows() if OUTSIDE not in arrow]
    assert sorted(drawn) == sorted((row.source.value, row.target.value) for row in TRANSITIONS)


def test_the_diagrams_begin_with_a_new_job_and_end_in_the_final_states() -> None:
    drawn = {arrow for arrow in arrows() if OUTSIDE in arrow}
    assert drawn == {(OUTSIDE, Status.PENDING.value)} | {(status.value, OUTSIDE) for status in FINAL}


def test_the_table_says_who_makes_each_transition() -> None:
    assert PAGE.table("## Who moves a job") == [[row.source, row.target, row.by] for row in TRANSITIONS]


def test_every_state_is_explained() -> None:
    assert [row[0] for row in PAGE.table("## States")] == [status.value for status in Status]


def test_the_columns_are_those_that_entering_a_state_writes() -> None:
    def listed(columns: tuple[str, ...]) -> str:
        return ", ".join(f"`{column}`" for column in columns)

    assert PAGE.table("## What a state says of the columns") == [
        [
            str(status),
            listed(entry.stamped),
            listed(entry.stamped_if_null),
            listed(entry.cleared),
            "kept" if entry.keeps_claim else "cleared",
        ]
        for status, entry in ENTRIES.items()
    ]
