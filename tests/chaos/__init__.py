"""Faults tried on real processes: workers killed and frozen, a database restarted and killed, and what became of it.

    python -m tests.chaos [--seed N] [--jobs N] [--seconds N] [--every SECONDS] [--json] DATABASE

What happened is read from three records that no fault of the run touches, or that cannot disagree with the jobs: the
*store*, files to which launchers and the run append; the *audit*, rows that a trigger writes in the transaction that
changes a job; and the jobs themselves. `report` judges them; it is pure.
"""
