"""Look for broken promises for so many seconds, half of them in Rust and half in Python.

python -m tests.fuzz --seconds 120 --seed 7
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.fuzz.runner import try_all
from tests.fuzz.targets import TARGETS

BUILD = ["cargo", "test", "--quiet", "--profile", "fuzz", "--test", "fuzz"]
"""With the checks of a debug build, at nearly the pace of a release."""
LOCKED = ["--locked"] if os.environ.get("CI") else []


def in_rust(seed: int, seconds: float) -> bool:
    """Try the targets of `main.rs`, print what came of it, and return whether all went well."""
    subprocess.run([*BUILD, *LOCKED, "--no-run"], check=True)
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report")
        settings = {"FUZZ_SECONDS": f"{seconds:.0f}", "FUZZ_SEED": str(seed), "FUZZ_REPORT": str(report)}
        command = [*BUILD, *LOCKED, "no_target_finds_anything"]
        run = subprocess.run(command, env={**os.environ, **settings}, capture_output=True, text=True, check=False)
        if not report.exists():
            print(run.stdout, run.stderr, sep="\n")
            return False
        print(f"Rust: {report.read_text(encoding='utf-8')}", end="", flush=True)
        return run.returncode == 0


def in_python(seed: int, seconds: float) -> bool:
    """Try the targets of Python, print what came of it, and return whether all went well."""
    rounds, findings = try_all(TARGETS, seed, seconds)
    print(f"Python: {rounds} rounds of {sum(target.cases for target in TARGETS)} cases, {len(findings)} findings")
    for finding in findings:
        print(f"  {finding}")
    return not findings


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--seed", type=int, default=random.randrange(2**32))
    options = parser.parse_args()
    print(f"seed {options.seed}, {options.seconds:g} s", flush=True)
    went_well = [half(options.seed, options.seconds / 2) for half in (in_rust, in_python)]
    return 0 if all(went_well) else 1


if __name__ == "__main__":
    sys.exit(main())
