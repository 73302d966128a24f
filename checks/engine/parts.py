"""Scores of parts: what each rule is in one league, and the score of that league alone.

A rule that is well on the whole can be in trouble in a small league, so every rule with bad rows is judged anew there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select, true

from checks.engine.bad_rows import Place, population
from checks.engine.dimensions import Dimension
from checks.engine.measure import Reading
from checks.engine.past import Id
from checks.engine.questions import Question
from checks.engine.scope import Scope
from checks.engine.session import Session, asking

if TYPE_CHECKING:
    pass

Asked = Sequence[tuple[Question, Mapping[Place, int]]]


def divided(
    session: Session, asked: Asked, dimension: Dimension, scope: Scope, timeout: float
) -> dict[Id, dict[Any, Reading]]:
    """The reading of each question at each value of a dimension. They share one population, which is read once.

    A value without any row is left out. Questions whose rows do not say where they stand are left out, too.
    """
    found = population(asked[0][0])
    value = None if found is None else dimension.of(found[0])
    if found is None or value is None:
        return {}
    source = found[0]
    conditions = [(population(question) or found)[1] for question, _ in asked]
    flags = [(true() if own is None else own).label(f"p{number}") for number, own in enumerate(conditions)]
    rows = select(value.label("value"), *flags).select_from(source).where(scope.condition(source)).subquery()
    totals = [func.count().filter(rows.c[f"p{number}"]) for number in range(len(flags))]
    fetched = session.all(asking(rows.c.value, *totals).group_by(rows.c.value), timeout)
    return {
        question.id: {row[1]: Reading(places.get(((dimension.name, row[1]),), 0), row[2 + number]) for row in fetched}
        for number, (question, places) in enumerate(asked)
    }
