"""Write the page of the documentation that shows what was measured.

python -m side_by_side.page FOLDER PAGE

FOLDER has a file of figures for each benchmark, as `--json` writes it.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import platform
import re
import subprocess
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timezone
from importlib.metadata import version
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import ROUNDS, TARGET_SECONDS, Demand, Figure, shown, value_shown

if TYPE_CHECKING:
    from collections.abc import Iterator

BENCHES = Path(__file__).parents[1]

TITLES = {
    "classify": "One message, two lists of patterns",
    "many_rules": "Thousands of rules",
    "packs": "One message, all rule packs",
    "batches": "Many messages",
    "fingerprints": "Fingerprints",
    "peers": "Beside other libraries",
    "import_time": "Import",
    "delays": "Delays",
    "growth": "Growth",
}
"""What each benchmark is about, in the order of the page."""

INTRODUCTION = f"""\
# Performance

`make bench` measures all of this and writes this page; `make bench-peers` adds the other libraries. Where nothing else
is said, a figure is a ratio. The implementations take turns in one process, {ROUNDS} rounds of about
{TARGET_SECONDS * 1000:.0f} ms each, so that a busy machine slows all of them; the figure is the median of the rounds'
ratios, the times are medians of a call, Python's own loop included. Messages are repeated, or distinct where the row
says so: a processor learns a message that it sees again.
"""


def machine() -> Iterator[tuple[str, str]]:
    """Return what was measured, and on what, in words."""
    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    rust = subprocess.run(["rustc", "--version"], check=True, capture_output=True, text=True).stdout
    yield "django-job-retry", version("django-job-retry")
    yield "processor", f"{_processor()}, {processors} of its threads"
    yield "system", f"{platform.system()} {platform.release().partition('-')[0]}, {' '.join(platform.libc_ver())}"
    yield "Python", f"{platform.python_implementation()} {platform.python_version()}"
    yield "Rust", rust.split()[1]


def _processor() -> str:
    try:
        described = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return platform.processor()
    named = re.search(r"^model name\s*: (.+)$", described, re.MULTILINE)
    return named[1] if named else platform.machine()


def read(path: Path) -> list[Figure]:
    """Return the figures of a file."""
    return [_figure(row) for row in json.loads(path.read_text(encoding="utf-8"))]


def _figure(row: Mapping[str, Any]) -> Figure:
    demand = Demand(**row["demand"]) if row["demand"] else None
    return Figure(**{key: value for key, value in row.items() if key not in {"demand", "outcome"}}, demand=demand)


def page(measured: Mapping[str, Sequence[Figure]], dates: Mapping[str, str], facts: Iterable[tuple[str, str]]) -> str:
    """Return the page with the figures of each benchmark, by its name, and the days on which they were taken."""
    parts = [INTRODUCTION, about(facts)]
    parts.append(summary([figure for figures in measured.values() for figure in figures]))
    known = list(TITLES)
    for name in sorted(measured, key=lambda name: (known.index(name) if name in known else len(known), name)):
        parts += [f"## {TITLES.get(name, name)}\n", f"{_method(name)} (`benches/{name}.py`, {dates[name]})\n"]
        parts += tables(measured[name])
    return "\n".join(parts)


def summary(figures: Sequence[Figure]) -> str:
    """Say which demands are met, and name those that are not."""
    demanded = [figure for figure in figures if figure.demand]
    missed = [figure for figure in demanded if figure.outcome != "met"]
    lines = [f"Of {len(demanded)} demands {len(demanded) - len(missed)} are met{'.' if not missed else '; not:'}", ""]
    for figure in missed:
        named = _escaped(f"{figure.table}, {figure.title}")
        lines.append(f"- {named}: {value_shown(figure)}, demanded {_demand(figure)}")
    return "\n".join(lines) + "\n" * bool(missed)


def _method(name: str) -> str:
    """Return what the benchmark says of itself, but for how it is called."""
    described = ast.get_docstring(ast.parse((BENCHES / f"{name}.py").read_text(encoding="utf-8"))) or ""
    return " ".join(line for line in described.splitlines() if line and not line.startswith("python "))


def tables(figures: Iterable[Figure], amount: Callable[[float], str] = shown) -> Iterator[str]:
    """Return the tables of figures; ``amount`` says how the seconds of an implementation are shown."""
    for (table, names), rows in groupby(figures, key=lambda figure: (figure.table, tuple(figure.seconds))):
        yield f"### {_escaped(table)}\n"
        lines = [
            f"| | {' | '.join([*names, 'figure', 'demanded', ''])} |",
            "|---|" + "--:|" * (len(names) + 2) + "---|",
        ]
        for figure in rows:
            times = [amount(seconds) for seconds in figure.seconds.values()]
            cells = [_escaped(figure.title), *times, value_shown(figure), _demand(figure), figure.outcome]
            lines.append(f"| {' | '.join(cells)} |")
        yield "\n".join(lines) + "\n"


def _demand(figure: Figure) -> str:
    if figure.demand is None:
        return ""
    return f"{'at most' if figure.demand.at_most else 'at least'} {figure.demand.bound:g}"


def _escaped(text: str) -> str:
    return re.sub(r"([*_|<`\\])", r"\\\1", text)


def dates_of(files: Iterable[Path]) -> dict[str, str]:
    """Return the day on which each benchmark was run, by its name."""
    return {file.stem: f"{datetime.fromtimestamp(file.stat().st_mtime, timezone.utc):%Y-%m-%d}" for file in files}


def about(rows: Iterable[tuple[str, str]]) -> str:
    """Return a table of what was measured, and on what."""
    return "\n".join(["| | |", "|---|---|", *(f"| {name} | {what} |" for name, what in rows)]) + "\n"


Page = Callable[[Mapping[str, Sequence[Figure]], Mapping[str, str], Iterable[tuple[str, str]]], str]
"""Returns a page with the figures of each benchmark, by its name, the days on which they were taken, and on what."""


def write_page(description: str | None, pattern: str, page: Page, facts: Iterable[tuple[str, str]]) -> None:
    """Write the page named second from the files of the folder named first that match ``pattern``."""
    parser = argparse.ArgumentParser(description=(description or "").partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("page", type=Path)
    options = parser.parse_args()
    files = sorted(options.folder.glob(pattern))
    text = page({file.stem: read(file) for file in files}, dates_of(files), facts)
    options.page.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write_page(__doc__, "*.json", page, machine())
