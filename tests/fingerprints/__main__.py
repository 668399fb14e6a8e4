"""Measure how well fingerprints group messages of one cause and keep others apart.

    python -m tests.fingerprints [--wrong] [FILE...]

Without a file, those are measured that stand beside this program. Exit status 1 where one has less than 95 %.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from job_retry import fingerprint

from tests.fingerprints.figures import Figures, measure
from tests.fingerprints.groups import GroupError, read_causes, render

if TYPE_CHECKING:
    from collections.abc import Sequence

OWN = (Path(__file__).with_name("groups.jsonl"), Path(__file__).with_name("unseen.jsonl"))
DEMANDED = 0.95


def main(arguments: Sequence[str]) -> int:
    """Print the figures of each file; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.fingerprints", description="Measure fingerprints.")
    parser.add_argument(
        "files", nargs="*", type=Path, metavar="FILE", help="JSON Lines; without any: the project's own"
    )
    parser.add_argument("--wrong", action="store_true", help="show which causes are joined, and which split")
    options = parser.parse_args(arguments)
    try:
        measured = [(path, measure(render(read_causes(path)), fingerprint)) for path in options.files or OWN]
    except GroupError as error:
        print(error, file=sys.stderr)
        return 2
    print(f"{'file':<24}{'causes':>8}{'messages':>10}{'pair precision':>16}{'pair recall':>13}")
    for path, figures in measured:
        shares = f"{figures.precision:>16.1%}{figures.recall:>13.1%}"
        print(f"{path.name:<24}{figures.causes:>8}{figures.messages:>10}{shares}")
        if options.wrong:
            print_wrong(figures)
    return int(any(min(figures.precision, figures.recall) < DEMANDED for _, figures in measured))


def print_wrong(figures: Figures) -> None:
    """Print what is joined and what is split."""
    for template, causes in figures.joined.items():
        print(f"  joined: {', '.join(causes)}\n    {template!r}")
    for cause, templates in figures.split.items():
        print(f"  split: {cause}")
        for template in templates:
            print(f"    {template!r}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
