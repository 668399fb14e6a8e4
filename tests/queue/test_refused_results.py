"""A result that the database does not take, since a rule of the project's own forbids it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.db import connection
from django.db.models import CheckConstraint, Q
from job_retry.django.testing import COMPLETED

from tests.app.models import ContainerJob
from tests.queue.support import assert_invariants, manager_for, queued_job, row

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def no_forbidden_run(transactional_db: None) -> Iterator[None]:
    """Have the database refuse an execution id."""
    rule = CheckConstraint(condition=~Q(execution_id="forbidden"), name="no_forbidden_run")
    # SQLite makes the table anew, with the constraints that the model has.
    with pytest.MonkeyPatch.context() as patch, connection.schema_editor() as editor:
        patch.setattr(ContainerJob._meta, "constraints", [rule])
        editor.add_constraint(ContainerJob, rule)
    try:
        yield
    finally:
        with connection.schema_editor() as editor:
            editor.remove_constraint(ContainerJob, rule)


def test_a_result_that_is_refused_is_a_failed_attempt_that_says_why(
    no_forbidden_run: None, caplog: pytest.LogCaptureFixture
) -> None:
    manager = manager_for(lambda job: {**COMPLETED, "execution_id": "forbidden"})
    job = queued_job(manager)
    [claimed] = manager.claim_next_batch(1)
    result = manager.launch_claimed_job(claimed)
    assert result["error"].startswith("Permanently failed: IntegrityError: ")
    assert (row(job).status, row(job).retry_count, row(job).execution_id) == ("failed", 1, "")
    assert "no_forbidden_run" in row(job).last_error
    assert "could not be written" in caplog.text
    assert_invariants()
