"""The figures of a run, and whether it was sound."""

from __future__ import annotations

import json

from tests.chaos.evidence import Row
from tests.chaos.records import SOUND_KINDS, SOUND_ROWS, History, sound_history
from tests.chaos.recovery import Recovery
from tests.chaos.report import as_json, as_text, judge


def test_figures_of_a_sound_run() -> None:
    report = judge(sound_history().evidence(SOUND_KINDS, SOUND_ROWS, seconds=19.0))
    assert report.is_sound
    assert (report.jobs, report.launches, report.launches_repeated, report.overlaps_past_a_lease) == (3, 6, 2, 1)
    assert report.faults == {"kill": 1, "freeze": 1}
    assert report.amid == {"claimed": 0, "amid the launch": 2, "amid the result": 0}
    assert report.recovery == {"kill": Recovery(1, 5.0, 5.0), "freeze": Recovery(1, 5.0, 5.0)}
    assert "BROKEN" not in as_text(report)
    assert json.loads(json.dumps(as_json(report)))["sound"]


def test_a_broken_run_names_what_broke() -> None:
    rows = {key: Row("queued", 0, 0) for key in range(1, 9)}
    report = judge(sound_history().evidence(dict.fromkeys(rows, "instant"), rows))
    assert not report.is_sound
    text = as_text(report)
    assert "job 1 (instant) is queued, not completed" in text
    assert "and 3 more" in text
    assert as_json(report)["findings"]["jobs lost"][7] == "job 8 (instant) is queued, not completed"


def test_a_run_that_hangs_is_not_sound() -> None:
    report = judge(sound_history().evidence(SOUND_KINDS, SOUND_ROWS, unfinished="no job has ended for 60 s"))
    assert not report.is_sound
    assert "ENDED BEFORE ITS JOBS HAD: no job has ended for 60 s" in as_text(report)


def test_jobs_met_by_a_fault_are_told_by_their_step() -> None:
    history = History()
    for job, token in ((1, "t1"), (2, "t2"), (3, "t3"), (4, "t4")):
        history.claim(1.0, job, token, worker=11)
        if job > 1:
            history.start(1.1, job, f"r{job}", token, worker=11)
        if job > 2:
            history.end(1.2, f"r{job}")
    history.result(1.3, 4, "r4")
    history.killed(2.0, 11)
    report = judge(history.evidence({}, {}))
    assert report.amid == {"claimed": 1, "amid the launch": 1, "amid the result": 1}


def test_workers_recover_from_a_fault_of_the_server_when_they_launch_again() -> None:
    history = History()
    for worker, starts in {11: (1.0, 9.0), 12: (1.5, 7.5, 8.0), 13: (1.0, 5.5), 14: (8.0,)}.items():
        for at in starts:
            history.start(at, worker, f"{worker} {at}", "t", worker)
    history.fault(5.0, "crash", 0, until=7.0, for_all=True)
    assert judge(history.evidence({}, {})).recovery == {"crash": Recovery(2, 3.25, 4.0)}


def test_a_stall_counts_unless_it_is_our_freeze() -> None:
    history = History()
    history.fault(1.0, "freeze", 11, until=8.0)
    history.fault(0.9, "stall", 11, until=8.3)
    history.fault(2.0, "stall", 12, until=5.0)
    assert judge(history.evidence({}, {})).faults == {"freeze": 1, "stall": 1}
