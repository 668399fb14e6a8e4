"""The guides for other packages list what the code checks."""

from __future__ import annotations

import re

from job_retry.integrations.container_manager import checks

from tests.docs.pages import ROOT, Page


def test_every_check_of_the_drop_in_is_listed() -> None:
    listed = Page(ROOT / "docs/howto/django-container-manager.md").table("## System checks")
    documented = re.findall(r"^([EW]\d{3})  (.+)$", checks.__doc__ or "", re.MULTILINE)
    assert len(documented) == 5
    assert listed == [[code, text.replace("``", "`")] for code, text in documented]
