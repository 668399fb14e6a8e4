"""The index of the letters that a bulk action has dealt with."""

from __future__ import annotations

from typing import Any

from django.db.models import Index, Q


class BulkActionIndex(Index):
    """An index on the bulk action, of those letters alone that have one, where a database knows such indexes.

    New letters have none, and cost nothing for it. As for the indexes of a job table, Django takes it for a plain one.
    """

    def create_sql(self, model: Any, schema_editor: Any, using: str = "", **kwargs: Any) -> Any:
        """Return the statement that makes the index in the schema editor's database."""
        if not schema_editor.connection.features.supports_partial_indexes:
            return super().create_sql(model, schema_editor, using, **kwargs)
        conditional = Index(fields=self.fields, name=self.name, condition=Q(bulk_action__isnull=False))
        return conditional.create_sql(model, schema_editor, using, **kwargs)
