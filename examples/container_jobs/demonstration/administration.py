"""The admin on the demo's jobs: a user, a worker and a web server, from the first line to the exit status."""

from __future__ import annotations

import secrets
from contextlib import contextmanager
from threading import Thread
from typing import TYPE_CHECKING

from django.contrib.auth.models import User
from django.contrib.staticfiles.handlers import StaticFilesHandler
from django.core.management import call_command
from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler, get_internal_wsgi_application
from django.db import connections
from job_retry.django.queue import get_queue_manager
from job_retry.django.worker import Worker
from jobs.models import ContainerJob

from .run import INTERRUPTED, NAME_PREFIX
from .run import main as run_demo

if TYPE_CHECKING:
    from collections.abc import Iterator

DEFAULT_PORT = 8000
ONLY_THIS_MACHINE = "127.0.0.1"
USER = "demo"


def main(port: int) -> int:
    """Serve the admin until Ctrl-C and return the exit status."""
    call_command("migrate", verbosity=0)
    if not ContainerJob.objects.filter(name__startswith=NAME_PREFIX).exists() and run_demo() == INTERRUPTED:
        return INTERRUPTED
    password = set_password()
    with web_server(port) as server, worker_beside():
        try:
            print(
                "\nThe demo's jobs are in the admin, and a worker runs what is retried there, until Ctrl-C:\n\n"
                f"    http://{ONLY_THIS_MACHINE}:{server.server_port}/admin/\n"
                f"    user {USER}, password {password}\n\n"
                'Those that failed for good are under "Dead letters", by what they failed of.\n',
                flush=True,
            )
            server.serve_forever()
        except KeyboardInterrupt:
            print("\nStopping.", flush=True)
    return 0


def set_password() -> str:
    """Give the demo's superuser a new password: whoever is let into the admin can have any command run."""
    password = secrets.token_urlsafe(9)
    user, _created = User.objects.update_or_create(
        username=USER, defaults={"is_staff": True, "is_superuser": True, "is_active": True}
    )
    user.set_password(password)
    user.save()
    return password


def web_server(port: int) -> ThreadedWSGIServer:
    """Return a server that listens on ``port``, or on a free one where that is taken."""
    try:
        server = ThreadedWSGIServer((ONLY_THIS_MACHINE, port), WSGIRequestHandler)
    except OSError as error:
        server = ThreadedWSGIServer((ONLY_THIS_MACHINE, 0), WSGIRequestHandler)
        print(f"Port {port} cannot be had ({error.strerror}); taking {server.server_port}.")
    server.set_app(StaticFilesHandler(get_internal_wsgi_application()))
    return server


@contextmanager
def worker_beside() -> Iterator[None]:
    """Run the queue's worker in a thread, and let its launches end before leaving."""
    worker = Worker(get_queue_manager())

    def work() -> None:
        try:
            worker.run()
        finally:
            connections.close_all()  # those of this thread

    thread = Thread(target=work, name="worker")
    thread.start()
    try:
        yield
    finally:
        worker.stop()
        thread.join()
