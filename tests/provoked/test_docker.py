"""A real Docker daemon, by its SDK for Python."""

from __future__ import annotations

import io
import json
import tarfile
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from tests.provoked import loopback, services
from tests.provoked.rows import Row, Table

docker = pytest.importorskip("docker")
pytestmark = pytest.mark.skipif(services.docker_missing() is not None, reason=f"Docker: {services.docker_missing()}")

if TYPE_CHECKING:
    from collections.abc import Iterator

DOCKER = Table("docker")
ERROR = "docker.errors.APIError"
IMAGE = "job:1"


@pytest.fixture(scope="module")
def daemon() -> Iterator[Any]:
    """Give a client of a daemon that has one image and no network."""
    with services.docker() as url, closing(docker.DockerClient(url)) as client:
        client.api.import_image_from_data(image(), repository="job", tag="1")
        yield client


def image() -> bytes:
    """Return an image with one program, in the form of `docker export`."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        archive.add(services.static_program(), "bin/busybox")
    return buffer.getvalue()


def run(daemon: Any, *command: str, **options: Any) -> None:
    daemon.containers.run(IMAGE, list(command), network_mode="none", remove=True, **options)


@contextmanager
def registry(status: int, body: Any = "", **headers: str) -> Iterator[str]:
    """Give the name of an image in a registry that always answers the same."""
    names = {"Content-Type": "application/json"} | {name.replace("_", "-"): value for name, value in headers.items()}
    with loopback.http(status, body if isinstance(body, str) else json.dumps(body), names) as url:
        yield url.removeprefix("http://") + "/team/app"


@DOCKER.row("docker.errors.DockerException", "transient", "the daemon is down or starting")
def a_daemon_that_is_down(daemon: Any) -> None:
    docker.DockerClient("unix:///run/no-such-docker.sock", version="auto").ping()


@DOCKER.row("docker.errors.ImageNotFound", "permanent", "the image has to be built or pulled first")
def an_image_that_is_missing(daemon: Any) -> None:
    daemon.containers.create("report:9")


@DOCKER.row("docker.errors.NotFound", "permanent", "there is no such container")
def a_container_that_is_missing(daemon: Any) -> None:
    daemon.containers.get("report-42")


@DOCKER.row("docker.errors.NotFound", "permanent", "somebody has to create the network")
def a_network_that_is_missing(daemon: Any) -> None:
    daemon.networks.get("backend")


@DOCKER.row(ERROR, "permanent", "another container has the name until somebody removes it")
def a_name_that_is_taken(daemon: Any) -> None:
    for _ in range(2):
        daemon.containers.create(IMAGE, "/bin/busybox", name="report")


@DOCKER.row(ERROR, "permanent", "the program is not in the image")
def a_program_that_is_not_in_the_image(daemon: Any) -> None:
    run(daemon, "/bin/report")


@DOCKER.row(ERROR, "permanent", "the name of the image is malformed")
def an_image_with_a_malformed_name(daemon: Any) -> None:
    daemon.images.pull("Team/App", tag="1")


@DOCKER.row(ERROR, "permanent", "the limit is below what the engine allows")
def too_little_memory(daemon: Any) -> None:
    run(daemon, "/bin/busybox", "true", mem_limit="1k")


@DOCKER.row(ERROR, "permanent", "the folder that is to be mounted is not there")
def a_mount_that_is_missing(daemon: Any) -> None:
    mount = docker.types.Mount("/data", "/srv/no-such-folder", type="bind")
    run(daemon, "/bin/busybox", "true", mounts=[mount])


@DOCKER.row("docker.errors.ContainerError", "unknown", "an exit code and no word")
def a_job_that_fails_without_a_word(daemon: Any) -> None:
    run(daemon, "/bin/busybox", "sh", "-c", "exit 3")


@DOCKER.row("docker.errors.ContainerError", "unknown", "killed without a word why")
def a_job_that_is_killed(daemon: Any) -> None:
    run(daemon, "/bin/busybox", "sh", "-c", "kill -KILL 1; exit 137")


@DOCKER.row("docker.errors.ContainerError", "transient", "the service that the job asks is down or starting")
def a_job_whose_service_is_down(daemon: Any) -> None:
    run(daemon, "/bin/busybox", "sh", "-c", "echo 'curl: (7) Failed to connect: Connection refused' >&2; exit 7")


@DOCKER.row("docker.errors.BuildError", "unknown", "an exit code and no word")
def a_step_of_a_build_that_fails(daemon: Any) -> None:
    recipe = io.BytesIO(f'FROM {IMAGE}\nRUN ["/bin/busybox", "false"]\n'.encode())
    daemon.images.build(fileobj=recipe, network_mode="none", rm=True)


@DOCKER.row(ERROR, "permanent", "somebody has to correct the recipe")
def a_recipe_with_a_slip(daemon: Any) -> None:
    daemon.images.build(fileobj=io.BytesIO(b"FORM scratch\n"), network_mode="none")


@DOCKER.row(ERROR, "transient", "the registry is down or starting")
def a_registry_that_is_down(daemon: Any) -> None:
    daemon.images.pull(f"127.0.0.1:{loopback.closed_port()}/team/app", tag="1")


@DOCKER.row(ERROR, "transient", "the registry is down or overloaded")
def a_registry_in_trouble(daemon: Any) -> None:
    with registry(503) as name:
        daemon.images.pull(name, tag="1")


@DOCKER.row(ERROR, "transient", "too many pulls; later there is room")
def a_registry_with_a_limit(daemon: Any) -> None:
    message = {"code": "TOOMANYREQUESTS", "message": "You have reached your pull rate limit."}
    with registry(429, {"errors": [message]}) as name:
        daemon.images.pull(name, tag="1")


@DOCKER.row(ERROR, "permanent", "the image has to be pushed first")
def an_image_that_the_registry_lacks(daemon: Any) -> None:
    with registry(404, {"errors": [{"code": "MANIFEST_UNKNOWN", "message": "manifest unknown"}]}) as name:
        daemon.images.pull(name, tag="1")


@DOCKER.each
def test_the_verdict_is_an_operators(row: Row, daemon: Any) -> None:
    row.check(daemon)
