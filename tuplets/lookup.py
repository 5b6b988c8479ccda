"""`Lookup`: a queryset's `get` whose statement is compiled once. For the few reads that every request makes.

Django builds the SQL of a queryset anew at each call, which costs several times what running it costs: with this,
GET /jobs/{id} takes half the time. Knows no domain; each app names its lookups beside its models.
"""

from collections.abc import Callable
from functools import cached_property
from typing import Any, Generic, TypeVar

from django.db import DEFAULT_DB_ALIAS, connections, models
from django.db.models.query import get_related_populators

Row = TypeVar("Row", bound=models.Model)


class Lookup(Generic[Row]):
    """`build()` gives the queryset with one stand-in value a `filter`; `get` takes the real ones in that order."""

    def __init__(self, build: Callable[[], models.QuerySet[Row]]) -> None:
        self._build = build

    def get(self, *values: Any) -> Row | None:
        """The row, with its select_related rows; None when there is none."""
        plan = self._plan
        with connections[DEFAULT_DB_ALIAS].cursor() as cursor:
            cursor.execute(plan.sql, values)
            found = cursor.fetchone()
        return None if found is None else plan.instance(found)

    @cached_property
    def _plan(self) -> "_Plan":
        return _Plan(self._build())


class _Plan:
    """What Django works out before the first row: the statement, the converters, where each model's columns lie."""

    def __init__(self, queryset: models.QuerySet[Any]) -> None:
        compiler = queryset.query.get_compiler(DEFAULT_DB_ALIAS)
        self.sql, _ = compiler.as_sql()
        assert compiler.select is not None and compiler.klass_info is not None
        self._apply = compiler.apply_converters
        self._converters = compiler.get_converters([column for column, _, _ in compiler.select])
        self._populators = get_related_populators(  # type: ignore[call-arg]  # the stubs are Django 6's
            compiler.klass_info, compiler.select, DEFAULT_DB_ALIAS
        )
        columns = compiler.klass_info["select_fields"]
        self._model = compiler.klass_info["model"]
        self._columns = slice(columns[0], columns[-1] + 1)
        self._names = [compiler.select[column][0].target.attname for column in columns]

    def instance(self, row: Any) -> Any:
        if self._converters:
            row = next(iter(self._apply([row], self._converters)))
        found = self._model.from_db(DEFAULT_DB_ALIAS, self._names, row[self._columns])
        for populator in self._populators:
            populator.populate(row, found)
        return found
