"""Each thing that can be wrong with the settings or a model is said at start, with the names that exist."""

from __future__ import annotations

import subprocess
import sys
from typing import Any, ClassVar

import pytest
from django.core.checks import run_checks
from django.core.exceptions import ImproperlyConfigured
from django.db import models
from django.test import override_settings
from django.test.utils import isolate_apps
from job_retry import ErrorClassifier
from job_retry.django.checks import check_models
from job_retry.django.models import RetryableJob
from job_retry.django.queue import get_queue_manager

GOOD = {"MODEL": "app.ContainerJob", "LAUNCH": "tests.app.services.job_service.launch_job"}


RULE = {
    "id": "the-mill",
    "verdict": "transient",
    "why": "it is freed by itself",
    "message": "mill jammed",
    "examples": ["the mill jammed"],
}


class BadPattern(ErrorClassifier):
    """Has a pattern that `re` refuses."""

    PERMANENT_PATTERNS: ClassVar = ["(unclosed"]


def tell_nobody() -> None:
    """No hook: takes neither a job nor a decision."""


async def launch_later(job: Any) -> None:
    """No launcher: nobody awaits it."""


def queue(**options: Any) -> dict[str, Any]:
    return {"QUEUES": {"default": {**GOOD, **options}}}


# Settings, the code, and what message and hint together must say.
WRONG: list[tuple[Any, str, list[str]]] = [
    (["QUEUES"], "E001", ["must be a dict, not ['QUEUES']"]),
    ({"QEUES": {}}, "E001", ["no option 'QEUES'", "QUEUES", "JITTER"]),
    (queue(MAX_CONCURENT=3), "E001", ["no option 'MAX_CONCURENT'", "MAX_CONCURRENT"]),
    ({"QUEUES": ["default"]}, "E002", ["['default']", "a dict of name to queue"]),
    ({"QUEUES": {5: GOOD}}, "E002", ["QUEUES'] names a queue 5", "a name that is a str"]),
    ({"QUEUES": {"default": "app.ContainerJob"}}, "E002", ["'app.ContainerJob'", "MODEL and LAUNCH"]),
    (queue(MAX_CONCURRENT=0), "E002", ["['MAX_CONCURRENT'] is 0", "1 or more"]),
    (queue(CLAIM_BATCH=True), "E002", ["['CLAIM_BATCH'] is True", "1 or more"]),
    (queue(QUEUE_LIMIT="9"), "E002", ["['QUEUE_LIMIT'] is '9'", "1 or more, or None"]),
    (queue(RUN_LEASE_SECONDS=-1), "E002", ["['RUN_LEASE_SECONDS'] is -1", "seconds above 0"]),
    (queue(PRIORITY_STRATEGIES="no"), "E002", ["['PRIORITY_STRATEGIES'] is 'no'", "True or False"]),
    (queue(STRATEGY=""), "E002", ["['STRATEGY'] is ''", "a name"]),
    (queue(CLASSIFIER=ErrorClassifier), "E002", ["['CLASSIFIER']", "a dotted path"]),
    (queue(LAUNCH="launch"), "E002", ["['LAUNCH'] is 'launch'", "a dotted path such as"]),
    (queue(ON_RETRY=5), "E002", ["['ON_RETRY'] is 5", "a dotted path such as", "or None"]),
    (queue(MODEL="ContainerJob"), "E002", ["['MODEL'] is 'ContainerJob'", "app_label.ModelName"]),
    ({"JITTER": 1.5}, "E002", ["['JITTER'] is 1.5", "from 0 to 1"]),
    ({"MASK": ["("]}, "E002", ["['MASK'] is ['(']", 'invalid mask pattern "("']),
    ({"MASK": "secret"}, "E002", ["['MASK'] is 'secret'", "a list of patterns"]),
    ({"RULE_PACKS": ["dokcer"]}, "E002", ["['RULE_PACKS'] is ['dokcer']", "dokcer", "docker"]),
    ({"RULE_PACKS": "docker"}, "E002", ["['RULE_PACKS'] is 'docker'", "a list of names of packs, or None"]),
    ({"RULES": {"id": "x"}}, "E002", ["['RULES']", "a list of rules"]),
    ({"RULES": [{**RULE, "message": "(unclosed"}]}, "E002", ["the-mill", "(unclosed"]),
    ({"RULES": [{**RULE, "verdict": "perhaps"}]}, "E002", ["the-mill", "perhaps", "transient"]),
    ({"RULES": [{**RULE, "mesage": "x"}]}, "E002", ["the-mill", "mesage", "message"]),
    ({"RULES": [{**RULE, "examples": []}]}, "W001", ["project/the-mill: it has no example", "one that it decides"]),
    ({"RULES": [{**RULE, "examples": ["a mill"]}]}, "W002", ["project/the-mill", "a mill"]),
    ({"RULES": [{**RULE, "counterexamples": ["mill jammed?"]}]}, "W002", ["project/the-mill", "mill jammed?"]),
    (
        {"RULES": [RULE, {**RULE, "id": "again", "examples": ["well, the mill jammed"]}]},
        "W003",
        ["project/again", "project/the-mill"],
    ),
    ({"MAX_RETRY_AFTER_SECONDS": -5}, "E002", ["['MAX_RETRY_AFTER_SECONDS'] is -5", "above 0"]),
    ({"STRATEGIES": {"slow": 5}}, "E002", ["'slow' is given 5"]),
    ({"LEASE_SECONDS": 0}, "E002", ["['LEASE_SECONDS'] is 0", "above 0"]),
    ({"MAX_WORKER_LOSSES": 0}, "E002", ["['MAX_WORKER_LOSSES'] is 0", "1 or more"]),
    ({"QUEUES": {"default": {"MODEL": "app.ContainerJob"}}}, "E003", ["'default'", "lacks LAUNCH"]),
    ({"QUEUES": {"default": {}}}, "E003", ["lacks MODEL and LAUNCH"]),
    (queue(MODEL="app.Missing"), "E004", ["'app.Missing'", "no such model", "app.ContainerJob, app.ReportJob"]),
    (queue(MODEL="auth.User"), "E004", ["'auth.User'", "no RetryableJob", "app.ContainerJob"]),
    ({"QUEUES": {"a": GOOD, "b": GOOD}}, "E005", ["'a' and 'b'", "app.ContainerJob"]),
    (
        queue(LAUNCH="tests.app.servces.launch"),
        "E006",
        ["no attribute 'servces'", "migrations, models, services"],
    ),
    (
        queue(LAUNCH="tests.app.services.launch"),
        "E006",
        ["no attribute 'launch'", "tests.app.services has: ", "launch_report"],
    ),
    (queue(LAUNCH="tests.app.services.job_service.lunch"), "E006", ["tests.app.services.job_service has: launch_job."]),
    (queue(LAUNCH="tests.app.services.__doc__"), "E006", ["names a string, not a callable"]),
    (queue(LAUNCH="tests.checks.test_checks.launch_later"), "E006", ["coroutine function", "async_to_sync"]),
    (queue(LAUNCH=launch_later), "E006", ["coroutine function"]),
    (queue(STRATEGY="agressive"), "E007", ["'agressive'", "aggressive, conservative, default, high_priority"]),
    (queue(CLASSIFIER="job_retry.Clasifier"), "E008", ["'Clasifier'", "ErrorClassifier"]),
    (queue(CLASSIFIER="job_retry.ErrorType"), "E008", ["no method classify_error"]),
    (queue(CLASSIFIER="tests.checks.test_checks.BadPattern"), "E008", ["'(unclosed'"]),
    (queue(ON_RETRY="tests.app.services.tell"), "E012", ["['ON_RETRY']", "no attribute 'tell'", "launch_report"]),
    (queue(ON_DEAD_LETTER="nowhere.tell"), "E012", ["['ON_DEAD_LETTER']", "No module named 'nowhere'"]),
    (queue(ON_DEAD_LETTER="tests.app.services.__doc__"), "E012", ["names a string, not a callable"]),
    (queue(ON_DEAD_LETTER=tell_nobody), "E012", ["too many positional arguments", "a job and the decision"]),
    (queue(ON_RETRY="tests.checks.test_checks.launch_later"), "E012", ["coroutine function", "async_to_sync"]),
]


