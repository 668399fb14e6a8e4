"""Build a wheel for each supported Python, and try each as a user gets it: away from the checkout.

    python -m tests.packaging.wheels build FOLDER [--others | NAME...]
    python -m tests.packaging.wheels test FOLDER [--others | NAME...]

`WHEELS` has one row a wheel, and with which Django and by which tests it is tried. Interpreters that this machine
lacks are named in the last line; it is an error where a wheel was asked for by NAME, or where nothing could be done.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.servers.suite import WITHOUT_CROWDS

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).parents[2]

NATIVE = ("tests/native",)
# All that runs on an installed wheel: the others are about the checkout, or need a browser or much time.
DJANGO = (
    "tests",
    "--ignore=tests/benches",
    "--ignore=tests/docs",
    "--ignore=tests/packaging",
    "--ignore=tests/provoked",
    "--ignore=tests/servers",
    "--ignore=tests/examples",
    "--ignore=tests/integrations/test_environment.py",
    "--ignore=tests/admin/test_in_browser.py",
    "--ignore=tests/console/test_acting_in_browser.py",
    *WITHOUT_CROWDS,
)
DJANGO_5 = "Django~=5.2.0"
DJANGO_6 = "Django~=6.0"


@dataclass(frozen=True)
class Wheel:
    """One wheel."""

    tag: str
    """Python and ABI, as the file's name has them."""
    python: str
    """The version that builds it, and on which it is tried."""
    django: str
    tests: tuple[str, ...]
    features: tuple[str, ...] = ()


WHEELS = {
    "3.10": Wheel("cp310-cp310", "3.10", DJANGO_5, NATIVE),
    "3.11": Wheel("cp311-cp311", "3.11", DJANGO_5, DJANGO),
    "3.12": Wheel("cp312-cp312", "3.12", DJANGO_6, NATIVE),
    "3.13": Wheel("cp313-cp313", "3.13", DJANGO_6, DJANGO),
    # The bindings' library knows free-threaded builds from this version on; the stable ABI has none of them.
    "3.14t": Wheel("cp314-cp314t", "3.14t", DJANGO_6, NATIVE),
    # Tried on another version than the one that it is named after.
    "abi3": Wheel("cp310-abi3", "3.13", DJANGO_6, NATIVE, features=("abi3",)),
}


class WheelError(Exception):
    """A wheel cannot be built, or does not work; the message says what failed."""


# What the wheel alone can do: no Django, no other package.
BARE = """
import importlib.util, sys, sysconfig
from job_retry import RETRY_STRATEGIES, ErrorClassifier, ErrorType

assert importlib.util.find_spec("django") is None, "Django came with the wheel"
assert ErrorClassifier.classify_error("dial tcp: connection refused") is ErrorType.TRANSIENT
assert RETRY_STRATEGIES["default"].get_retry_delay(2) == 2.0
assert not sysconfig.get_config_var("Py_GIL_DISABLED") or not sys._is_gil_enabled(), "the module switched the GIL on"
"""
INSTALLED = "import job_retry, sys; assert job_retry.__file__.startswith(sys.prefix), job_retry.__file__"
VERSIONS = "import django, sys; print(f'Python {sys.version.split()[0]}, Django {django.__version__}')"


def find_python(version: str) -> str | None:
    """Return an interpreter of ``version``; None where this machine has none."""
    found = subprocess.run(
        [str(ROOT / "scripts/find-python"), version], capture_output=True, text=True, check=False, cwd=ROOT
    )
    return found.stdout.strip() or None


def build(wheel: Wheel, python: str, folder: Path) -> None:
    """Build ``wheel`` into ``folder``."""
    features = [f"--features={','.join(wheel.features)}"] if wheel.features else []
    locked = ["--locked"] if os.environ.get("CI") else []
    # The caller's choice of an interpreter for cargo would be another one than maturin's.
    environment = {name: value for name, value in os.environ.items() if name != "PYO3_PYTHON"}
    maturin = [sys.executable, "-m", "maturin", "build", "--release", *locked, *features]
    run([*maturin, f"--interpreter={python}", f"--out={folder}"], environment=environment)


