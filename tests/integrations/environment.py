"""A virtual environment with the real django-container-manager, beside this project's own.

It has dependencies that nothing else here needs, and does not go with every Django, so it is made where its tests are
run: `upstream_interpreter` makes it at the first call and finds it at the next.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / ".venv-container-manager"
REQUIREMENT = "django-container-manager==1.0.14"
INSTALL_SECONDS = 900


class UnavailableError(Exception):
    """The environment cannot be had here; the message says why."""


def upstream_interpreter() -> Path:
    """Return the environment's Python, which imports `job_retry` from this checkout, extension module included.

    Raises:
        UnavailableError: a package could not be installed.
    """
    python, stamp = FOLDER / "bin" / "python", FOLDER / ".installed"
    made_for = f"{sys.version}\n{sys.base_prefix}\n{REQUIREMENT}\n{(ROOT / 'pyproject.toml').read_text()}"
    if stamp.exists() and stamp.read_text() == made_for:
        return python
    print(f"Installing {REQUIREMENT} into {FOLDER.name} (a minute or two) ...", flush=True)
    group = f"{ROOT / 'pyproject.toml'}:test"
    pip = [sys.executable, "-m", "pip", "--python", str(python)]
    _run([sys.executable, "-m", "venv", "--clear", "--without-pip", str(FOLDER)])
    _run([*pip, "install", "--quiet", REQUIREMENT, "--group", group])
    (packages,) = FOLDER.glob("lib/python*/site-packages")
    (packages / "job_retry.pth").write_text(f"{ROOT / 'python'}\n")
    stamp.write_text(made_for)
    return python


def _run(command: list[str]) -> None:
    try:
        subprocess.run(command, check=True, stderr=subprocess.PIPE, text=True, timeout=INSTALL_SECONDS)
    except subprocess.TimeoutExpired as error:
        raise UnavailableError(f"not installed within {INSTALL_SECONDS} s") from error
    except subprocess.CalledProcessError as error:
        said = error.stderr.strip().splitlines() or [f"exit status {error.returncode}"]
        raise UnavailableError(said[-1]) from error
