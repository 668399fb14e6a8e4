"""docs/reference.md lists what there is."""

from __future__ import annotations

from job_retry.django.models import RetryableJob

from tests.docs.pages import ROOT, Page

PAGE = Page(ROOT / "docs/reference.md")


def test_every_column_of_the_job_model_is_listed() -> None:
    assert [row[0] for row in PAGE.table("### Columns")] == [
        f"`{field.name}`" for field in RetryableJob._meta.local_fields
    ]
