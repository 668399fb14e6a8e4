"""Commands, options, targets and links that the documentation names exist."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

import pytest
from django.core.management import get_commands, load_command_class

from tests.docs.pages import ROOT, SHELLS, Command, Page, pages

PAGES = [*pages(), Page(ROOT / "CONTRIBUTING.md")]
OURS = {
    "run_job_queue": "docs/worker.md",
    "release_claim": "docs/worker.md",
    "check_job_queue": "docs/worker.md",
    "explain_error": "docs/reading-verdicts.md",
    "prune_job_history": "docs/dead-letters.md",
    "dead_letters": "docs/dead-letters.md",
}
"""Our commands, and the page that describes each."""
FOREIGN_OPTIONS = {"--graceful-shutdown", "--once"}
"""Options of other packages' commands: these are of django-container-manager's worker."""
PROGRAMS = {"cd", "git", "make", "pip", "python", "scripts/test-wheel"}
"""What the commands of a page may begin with; each more wants a way to check it."""

COMMANDS = [
    pytest.param(page, command, id=f"{page.name}:{command.line}")
    for page in PAGES
    for block in page.blocks
    if block.language in SHELLS
    for command in block.commands()
]


def targets() -> set[str]:
    return set(re.findall(r"^([a-z][a-z-]*):.*## ", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))


def options(command: str) -> set[str]:
    """The options of a management command that are its own, those of its subcommands too."""
    parser = load_command_class("job_retry.django", command).create_parser("manage.py", command)
    subparsers = [each for action in parser._actions if action.nargs == argparse.PARSER for each in parsers(action)]
    general = {"-h", "--help", "--version", "-v", "--verbosity", "--settings", "--pythonpath", "--traceback"}
    general |= {"--no-color", "--force-color", "--skip-checks"}
    actions = [action for each in (parser, *subparsers) for action in each._actions]
    return {option for action in actions for option in action.option_strings} - general


def parsers(action: argparse.Action) -> list[argparse.ArgumentParser]:
    """The parsers of the subcommands that ``action`` reads."""
    return list(action.choices.values()) if isinstance(action.choices, dict) else []


@pytest.mark.parametrize(("page", "command"), COMMANDS)
def test_the_command_exists(page: Page, command: Command) -> None:
    program = Path(command.words[0]).name if command.words[0].endswith("/bin/python") else command.words[0]
    assert program in PROGRAMS
    if program == "make":
        assert [word for word in command.words[1:] if "=" not in word and word not in targets()] == []
    elif (program, command.words[1]) == ("python", "manage.py"):
        name, *arguments = command.words[2:]
        application = get_commands()[name]
        parser = load_command_class(str(application), name).create_parser("manage.py", name)
        try:
            parser.parse_args(arguments)
        except (argparse.ArgumentError, SystemExit) as error:
            pytest.fail(f"{command.text}: {error}")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_targets_commands_and_options_in_the_text_exist(page: Page) -> None:
    in_code = re.findall(r"`([^`\n]+)`", page.text)
    known = {"--verbosity", *FOREIGN_OPTIONS}.union(*map(options, OURS))
    for code in in_code:
        if code.startswith("make "):
            assert {word for word in code.split()[1:] if "=" not in word} <= targets(), f"{page.name}: {code}"
        elif code.startswith("--"):
            assert code.split()[0] in known, f"{page.name}: {code}"
        elif code.startswith("manage.py "):
            assert code.split()[1] in get_commands(), f"{page.name}: {code}"


@pytest.mark.parametrize("command", OURS)
def test_every_option_of_our_commands_is_described(command: str) -> None:
    text = Page(ROOT / OURS[command]).text
    assert {option for option in options(command) if option not in text} == set()


@pytest.mark.parametrize("page", [Page(ROOT / "README.md"), Page(ROOT / "CONTRIBUTING.md")], ids=lambda page: page.name)
def test_links_outside_of_the_site_lead_somewhere(page: Page) -> None:
    links = [link for link in re.findall(r"\]\(([^)#]+)", page.text) if "://" not in link]
    assert [link for link in links if not Path(ROOT, link).exists()] == []
