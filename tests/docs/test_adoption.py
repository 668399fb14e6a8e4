"""The guide to an existing model shows the migration that `tests/adoption` runs."""

from __future__ import annotations

import re

from django.db.migrations.loader import MigrationLoader
from job_retry.django.models import RetryableJob

from tests.docs.pages import ROOT, Page

SHOWN = {block.file: block.code for block in Page(ROOT / "docs/howto/adopt-existing-model.md").blocks}


def test_the_migration_is_the_tested_one() -> None:
    file = "exports/migrations/0003_queue_states.py"
    assert SHOWN[file] == (ROOT / "tests/adoption" / file).read_text(encoding="utf-8")


def test_the_model_has_the_columns_that_the_migration_finds() -> None:
    shown = set(re.findall(r"^    (\w+) = models\.", SHOWN["exports/models.py"], re.MULTILINE))
    state = MigrationLoader(None).project_state([("exports", "0003_queue_states")]).models["exports", "export"]
    inherited = {field.name for field in RetryableJob._meta.get_fields()}
    assert shown == set(state.fields) - inherited - {"id"}
