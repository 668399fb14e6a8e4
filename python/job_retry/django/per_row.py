"""One statement for many rows, each with values of its own."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.db.models import CharField, F, Func, JSONField, TextField

if TYPE_CHECKING:
    from collections.abc import Mapping

_AS_TEXT = (datetime, UUID)
"""What JSON has no type for, and PostgreSQL reads from a text as it reads any literal."""


class PerRow(Func):
    """The value that ``values`` gives for a row's primary key; NULL for a key that is not in it.

    Django's own ``Case`` and ``bulk_update`` cost several times the statement itself: they resolve and compile an
    expression for each value. Here a column's values are one parameter on PostgreSQL, and one plain ``CASE`` elsewhere.
    """

    def __init__(self, values: Mapping[Any, Any], field: Any) -> None:
        super().__init__(F("pk"), output_field=field)
        self._values = values

    def as_sql(self, compiler: Any, connection: Any, *_arguments: Any, **_context: Any) -> tuple[str, tuple[Any, ...]]:
        """Write ``CASE key WHEN ... THEN ... END``: two parameters a row."""
        key, params = compiler.compile(self.source_expressions[0])
        to_database = self._key_field(compiler).get_db_prep_value
        values: list[Any] = []
        for row, value in self._values.items():
            values += (to_database(row, connection), self.output_field.get_db_prep_save(value, connection))
        return f"CASE {key}{' WHEN %s THEN %s' * len(self._values)} END", (*params, *values)

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> tuple[str, tuple[Any, ...]]:
        """Look the key up in one JSON object, which the server reads once and finds its way in by halving."""
        if isinstance(self.output_field, JSONField):
            return self._json_as_postgresql(self.output_field, compiler, connection)
        # A cast to a limited text would cut it off in silence.
        is_text = isinstance(self.output_field, (CharField, TextField))
        cast = "" if is_text else f"::{self.output_field.db_type(connection)}"
        key, params = compiler.compile(self.source_expressions[0])
        key_to_database, to_database = self._key_field(compiler).get_db_prep_value, self.output_field.get_db_prep_save
        document: dict[str, Any] = {}
        for row, value in self._values.items():
            prepared = to_database(value, connection)
            if isinstance(prepared, _AS_TEXT):
                prepared = str(prepared)
            elif not (prepared is None or isinstance(prepared, (str, int))):
                # A field of the project's own, whose values have no form in JSON.
                sql, params = self.as_sql(compiler, connection, **context)
                return f"({sql}){cast}", params
            document[str(key_to_database(row, connection))] = prepared
        return f"(%s::jsonb ->> {key}::text){cast}", (json.dumps(document, ensure_ascii=False), *params)

    def _json_as_postgresql(self, field: JSONField, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        key, params = compiler.compile(self.source_expressions[0])
        key_to_database = self._key_field(compiler).get_db_prep_value
        document = {str(key_to_database(row, connection)): value for row, value in self._values.items()}
        encoded = json.dumps(document, ensure_ascii=False, cls=field.encoder)
        return f"(%s::jsonb -> {key}::text)", (encoded, *params)

    def _key_field(self, compiler: Any) -> Any:
        return compiler.query.model._meta.pk


def per_row(values: Mapping[Any, Any], field: Any) -> Any:
    """Return what stands for ``values``, by primary key, in a statement: the value itself where all rows have one."""
    distinct = iter(values.values())
    first = next(distinct, None)
    return first if all(value == first for value in distinct) else PerRow(values, field)
