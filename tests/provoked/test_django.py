"""What Django raises of itself."""

from __future__ import annotations

from contextlib import suppress

import pytest
from django.apps import apps
from django.contrib.auth import get_user_model
from django.core import signing
from django.core.files.storage import FileSystemStorage
from django.core.mail import EmailMessage
from django.core.management import call_command
from django.core.paginator import Paginator
from django.core.validators import validate_email
from django.db import transaction
from django.db.utils import ConnectionHandler, IntegrityError
from django.http import QueryDict
from django.shortcuts import get_object_or_404
from django.template import Context, Engine
from django.urls import reverse
from django.utils.module_loading import import_string

from tests.provoked.rows import Row, Table

DJANGO = Table("Django")


@DJANGO.row("django.contrib.auth.models.User.DoesNotExist", "permanent", "the same job finds nothing again")
def an_object_that_is_missing() -> None:
    get_user_model().objects.get(username="nobody")


@DJANGO.row("django.contrib.auth.models.User.MultipleObjectsReturned", "permanent", "the data are ambiguous")
def two_objects_for_one() -> None:
    for name in ("first", "second"):
        get_user_model().objects.create(username=name)
    get_user_model().objects.get()


@DJANGO.row("django.http.response.Http404", "permanent", "the same job finds nothing again")
def an_object_or_404() -> None:
    get_object_or_404(get_user_model(), username="nobody")


@DJANGO.row("django.core.exceptions.ValidationError", "permanent", "the data are wrong")
def an_address_that_is_none() -> None:
    validate_email("nobody at example")


@DJANGO.row("django.core.exceptions.ValidationError", "permanent", "the data are wrong")
def a_model_that_is_not_clean() -> None:
    get_user_model()(username="", email="x").full_clean()


@DJANGO.row("django.core.exceptions.FieldError", "permanent", "a mistake of the program")
def a_field_that_is_missing() -> None:
    get_user_model().objects.filter(shoe_size=42).first()


@DJANGO.row("django.core.exceptions.FieldDoesNotExist", "permanent", "a mistake of the program")
def a_field_without_a_definition() -> None:
    get_user_model()._meta.get_field("shoe_size")


@DJANGO.row("django.db.utils.IntegrityError", "permanent", "the row is there already")
def a_name_that_is_taken() -> None:
    for _ in range(2):
        get_user_model().objects.create(username="taken")


@DJANGO.row(
    "django.db.transaction.TransactionManagementError",
    "permanent",
    "the error behind it says it: the row is there",
)
def a_query_after_an_error() -> None:
    with transaction.atomic():
        with suppress(IntegrityError):
            a_name_that_is_taken()
        get_user_model().objects.first()


@DJANGO.row("django.core.signing.BadSignature", "permanent", "the value was changed, or signed with another key")
def a_value_that_was_changed() -> None:
    signing.loads("changed:value:here")


@DJANGO.row("django.core.signing.SignatureExpired", "permanent", "it only gets older")
def a_value_that_is_too_old() -> None:
    signing.loads(signing.dumps(1), max_age=-1)


@DJANGO.row("django.core.exceptions.ImproperlyConfigured", "permanent", "somebody has to correct the settings")
def a_database_of_an_unknown_kind() -> None:
    ConnectionHandler({"default": {"ENGINE": "django.db.backends.paper"}})["default"].cursor()


@DJANGO.row("ImportError", "permanent", "somebody has to correct the settings")
def a_path_that_leads_nowhere() -> None:
    import_string("tests.app.services.no_such_function")


@DJANGO.row("LookupError", "permanent", "no such app is installed")
def an_app_that_is_not_installed() -> None:
    apps.get_model("warehouse", "Order")


@DJANGO.row("django.template.exceptions.TemplateDoesNotExist", "permanent", "somebody has to write it")
def a_template_that_is_missing() -> None:
    Engine().get_template("orders/report.html")


@DJANGO.row("django.template.exceptions.TemplateSyntaxError", "permanent", "somebody has to correct it")
def a_template_with_a_slip() -> None:
    Engine().from_string("{% if %}").render(Context())


@DJANGO.row("django.urls.exceptions.NoReverseMatch", "permanent", "there is no such view")
def a_view_that_is_missing() -> None:
    reverse("orders:report")


@DJANGO.row("django.utils.datastructures.MultiValueDictKeyError", "permanent", "the data lack the key")
def a_parameter_that_is_missing() -> None:
    QueryDict("page=1")["order"]


@DJANGO.row("django.core.exceptions.SuspiciousFileOperation", "permanent", "the path leads out of it")
def a_path_that_leads_out() -> None:
    FileSystemStorage("/srv/media").path("../../etc/passwd")


@DJANGO.row("django.core.paginator.EmptyPage", "permanent", "there is no such page")
def a_page_beyond_the_last() -> None:
    Paginator([1, 2], 1).page(9)


@DJANGO.row("django.core.management.base.CommandError", "permanent", "there is no such command")
def a_command_that_is_missing() -> None:
    call_command("no_such_command")


@DJANGO.row("django.core.management.base.CommandError", "permanent", "there is no such fixture")
def a_fixture_that_is_missing() -> None:
    call_command("loaddata", "no_such_fixture")


@DJANGO.row("ConnectionRefusedError", "transient", "the mail server is down or starting")
def mail_to_a_server_that_is_down() -> None:
    from django.core.mail.backends.smtp import EmailBackend

    from tests.provoked import loopback

    backend = EmailBackend(host="127.0.0.1", port=loopback.closed_port())
    EmailMessage("hello", "hello", "app@example.com", ["user@example.org"], connection=backend).send()


@DJANGO.each
@pytest.mark.django_db
def test_the_verdict_is_an_operators(row: Row) -> None:
    row.check()
