"""Count the instructions that texts twice as long take; of hostile ones, in everything that reads texts.

python benches/growth.py

Instructions, and not seconds: on a busy machine and on a quiet one they are the same. valgrind counts them.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from collections import defaultdict
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from side_by_side import Figure, at_most, main

if TYPE_CHECKING:
    from collections.abc import Iterator

BUILD = ["cargo", "build", "--quiet", "--profile", "fuzz", "--bench", "growth", "--message-format", "json"]
LOCKED = ["--locked"] if os.environ.get("CI") else []
COUNTED = "growth::measured"
"""The function of `growth.rs` whose calls are counted, each by itself."""
MOST = 2.1
"""How many times as many instructions a text may take that is twice as long."""


def program() -> Path:
    """Build `growth.rs` and return where it is."""
    built = subprocess.run([*BUILD, *LOCKED], check=True, stdout=subprocess.PIPE, text=True).stdout
    artifacts = [json.loads(line) for line in built.splitlines()]
    return next(Path(artifact["executable"]) for artifact in artifacts if artifact.get("executable"))


def counts() -> Iterator[tuple[str, str, int, int]]:
    """Return what was done, the piece that the text repeats, the text's bytes, and the instructions."""
    with tempfile.TemporaryDirectory() as folder:
        callgrind = ["--tool=callgrind", "--collect-atstart=no", f"--toggle-collect={COUNTED}"]
        files = [f"--dump-after={COUNTED}", f"--callgrind-out-file={folder}/counted"]
        command = ["valgrind", "--quiet", *callgrind, *files, str(program())]
        run = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        for number, line in enumerate(run.stdout.splitlines(), start=1):
            work, piece, size = line.split("\t")
            text = Path(folder, f"counted.{number}").read_text(encoding="utf-8")
            (total,) = re.findall(r"^(?:summary|totals): (\d+)$", text, re.MULTILINE)[:1]
            yield work, piece, int(size), int(total)


def figures() -> Iterator[Figure]:
    sizes: dict[tuple[str, str], list[int]] = defaultdict(list)
    for work, piece, _, instructions in counts():
        sizes[work, piece].append(instructions)
    worst: dict[str, list[tuple[float, str]]] = defaultdict(list)
    for (work, piece), of_sizes in sizes.items():
        worst[work].append((max(longer / shorter for shorter, longer in pairwise(of_sizes)), piece))
    for work, ratios in worst.items():
        ratio, piece = max(ratios)
        title = f"{work}, the worst of {len(ratios)}: {piece!r}"
        yield Figure("Instructions of a text twice as long", title, ratio, at_most(MOST))


if __name__ == "__main__":
    sys.exit(0 if main(figures, __doc__) else 1)
