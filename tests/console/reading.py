"""What people read on a page of the console."""

from __future__ import annotations

import re
from html import unescape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from django.test import Client

GROUPS = "/job_retry/deadletter/"
JOBS = "/job_retry/deadletter/jobs/"
JOB = "/job_retry/deadletter/job/"


def letter_page(pk: int) -> str:
    return f"{GROUPS}{pk}/change/"


def html(client: Client, path: str, status: int = 200) -> str:
    """Return the page itself, without what surrounds it in the admin."""
    response = client.get(path)
    assert response.status_code == status, path
    document = response.content.decode()
    return document[document.index('<div class="dead-letters">') : document.index('<footer id="footer">')]


def words(client: Client, path: str, status: int = 200) -> str:
    """Return the text of the page."""
    return in_words(html(client, path, status))


def in_words(markup: str) -> str:
    return " ".join(unescape(re.sub(r"<.*?>", " ", markup)).replace("\xa0", " ").split())


def rows(client: Client, path: str) -> list[str]:
    """Return the text of each row of the page's first table."""
    bodies = re.findall(r"(?s)<tbody>(.*?)</tbody>", html(client, path))
    return [in_words(row) for row in re.findall(r"(?s)<tr>(.*?)</tr>", bodies[0])] if bodies else []
