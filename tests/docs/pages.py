"""The pages of the documentation and the code blocks in them."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from markdown_it import MarkdownIt

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]

SHELLS = frozenset({"console", "sh", "bash", "shell"})
"""Languages of blocks that hold commands; in ``console`` they stand behind ``$``, between what they print."""


@dataclass(frozen=True)
class Command:
    """A command of a shell block."""

    line: int
    words: tuple[str, ...]
    output: tuple[str, ...] = ()
    """The lines that the page shows as its output."""

    @property
    def text(self) -> str:
        """The command as one would type it."""
        return shlex.join(self.words)


@dataclass(frozen=True)
class Block:
    """A fenced code block."""

    language: str
    file: str | None
    """The block's ``title``: the project's file that it belongs to."""
    line: int
    """Number of its first line of code, from 1."""
    code: str

    def commands(self) -> list[Command]:
        """Return the commands of a shell block; a line that ends in a backslash goes on in the next."""
        prompt = "$ " if self.language == "console" else ""
        found: list[tuple[int, str, list[str]]] = []
        continued = False
        for number, line in enumerate(self.code.splitlines(), self.line):
            if continued:
                start, text, output = found[-1]
                found[-1] = (start, text + line.strip().removesuffix("\\"), output)
            elif line.startswith(prompt) and line.strip() and not line.startswith("#"):
                found.append((number, line.removeprefix(prompt).removesuffix("\\"), []))
            elif found and prompt:
                found[-1][2].append(line)
                continue
            else:
                continue
            continued = line.endswith("\\")
        return [Command(number, tuple(shlex.split(text, comments=True)), tuple(out)) for number, text, out in found]


@dataclass(frozen=True)
class Page:
    """A Markdown file."""

    path: Path

    @property
    def name(self) -> str:
        """The path from the repository's root."""
        return self.path.relative_to(ROOT).as_posix()

    @cached_property
    def text(self) -> str:
        """The whole page."""
        return self.path.read_text(encoding="utf-8")

    @cached_property
    def blocks(self) -> tuple[Block, ...]:
        """All fenced code blocks, in their order."""
        return tuple(_blocks(self.text))

    def table(self, heading: str) -> list[list[str]]:
        """Return the rows of the first table below ``heading``, without its head; cells as written."""
        _, _, below = self.text.partition(f"\n{heading}\n")
        assert below, f"{self.name} has no heading {heading!r}"
        lines = re.search(r"(?:^\|.*\n)+", below, re.MULTILINE)
        assert lines, f"{self.name} has no table below {heading!r}"
        rows = [re.split(r"(?<!\\)\|", line.strip().strip("|")) for line in lines[0].splitlines()]
        return [[cell.strip() for cell in row] for row in rows[2:]]


def pages() -> list[Page]:
    """Return README.md and every page below docs/."""
    return [Page(ROOT / "README.md"), *map(Page, sorted((ROOT / "docs").rglob("*.md")))]


def _blocks(text: str) -> Iterator[Block]:
    for token in MarkdownIt("commonmark").parse(text):
        if token.type == "fence" and token.map is not None:
            language, _, attributes = token.info.strip().partition(" ")
            title = re.search(r'title="([^"]+)"', attributes)
            yield Block(language, title[1] if title else None, token.map[0] + 2, token.content)
