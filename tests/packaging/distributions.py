"""Check that the distributions in FOLDER hold what they should and nothing else.

    python -m tests.packaging.distributions FOLDER

`scripts/test-wheel` does so for what `make wheel` has built.
"""

from __future__ import annotations

import re
import sys
import tarfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[2]

SOURCE_FILES = {
    *("CHANGELOG.md", "Cargo.lock", "Cargo.toml", "LICENSE", "README.md", "pyproject.toml"),
    *("build.rs", "benches/growth.rs"),
}
"""What the source distribution needs beside the sources to be built and read; the manifest names the benchmark."""

BUILT = re.compile(r"job_retry/_native\.[\w-]+\.so")


def sources(folder: str) -> set[str]:
    """Return the files below ``folder``, without what is built there."""
    paths = {path.relative_to(ROOT) for path in (ROOT / folder).rglob("*") if path.is_file()}
    return {path.as_posix() for path in paths if "__pycache__" not in path.parts and path.suffix != ".so"}


def check_source_distribution(archive: Path) -> None:
    """The source distribution holds both halves' sources, and no tests."""
    prefix = archive.name.removesuffix(".tar.gz")
    with tarfile.open(archive) as file:
        names = {member.name.removeprefix(f"{prefix}/") for member in file if member.isfile()}
    compare(archive, names, SOURCE_FILES | {"PKG-INFO"} | sources("src") | sources("python"))


def check_wheel(archive: Path) -> None:
    """The wheel holds the package, one native module, and the licence."""
    with zipfile.ZipFile(archive) as file:
        names = set(file.namelist())
    native = {name for name in names if BUILT.fullmatch(name)}
    assert len(native) == 1, f"{archive.name} has the native modules {sorted(native)}"
    about = {name for name in names if ".dist-info/" in name}
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in about), f"{archive.name} lacks its licence"
    compare(archive, names - native - about, {name.removeprefix("python/") for name in sources("python")})


def compare(archive: Path, names: set[str], expected: set[str]) -> None:
    """Name what is missing and what should not be there."""
    missing, surplus = sorted(expected - names), sorted(names - expected)
    assert not missing, f"{archive.name} lacks {missing}"
    assert not surplus, f"{archive.name} should not have {surplus}"


def main(folder: Path) -> None:
    """Check the one source distribution and the one wheel in ``folder``."""
    [source] = folder.glob("*.tar.gz")
    [wheel] = folder.glob("*.whl")
    check_source_distribution(source)
    check_wheel(wheel)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