@pytest.mark.django_db(databases="__all__")  # Django 6.1 asks them whether they know JSON
@pytest.mark.parametrize(("configured", "code", "said"), WRONG, ids=[f"{code} {said[0]}" for _, code, said in WRONG])
def test_what_is_wrong_is_named_with_the_way_out(configured: Any, code: str, said: list[str]) -> None:
    with override_settings(JOB_RETRY=configured):
        problems = run_checks()  # Django's own included, which look at the strategies a job may name
    assert [problem.id for problem in problems] == [f"job_retry.{code}"]
    text = f"{problems[0].msg} {problems[0].hint}"
    assert [part for part in said if part not in text] == [], text


def test_the_settings_of_the_tests_are_in_order() -> None:
    assert run_checks(tags=["job_retry"]) == []


def test_several_problems_are_all_said() -> None:
    with override_settings(JOB_RETRY=queue(LAUNCH="nowhere.launch", STRATEGY="none", MODEL="no.Model")):
        codes = sorted(problem.id or "" for problem in run_checks(tags=["job_retry"]))
    assert codes == ["job_retry.E004", "job_retry.E006", "job_retry.E007"]


@pytest.mark.parametrize("code", ["E001", "E002", "E003", "E004", "E008"])
def test_a_manager_is_refused_for_the_same_reason_where_no_check_has_run(code: str) -> None:
    configured, said = next((row[0], row[2]) for row in WRONG if row[1] == code and "(unclosed" not in str(row[2]))
    with override_settings(JOB_RETRY=configured), pytest.raises(ImproperlyConfigured) as refused:
        get_queue_manager()
    assert said[0] in str(refused.value)


