"""What importing the package does and does not do."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
import sysconfig
from pathlib import Path

import job_retry
import pytest
from job_retry import RETRY_STRATEGIES, ErrorClassifier, RetryStrategy, _native

WORKING = """
import sys
from job_retry import RETRY_STRATEGIES, ErrorClassifier, ErrorType, RetryStrategy
assert ErrorClassifier.classify_error("Connection refused") is ErrorType.TRANSIENT
assert RETRY_STRATEGIES["default"].schedule() == [0.0, 2.0]
print(sorted({name.partition(".")[0] for name in sys.modules} & {"django", "rich", "numpy"}))
"""


@pytest.mark.parametrize("options", [["-W", "error"], ["-I", "-W", "error", "-X", "dev"], ["-OO", "-W", "error"]])
def test_a_fresh_interpreter_imports_it_without_a_warning_and_without_django(options: list[str]) -> None:
    result = subprocess.run([sys.executable, *options, "-c", WORKING], capture_output=True, text=True, check=False)
    assert (result.returncode, result.stderr, result.stdout) == (0, "", "[]\n")


LAZY = """
import sys
before = set(sys.modules)
import job_retry
dear = {"dataclasses", "datetime", "enum", "inspect", "logging", "re", "typing"}
print(sorted(dear & (set(sys.modules) - before)))
from job_retry import *
assert [ErrorType.__name__, Fingerprint.__name__, Rule.__name__] == ["ErrorType", "Fingerprint", "Rule"]
assert isinstance(ErrorClassifier.explain("no such image"), Classification)
assert set(dir(job_retry)) >= set(job_retry.__all__)
"""


def test_the_import_takes_in_nothing_that_costs_more_than_itself() -> None:
    result = subprocess.run([sys.executable, "-W", "error", "-c", LAZY], capture_output=True, text=True, check=False)
    assert (result.returncode, result.stderr, result.stdout) == (0, "", "[]\n")


def test_what_the_package_lacks_is_named() -> None:
    with pytest.raises(AttributeError, match="no attribute 'ErrorKlassifier'"):
        _ = job_retry.ErrorKlassifier  # type: ignore[attr-defined]


def test_the_native_module_can_be_imported_first() -> None:
    script = "import job_retry._native as n; print(n.ErrorClassifier.classify_error('no such image').value)"
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert result.stdout == "permanent\n"


def test_the_package_exports_the_native_classes() -> None:
    assert (ErrorClassifier, RetryStrategy) == (_native.ErrorClassifier, _native.RetryStrategy)
    assert RETRY_STRATEGIES is _native.RETRY_STRATEGIES
    assert set(job_retry.__all__) >= {"RETRY_STRATEGIES", "ErrorClassifier", "ErrorType", "RetryStrategy"}
    assert job_retry.__version__ == _native.__version__


def test_help_has_something_to_show() -> None:
    for native in (_native, ErrorClassifier, RetryStrategy, _native.ErrorTextCleaner):
        assert native.__doc__
        for name, member in vars(native).items():
            if not name.startswith("_") and (callable(member) or inspect.isdatadescriptor(member)):
                assert member.__doc__, name
    parameters = list(inspect.signature(RetryStrategy).parameters)
    assert parameters == ["max_attempts", "base_delay", "max_delay", "backoff_factor", "jitter"]


def documented(text: str | None) -> str:
    return " ".join((text or "").replace("`", "").split())


def test_the_stub_documents_what_help_shows() -> None:
    stub = ast.parse(Path(_native.__file__).with_name("_native.pyi").read_text(encoding="utf-8"))
    assert documented(ast.get_docstring(stub)) == documented(_native.__doc__)
    compared = 0
    for node in stub.body:
        if not isinstance(node, ast.ClassDef):
            continue
        native = getattr(_native, node.name)
        assert documented(ast.get_docstring(node)) == documented(native.__doc__)
        for member in node.body:
            if isinstance(member, ast.FunctionDef) and ast.get_docstring(member):
                shown = documented(getattr(native, member.name).__doc__)
                assert documented(ast.get_docstring(member)) == shown
                compared += 1
    assert compared >= 12


def test_classes_know_their_module() -> None:
    assert {ErrorClassifier.__module__, RetryStrategy.__module__} == {"job_retry._native"}


if sysconfig.get_config_var("Py_GIL_DISABLED"):  # elsewhere there is nothing to leave out: a lock is always there

    def test_importing_it_does_not_bring_the_lock_back() -> None:
        script = "import sys, job_retry; print(sys._is_gil_enabled())"
        command = [sys.executable, "-W", "error", "-c", script]
        assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "False\n"
