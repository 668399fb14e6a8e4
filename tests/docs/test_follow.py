"""Following a page notices what does not turn out as written."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docs.follow import is_run, run_command, run_python, same_every_time
from tests.docs.pages import ROOT, Block, Command, Page, _blocks

PAGE = Page(ROOT / "README.md")

MARKDOWN = """
# A page

```python title="jobs/models.py"
x = 1
```

> ```console
> $ python manage.py run_job_queue \\
>     --drain  # until nothing is left
> nothing to do
> $ make test
> ```
"""


def python(code: str) -> Block:
    return Block("python", None, 7, code)


def test_blocks_and_commands_are_found_where_they_stand() -> None:
    file, shell = _blocks(MARKDOWN)
    assert (file.language, file.file, file.line, file.code) == ("python", "jobs/models.py", 5, "x = 1\n")
    assert shell.commands() == [
        Command(9, ("python", "manage.py", "run_job_queue", "--drain"), ("nothing to do",)),
        Command(12, ("make", "test")),
    ]


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("print(1)\n# -> 2", "prints ['1']"),
        ("print(1)", "prints ['1']"),
        ("# -> 1", "prints []"),
        ("JOB_RETRY = {'QUEUE': {}}", "no option 'QUEUE'"),
    ],
)
def test_a_block_that_does_not_do_what_it_says_is_refused(code: str, said: str) -> None:
    with pytest.raises(AssertionError, match=re.escape(said)) as refused:
        run_python(PAGE, python(code), {})
    assert "README.md:7" in str(refused.value)


def test_blocks_share_a_namespace_and_what_they_raise_names_the_line_of_the_page() -> None:
    namespace: dict[str, object] = {}
    run_python(PAGE, python("x = 1"), namespace)
    with pytest.raises(ZeroDivisionError) as raised:
        run_python(PAGE, python("print(x)\n# -> 1\nx / 0"), namespace)
    assert (raised.traceback[-1].path, raised.traceback[-1].lineno + 1) == (PAGE.path, 9)


@pytest.mark.parametrize(
    ("words", "run"),
    [
        ("python manage.py migrate", True),
        ("python manage.py run_job_queue --drain", True),
        ("python manage.py run_job_queue", False),
        ("make demo", False),
    ],
)
def test_commands_of_the_project_that_end_are_run(words: str, run: bool) -> None:
    assert is_run(Command(1, tuple(words.split()))) is run


def test_a_command_that_fails_or_prints_something_else_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("manage.py").write_text("import sys\nprint('Worker a:1:b2 ended')\nsys.exit(len(sys.argv) - 1)\n")
    run_command(PAGE, Command(3, ("python", "manage.py"), ("Worker host:4711:c0ffee17 ended",)))
    with pytest.raises(AssertionError, match=r"README\.md:3: .* does not print 'Worker host:4711:c0ffee17 began'"):
        run_command(PAGE, Command(3, ("python", "manage.py"), ("Worker host:4711:c0ffee17 began",)))
    with pytest.raises(AssertionError, match=r"README\.md:3: python manage\.py fail ends with 1"):
        run_command(PAGE, Command(3, ("python", "manage.py", "fail")))


def test_what_differs_from_run_to_run_is_not_compared() -> None:
    line = "2026-01-05 09:30:00,484 INFO Worker host:4711:c0ffee17 runs"
    assert same_every_time(line) == "<time> INFO Worker <name> runs"
