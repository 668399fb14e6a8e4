"""Measure the classifier on files of labelled messages.

    python -m tests.accuracy [--wrong] [--json] [FILE...]

Without a file, those are measured that stand beside this program. A file that cannot be used is named with the line and
what is wrong with it, and ends the program with exit status 2.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tests.accuracy import judges
from tests.accuracy.figures import judge_rows
from tests.accuracy.folds import cross_judge, deal
from tests.accuracy.report import Accuracy, as_json, as_text
from tests.accuracy.rows import Row, RowError, read_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

OWN = Path(__file__).with_name("messages.jsonl")


def measure(rows: Sequence[Row]) -> Accuracy:
    """Judge ``rows`` by the shipped lists alone, with all packs, and by folds."""
    packs = judge_rows(rows, judges.all_packs)
    return Accuracy(
        lists=judge_rows(rows, judges.shipped_lists),
        packs=packs,
        folded=cross_judge(packs, deal(rows), judges.only),
        rules=len(judges.shipped_rules()),
    )


def main(arguments: Sequence[str]) -> int:
    """Print the report; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.accuracy", description="Measure the classifier.")
    parser.add_argument(
        "files", nargs="*", type=Path, metavar="FILE", help="JSON Lines; without any: the project's own"
    )
    parser.add_argument("--wrong", action="store_true", help="show each wrong verdict and what decided")
    parser.add_argument("--json", action="store_true", help="print the figures for a machine")
    options = parser.parse_args(arguments)
    try:
        rows = read_rows(options.files or [OWN])
    except RowError as error:
        print(error, file=sys.stderr)
        return 2
    accuracy = measure(rows)
    if options.json:
        print(json.dumps(as_json(accuracy), indent=2))
    else:
        print(as_text(accuracy, wrong=options.wrong))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
