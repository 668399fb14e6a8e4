"""The console's pages, as a browser asks for them: statements, time in the database, and time in all."""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.contrib.auth.models import User
from django.db import connection
from django.db.models import Count
from django.test import Client
from django.urls import reverse
from job_retry.django.history.models import DeadLetter

from many_letters.work import ROUNDS

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass
class Taken:
    """What one answer took."""

    queries: int = 0
    database_seconds: float = 0.0
    seconds: float = 0.0

    def statement(self, execute: Callable[..., Any], *arguments: Any) -> Any:
        """Run a statement, and count it."""
        start = time.perf_counter()
        try:
            return execute(*arguments)
        finally:
            self.queries += 1
            self.database_seconds += time.perf_counter() - start


def addresses() -> dict[str, str]:
    """Return the pages by what they show."""
    of_group = DeadLetter.objects.values("fingerprint").annotate(number=Count("pk")).order_by("-number")
    largest = of_group[0]["fingerprint"]
    letter = DeadLetter.objects.order_by("-died_at")[0].pk
    groups, jobs = reverse("admin:job_retry_deadletter_changelist"), reverse("admin:job_retry_deadletter_jobs")
    overview = reverse("admin:job_retry_deadletter_overview")
    return {
        "groups": groups,
        "groups, searched for a word": f"{groups}?search=warehouse",
        "jobs of the largest group": f"{jobs}?fingerprint={largest}",
        "jobs, all": jobs,
        "timeline of a job": reverse("admin:job_retry_deadletter_change", args=[letter]),
        "overview": overview,
        "overview of all the time": f"{overview}?period=all",
    }


def measure() -> dict[str, dict[str, float]]:
    """Return the medians of each page."""
    client = Client()
    client.force_login(User.objects.create_superuser("bench"))
    found = {}
    for name, address in addresses().items():
        _answer(client, address)  # compiles templates, and the statements' plans
        rounds = [_answer(client, address) for _ in range(ROUNDS)]
        found[name] = {key: statistics.median(getattr(taken, key) for taken in rounds) for key in vars(Taken())}
    return found


def _answer(client: Client, address: str) -> Taken:
    taken = Taken()
    start = time.perf_counter()
    with connection.execute_wrapper(taken.statement):
        response = client.get(address)
    taken.seconds = time.perf_counter() - start
    assert response.status_code == 200, (address, response.status_code)
    return taken
