"""docs/settings.md lists each option and each system check as the code has it."""

from __future__ import annotations

import ast
import re
from dataclasses import MISSING, Field, fields
from typing import Any

import pytest
from job_retry.django import settings as job_retry_settings
from job_retry.django.settings import JobRetrySettings, QueueSettings

from tests.docs.pages import ROOT, Page

PACKAGE = ROOT / "python/job_retry"
PAGE = Page(ROOT / "docs/settings.md")
TABLES = [
    ("## Options", job_retry_settings._OPTIONS, JobRetrySettings),
    ("## Options of a queue", job_retry_settings._QUEUE_OPTIONS, QueueSettings),
]
CHECKS = [
    ("django/checks.py", "docs/settings.md", "## System checks"),
    ("integrations/container_manager/checks.py", "docs/howto/django-container-manager.md", "## System checks"),
]


def default(option: Field[Any]) -> str:
    if option.default_factory is not MISSING:
        return f"`{option.default_factory()!r}`"
    return "required" if option.default is MISSING else f"`{option.default!r}`"


def allowed(option: job_retry_settings._Option) -> str:
    """What the option may be, in the words with which a wrong value is refused."""
    with pytest.raises((TypeError, ValueError)) as refused:
        option.read(object())
    return str(refused.value)


@pytest.mark.parametrize(("heading", "options", "read"), TABLES, ids=["all", "queue"])
def test_every_option_is_listed_with_its_values_and_default(heading: str, options: Any, read: Any) -> None:
    attributes = {field.name: field for field in fields(read)}
    expected = [[f"`{key}`", allowed(option), default(attributes[option.attribute])] for key, option in options.items()]
    listed = [row[:3] for row in PAGE.table(heading)]
    if read is JobRetrySettings:  # read on its own, since it has options of its own
        expected.insert(0, ["`QUEUES`", "a dict of name to queue", default(attributes["queues"])])
    assert listed == expected


def test_every_option_says_what_it_means() -> None:
    assert [row for heading, *_ in TABLES for row in PAGE.table(heading) if not row[3].endswith(".")] == []


@pytest.mark.parametrize(("source", "page", "heading"), CHECKS, ids=[page for _, page, _ in CHECKS])
def test_every_system_check_is_listed(source: str, page: str, heading: str) -> None:
    words = ast.get_docstring(ast.parse((PACKAGE / source).read_text(encoding="utf-8"))) or ""
    documented = re.findall(r"^([EW]\d+)  (.+)$", words, re.MULTILINE)
    assert Page(ROOT / page).table(heading) == [[code, words.replace("``", "`")] for code, words in documented]


def test_every_system_check_that_exists_is_documented() -> None:
    sources = [PACKAGE / "django" / name for name in ("checks.py", "settings.py", "models.py", "admin/checks.py")]
    used = {
        code
        for path in sources
        for code in re.findall(r'"(?:job_retry\.)?([EW]\d{3})"', path.read_text(encoding="utf-8"))
    }
    assert {row[0] for row in PAGE.table("## System checks")} == used