def test(wheel: Wheel, python: str, folder: Path) -> None:
    """Install ``wheel`` from ``folder`` into a fresh environment, and run its tests there."""
    found = sorted(folder.glob(f"*-{wheel.tag}-*.whl"))
    if len(found) != 1:
        raise WheelError(f"one wheel for {wheel.tag} is needed in {folder}, not {[path.name for path in found]}")
    foreign = {"PYTHONPATH", "DATABASE_URL", "VIRTUAL_ENV"}
    environment = {name: value for name, value in os.environ.items() if name not in foreign}
    with tempfile.TemporaryDirectory() as work:
        run([python, "-m", "venv", "--without-pip", f"{work}/venv"])
        installed = f"{work}/venv/bin/python"
        pip = [sys.executable, "-m", "pip", "--python", installed, "install", "--quiet"]
        run([*pip, "--no-index", str(found[0])])
        copy = Path(work) / "copy"
        copy.mkdir()
        run([installed, "-c", BARE], cwd=copy, environment=environment)
        group = "test-native" if wheel.tests == NATIVE else "test"
        run([*pip, wheel.django, "--group", f"{ROOT / 'pyproject.toml'}:{group}"])
        # What the tests need and nothing else: `python/` stays behind, so that only the wheel can be imported.
        for name in ("tests", "examples"):
            shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__", "*.sqlite3*"))
        shutil.copy(ROOT / "pyproject.toml", copy)
        run([installed, "-c", INSTALLED], cwd=copy, environment=environment)
        run([installed, "-c", VERSIONS], cwd=copy, environment=environment)
        run([installed, "-m", "pytest", "-q", *wheel.tests], cwd=copy, environment=environment)


def run(command: Sequence[str], *, cwd: Path = ROOT, environment: dict[str, str] | None = None) -> None:
    """Run ``command``; `WheelError` where it fails."""
    status = subprocess.run(command, cwd=cwd, env=environment, check=False).returncode
    if status != 0:
        raise WheelError(f"exit status {status}: {' '.join(command[:6])} ...")


def main(arguments: Sequence[str]) -> None:
    """Build or test the wheels that were asked for, or all."""
    parser = argparse.ArgumentParser(prog="python -m tests.packaging.wheels", description=__doc__)
    parser.add_argument("action", choices=("build", "test"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"{', '.join(WHEELS)}; without any: all")
    parser.add_argument(
        "--others", action="store_true", help="all but that of the Python that runs this, which `make test-wheel` tries"
    )
    options = parser.parse_args(arguments)
    if options.others and options.names:
        parser.error(f"--others chooses the wheels; {', '.join(options.names)} cannot be chosen as well")
    unknown = [name for name in options.names if name not in WHEELS]
    if unknown:
        parser.error(f"unknown wheel {unknown[0]!r}; there are {', '.join(WHEELS)}")
    done, failed, left_out = [], [], []
    own = "{}.{}".format(*sys.version_info) if options.others else None
    for name in options.names or (name for name in WHEELS if name != own):
        wheel = WHEELS[name]
        python = find_python(wheel.python)
        if python is None:
            left_out.append(f"{name} (no Python {wheel.python} found)")
            continue
        print(f"\n=== {options.action} {wheel.tag}, with {python}", flush=True)
        try:
            {"build": build, "test": test}[options.action](wheel, python, options.folder.resolve())
        except WheelError as error:
            print(f"=== {wheel.tag} failed: {error}", flush=True)
            failed.append(name)
        else:
            done.append(name)
    shown = {options.action: done, "failed": failed, "left out": left_out}
    print("; ".join(f"{what}: {', '.join(names) or 'nothing'}" for what, names in shown.items()))
    if failed or not done or (options.names and left_out):
        raise SystemExit(1)


if __name__ == "__main__":
    main(sys.argv[1:])
