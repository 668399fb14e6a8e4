"""A hook of mkdocs: one page a rule pack, and a list of them, made from the packs' own files.

They are made whenever the documentation is built and are nowhere written down, so that they cannot be out of date.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

from mkdocs.structure.files import File

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files

DATA = Path(__file__).parents[1] / "src" / "packs" / "data"
FOLDER = "packs"
VERDICTS = ("transient", "permanent", "unknown")

CODES = {
    "errno": "errno",
    "sqlstate": "SQLSTATE",
    "http_status": "HTTP status",
    "grpc": "gRPC status",
    "exit_code": "exit code",
    "signal": "signal",
    "code": "code of the system's own",
}
"""The keys of a rule that name codes, and what a reader calls each."""

Rule = dict[str, Any]
Pack = dict[str, Any]


def on_config(config: MkDocsConfig) -> None:
    """Add the pages to the navigation, below the others."""
    packs = read_packs()
    entries = {"All packs": "index", **{pack["title"]: name for name, pack in packs.items()}}
    listed = {"Rule packs": [{title: f"{FOLDER}/{name}.md"} for title, name in entries.items()]}
    config.nav = [*(config.nav or []), listed]


def on_files(files: Files, config: MkDocsConfig) -> None:
    """Add the pages to what is built."""
    for name, content in pages().items():
        files.append(File.generated(config, f"{FOLDER}/{name}.md", content=content))


def pages() -> dict[str, str]:
    """Return the text of each page by its name."""
    packs = read_packs()
    return {"index": index_page(packs), **{name: pack_page(name, pack) for name, pack in packs.items()}}


def read_packs() -> dict[str, Pack]:
    """Return each pack by its name, in the order of their titles."""
    packs = {path.stem: tomllib.loads(path.read_text(encoding="utf-8")) for path in DATA.glob("*.toml")}
    return dict(sorted(packs.items(), key=lambda item: item[1]["title"].casefold()))


def index_page(packs: Mapping[str, Pack]) -> str:
    """Return the list of packs."""
    rows = [
        f"| [{pack['title']}]({name}.md) | `{name}` | {pack['about']} | {len(pack['rule'])} |"
        for name, pack in packs.items()
    ]
    total = sum(len(pack["rule"]) for pack in packs.values())
    return "\n".join(
        [
            "# Rule packs",
            "",
            f"{len(packs)} packs with {total} rules are part of the package. `ErrorClassifier.with_packs()` uses all",
            'of them, `with_packs("docker", "posix")` those that it names. How they decide stands in',
            "[How to read a verdict](../reading-verdicts.md), how to add to them in",
            "[How to write a rule](../writing-rules.md).",
            "",
            "| Pack | Name | What it knows | Rules |",
            "|---|---|---|---|",
            *rows,
            "",
        ]
    )


def pack_page(name: str, pack: Pack) -> str:
    """Return the page of one pack: a table of its rules, then each rule with all that it matches."""
    counts = Counter(rule["verdict"] for rule in pack["rule"])
    counted = ", ".join(f"{counts[verdict]} {verdict}" for verdict in VERDICTS if counts[verdict])
    rows = [
        f"| [`{rule['id']}`](#{rule['id']}) | {rule['verdict']} | {strength_of(rule)} | {cell(rule['why'])} |"
        for rule in pack["rule"]
    ]
    lines = [
        f"# {pack['title']}",
        "",
        pack["about"],
        "",
        f"Pack `{name}`: {len(pack['rule'])} rules, {counted}. [How to read a verdict](../reading-verdicts.md) says",
        "what the strength is for.",
        "",
        "| Rule | Verdict | Strength | Why |",
        "|---|---|---|---|",
        *rows,
        "",
    ]
    for rule in pack["rule"]:
        lines += rule_section(rule)
    if pack.get("noise"):
        lines += ["## What is no evidence", "", *noise_section(pack["noise"])]
    return "\n".join(lines)


def rule_section(rule: Rule) -> Iterator[str]:
    """Yield the lines on one rule."""
    yield from (f"## `{rule['id']}` {{ #{rule['id']} }}", "")
    yield from (f"**{rule['verdict'].capitalize()}** (strength `{strength_of(rule)}`): {rule['why']}.", "")
    if "exception" in rule:
        yield from (f"Exceptions: {codes(as_list(rule['exception']))}.", "")
    for key, title in CODES.items():
        if key in rule:
            yield from (f"{title[0].upper()}{title[1:]}: {codes(as_list(rule[key]))}.", "")
    for key, title in (
        ("message", "Patterns of the text"),
        ("also", "Patterns that must be found, too"),
        ("unless", "Patterns that must not be found"),
    ):
        if key in rule:
            patterns = as_list(rule[key])
            yield from (f'??? note "{title}: {len(patterns)}"', "")
            yield from (f"    - {code(pattern)}" for pattern in patterns)
            yield ""
    for key, title in (("examples", "It decides:"), ("counterexamples", "It does not decide:")):
        if key in rule:
            yield from (title, "")
            for example in as_list(rule[key]):
                yield from (*block(evidence(example)), "")


def noise_section(noise: list[dict[str, str]]) -> Iterator[str]:
    """Yield the lines on texts that are passed over."""
    for entry in noise:
        yield f"- {code(entry['pattern'])}: {entry['why']}"
    yield ""


def strength_of(rule: Rule) -> str:
    """Return the strength that is written, or the one that follows from what the rule matches."""
    if "strength" in rule:
        return str(rule["strength"])
    if "message" in rule:
        return "cause"
    kinds = rule.keys() & CODES.keys()
    if kinds - {"http_status", "exit_code"}:
        return "code"
    return "status" if kinds else "class"


def evidence(example: str | dict[str, Any]) -> str:
    """Return an example as a reader meets it: its text, below what the exception says of itself."""
    if isinstance(example, str):
        return example
    told = [f"{key}: {', '.join(map(str, as_list(value)))}" for key, value in example.items() if key != "message"]
    return "\n".join([*told, *([example["message"]] if "message" in example else [])])


def as_list(value: Any) -> list[Any]:
    """Return a list; a single value is a list of one."""
    return value if isinstance(value, list) else [value]


def codes(values: list[Any]) -> str:
    """Return values as code, with commas."""
    return ", ".join(code(str(value)) for value in values)


def code(text: str) -> str:
    """Return ``text`` as code in a line, whatever is in it."""
    fence = "`" * (longest_run(text) + 1)
    padding = " " if text.startswith(("`", " ")) or text.endswith(("`", " ")) else ""
    return f"{fence}{padding}{text}{padding}{fence}"


def block(text: str) -> list[str]:
    """Return ``text`` as a block of code, whatever is in it; control characters as escapes."""
    shown = re.sub(r"[\x00-\x08\x0b-\x1f\x7f]", lambda found: f"\\x{ord(found[0]):02x}", text)
    fence = "`" * max(3, longest_run(text) + 1)
    return [f"{fence}text", *shown.split("\n"), fence]


def longest_run(text: str) -> int:
    """Return how many backticks stand side by side at most."""
    return max((len(run) for run in re.findall("`+", text)), default=0)


def cell(text: str) -> str:
    """Return ``text`` for a cell of a table."""
    return text.replace("|", "\\|")
