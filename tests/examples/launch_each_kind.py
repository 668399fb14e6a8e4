"""Launch one job of each kind, once, without a queue, and print what its launcher hands back. Run in the project."""

import json
import os

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "project.settings"
django.setup()

from demonstration.kinds import KINDS  # noqa: E402
from demonstration.network import LoopbackService  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.utils import timezone  # noqa: E402
from job_retry.django.classifiers import project_classifier  # noqa: E402
from job_retry.django.error_text import exception_of  # noqa: E402
from job_retry.django.judgement import judge  # noqa: E402
from job_retry.django.launcher import call_launcher  # noqa: E402
from jobs.models import ContainerJob  # noqa: E402
from jobs.services import launch_job  # noqa: E402

call_command("migrate", verbosity=0)
classifier = project_classifier()
outcomes = {}
for kind in KINDS:
    service = kind.service and LoopbackService(kind.service)
    job = ContainerJob.objects.create(
        name=kind.name, image=kind.image, command=kind.command.format(port=service.port if service else None)
    )
    outcome = call_launcher(launch_job, job, idempotency_key="")
    if service:
        service.close()
    outcomes[kind.name] = {
        "completed": outcome.completed,
        "error": outcome.error,
        "verdict": judge(classifier, outcome.error, exception_of(outcome.error), timezone.now()).error_type.value,
        "started": ContainerJob.objects.get(pk=job.pk).started_at is not None,
    }
print(json.dumps(outcomes))
