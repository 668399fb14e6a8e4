"""A loop of our own around `SELECT ... FOR UPDATE SKIP LOCKED`, by psycopg: what PostgreSQL itself makes of the work.

It knows one kind of job, classifies nothing, tells nobody, and has no lease: a job whose worker dies is lost.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import psycopg

from job_queue.program import analyze, main
from job_queue.work import MAX_ATTEMPTS

if TYPE_CHECKING:
    from job_queue.program import Order

TABLE = """
CREATE TABLE jobs (
    id bigint PRIMARY KEY, state text NOT NULL DEFAULT 'queued', attempts int NOT NULL DEFAULT 0,
    run_at timestamptz NOT NULL DEFAULT now(), error text, ended_at timestamptz
)
"""
INDEX = "CREATE INDEX ON jobs (run_at, id) WHERE state = 'queued'"
CLAIM = """
UPDATE jobs SET state = 'running', attempts = attempts + 1
WHERE id IN (SELECT id FROM jobs WHERE state = 'queued' AND run_at <= now()
             ORDER BY run_at, id LIMIT %s FOR UPDATE SKIP LOCKED)
RETURNING id, attempts
"""
OUTCOME = """
UPDATE jobs SET state = %s, error = %s, run_at = now(), ended_at = CASE WHEN %s = 'queued' THEN NULL ELSE now() END
WHERE id = %s
"""
OUTCOMES = """
UPDATE jobs SET state = told.state, error = told.error, run_at = now(),
                ended_at = CASE WHEN told.state = 'queued' THEN NULL ELSE now() END
FROM unnest(%s::bigint[], %s::text[], %s::text[]) AS told (id, state, error) WHERE jobs.id = told.id
"""


def prepare(order: Order) -> None:
    with psycopg.connect(order.url, autocommit=True) as connection:
        connection.execute(TABLE)
        connection.execute(INDEX)
        connection.execute("INSERT INTO jobs (id) SELECT generate_series(1, %s)", [order.jobs])
    analyze(order.url)


def work(order: Order) -> float:
    batch = int(str((order.options or {})["batch"]))
    with psycopg.connect(order.url, autocommit=True) as connection:
        started_at = time.perf_counter()
        while claimed := connection.execute(CLAIM, [batch]).fetchall():
            rows = [(job, *end(order, job, attempt)) for job, attempt in claimed]
            if batch == 1:
                ((job, state, error),) = rows
                connection.execute(OUTCOME, [state, error, state, job])
            else:
                jobs, states, errors = map(list, zip(*rows, strict=True))
                connection.execute(OUTCOMES, [jobs, states, errors])
        return time.perf_counter() - started_at


def end(order: Order, job: int, attempt: int) -> tuple[str, str | None]:
    """Return what becomes of an attempt: the state, and the error."""
    error = order.work.error(job, attempt)
    if error is None:
        return "done", None
    return ("queued" if attempt < MAX_ATTEMPTS else "dead"), error


def check(order: Order) -> None:
    state = "done" if order.work.succeeds else "dead"
    with psycopg.connect(order.url) as connection:
        rows = connection.execute("SELECT state, attempts, count(*) FROM jobs GROUP BY 1, 2").fetchall()
    assert rows == [(state, order.work.attempts, order.jobs)], rows


if __name__ == "__main__":
    main(prepare, work, check)
