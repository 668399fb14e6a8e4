"""The table of wheels is the one from which they are built and tested."""

from __future__ import annotations

from tests.docs.pages import ROOT, Page
from tests.packaging.wheels import DJANGO_5, NATIVE, WHEELS

PAGE = Page(ROOT / "docs/platforms.md")


def test_the_table_of_wheels_is_that_of_the_tests() -> None:
    rows = {tag.strip("`"): (django, tests) for tag, _python, django, tests in PAGE.table("## Python and Django")}
    assert list(rows) == [wheel.tag for wheel in WHEELS.values()]
    for wheel in WHEELS.values():
        django, tests = rows[wheel.tag]
        assert django.startswith("Django 5.2" if wheel.django == DJANGO_5 else "Django 6"), wheel.tag
        assert tests.startswith("tests of the native half") == (wheel.tests == NATIVE), wheel.tag
