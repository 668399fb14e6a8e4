"""The pages on rule packs say what the packs say."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from job_retry import rule_packs
from markdown_it import MarkdownIt
from mkdocs.config.defaults import MkDocsConfig

from scripts.pack_pages import as_list, block, code, evidence, on_config, pages, read_packs, strength_of

PACKS = read_packs()
PAGES = pages()

texts = st.text(st.characters(exclude_categories=["C", "Zl", "Zp"]), min_size=1).filter(str.strip)


def test_each_pack_has_a_page_and_the_list_leads_there() -> None:
    assert set(PAGES) == {"index", *PACKS}
    assert re.findall(r"^\| \[.+\]\((.+)\.md\)", PAGES["index"], re.MULTILINE) == list(PACKS)


def test_the_navigation_leads_to_each_page() -> None:
    config = MkDocsConfig()
    config.nav = ["index.md"]
    on_config(config)
    first, packs = config.nav
    assert first == "index.md"
    listed = [path for entry in packs["Rule packs"] for path in entry.values()]
    assert listed == [f"packs/{name}.md" for name in PAGES]


@pytest.mark.parametrize("name", PACKS)
def test_a_page_lists_each_rule_with_verdict_and_reason(name: str) -> None:
    rows = re.findall(r"^\| \[`(.+?)`\]\(#(.+?)\) \| (\w+) \| \w+ \| (.+) \|$", PAGES[name], re.MULTILINE)
    assert [(rule, verdict, why.replace("\\|", "|")) for rule, _, verdict, why in rows] == [
        (rule["id"], rule["verdict"], rule["why"]) for rule in PACKS[name]["rule"]
    ]
    anchors = re.findall(r"^## `.+` \{ #(.+) \}$", PAGES[name], re.MULTILINE)
    assert [anchor for _, anchor, *_ in rows] == anchors


def test_the_strengths_are_those_by_which_the_rules_decide() -> None:
    shown = {f"{name}/{rule['id']}": strength_of(rule) for name, pack in PACKS.items() for rule in pack["rule"]}
    assert shown == {rule.id: rule.strength for pack in rule_packs().values() for rule in pack.rules}


@pytest.mark.parametrize("name", PACKS)
def test_a_page_shows_all_that_a_rule_matches_and_its_examples(name: str) -> None:
    for rule in PACKS[name]["rule"]:
        (section,) = re.findall(rf"^## `{rule['id']}` .*?(?=^## |\Z)", PAGES[name], re.MULTILINE | re.DOTALL)
        shown = set(section.splitlines())
        for key in ("message", "also", "unless"):
            assert {f"    - {code(pattern)}" for pattern in as_list(rule.get(key, []))} <= shown
        for key in ("errno", "sqlstate", "http_status", "grpc", "exit_code", "signal", "code", "exception"):
            assert all(f"`{value}`" in section for value in as_list(rule.get(key, [])))
        told = [evidence(text) for key in ("examples", "counterexamples") for text in as_list(rule.get(key, []))]
        assert all("\n".join(block(text)) in section for text in told)


@given(texts)
@example("a`b``c")
@example("`ticks`")
@example(" spaced ")
def test_code_in_a_line_is_shown_as_it_is(text: str) -> None:
    (inline,) = (token for token in MarkdownIt("commonmark").parse(f"- {code(text)}") if token.type == "inline")
    assert [(token.type, token.content) for token in inline.children or []] == [("code_inline", text)]


@given(texts)
@example("```text\nfence\n```")
def test_a_block_of_code_is_shown_as_it_is(text: str) -> None:
    (token,) = MarkdownIt("commonmark").parse("\n".join(block(text)))
    assert (token.type, token.content) == ("fence", f"{text}\n")


def test_control_characters_in_a_block_are_told() -> None:
    assert block("\x1b[31mred\r\n\ttwo\x00") == ["```text", "\\x1b[31mred\\x0d", "\ttwo\\x00", "```"]


def test_evidence_names_what_the_exception_says_before_its_text() -> None:
    told = evidence({"message": "busy", "exception": "redis.exceptions.BusyLoadingError", "http_status": [503, 429]})
    assert told == "exception: redis.exceptions.BusyLoadingError\nhttp_status: 503, 429\nbusy"
    assert evidence({"errno": "ENOSPC"}) == "errno: ENOSPC"