def test_an_unknown_queue_is_refused_with_those_that_exist() -> None:
    with pytest.raises(ImproperlyConfigured, match=r"no queue 'defualt'\. Queues: default, reports\."):
        get_queue_manager("defualt")


@isolate_apps("tests.app")
def test_a_model_whose_meta_drops_the_bases_is_named() -> None:
    class Forgetful(RetryableJob):
        class Meta:
            app_label = "app"

    class Inheriting(RetryableJob):
        class Meta(RetryableJob.Meta):
            app_label = "app"

    class Adding(RetryableJob):
        class Meta(RetryableJob.Meta):
            app_label = "app"
            indexes: ClassVar = [*RetryableJob.Meta.indexes, models.Index(fields=["priority"])]

    assert check_models([Inheriting, Adding]) == []
    [problem] = check_models([Forgetful])
    assert problem.code == "E009"
    assert "app.Forgetful" in problem.message
    assert "class Meta(RetryableJob.Meta)" in problem.hint


@isolate_apps("tests.app")
@pytest.mark.parametrize(
    ("key", "said"),
    [
        (models.CharField(primary_key=True, max_length=255), None),
        (models.CharField(primary_key=True, max_length=256), "of up to 256 characters"),
        (models.TextField(primary_key=True), "without a limit"),
        (models.UUIDField(primary_key=True), None),
    ],
)
def test_a_key_must_fit_into_the_ledger(key: Any, said: str | None) -> None:
    class Keyed(RetryableJob):
        code = key

        class Meta(RetryableJob.Meta):
            app_label = "app"

    found = [(problem.code, problem.message) for problem in check_models([Keyed])]
    assert [code for code, _ in found] == ["E013"] * (said is not None)
    assert all(str(said) in message for _, message in found)


@isolate_apps("tests.app")
def test_fields_of_dead_letters_must_be_fields() -> None:
    class Choosy(RetryableJob):
        image = models.CharField(max_length=10)

        dead_letter_fields = ("image", "colour", "image__colour")

        class Meta(RetryableJob.Meta):
            app_label = "app"

    found = check_models([Choosy])
    assert [problem.code for problem in found] == ["E014", "E014"]
    assert "'colour'" in found[0].message
    assert "image" in found[0].message  # which there is


@isolate_apps("tests.app")
def test_a_models_default_strategy_must_be_registered() -> None:
    class Typing(RetryableJob):
        default_retry_strategy = "fats"

        class Meta(RetryableJob.Meta):
            app_label = "app"

    [problem] = check_models([Typing])
    assert problem.code == "E007"
    assert "app.Typing.default_retry_strategy is 'fats'" in problem.message
    assert "aggressive" in problem.hint


@isolate_apps("tests.app")
def test_index_names_fit_whatever_the_class_is_called() -> None:
    class AJobWithANameThatIsLongerThanAnyIndexNameMayBeOnAnyDatabase(RetryableJob):
        class Meta(RetryableJob.Meta):
            app_label = "app"

    model = AJobWithANameThatIsLongerThanAnyIndexNameMayBeOnAnyDatabase
    assert model.check() == []
    assert all(len(index.name) <= 30 for index in model._meta.indexes)


def test_a_job_model_without_the_app_is_told_to_add_it() -> None:
    program = (
        "from django.conf import settings; settings.configure(INSTALLED_APPS=['django.contrib.contenttypes']);"
        "import django; django.setup(); import job_retry.django.models"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert "ImproperlyConfigured: A RetryableJob needs the app" in ended.stderr
    assert "add 'job_retry.django' to INSTALLED_APPS" in ended.stderr
