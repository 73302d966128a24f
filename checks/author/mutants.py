"""A rule changed in one place at a time: rows that tell none of these from the rule itself do not test it.

What a rule returns is an expression, so it is changed as one: a limit that counts itself in, a comparison turned round,
a condition left out, `and` for `or`. Of a rule that is text the words are changed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import ClauseElement, true
from sqlalchemy.sql import operators, visitors
from sqlalchemy.sql.elements import True_

from checks.engine.authoring.decorators import Bad
from checks.engine.authoring.spec import Check, Kind
from checks.engine.reporting.literal import runnable_sql

Alteration = tuple[Any, str, Callable[[], None]]
"""What is changed (an expression, or its text), what becomes of it, and the change itself."""

SIGNS = {operators.lt: "<", operators.le: "<=", operators.gt: ">", operators.ge: ">="}
ONTO_ITS_LIMIT = {
    operators.lt: operators.le, operators.le: operators.lt, operators.gt: operators.ge, operators.ge: operators.gt,
}  # fmt: skip
OPPOSITES = {
    operators.eq, operators.ne, operators.is_, operators.is_not, operators.in_op, operators.not_in_op,
    operators.like_op, operators.not_like_op, operators.ilike_op, operators.not_ilike_op, operators.regexp_match_op,
    operators.is_distinct_from, operators.is_not_distinct_from,
}  # fmt: skip
WORDS = {
    " is not null": " is null", " is null": " is not null", " and ": " or ", " or ": " and ", "not exists": "exists",
    "not in": "in", "<>": "=", "<=": "<", ">=": ">", "<": "<=", ">": ">=", "=": "<>",
}  # fmt: skip
A_WORD = re.compile("|".join(re.escape(word) for word in WORDS), re.IGNORECASE)
LONGEST_SAID = 90


@dataclass(slots=True)
class Mutant:
    """A rule with one change; `said` is empty until it was asked, and after that if there is no such place in it."""

    check: Check
    said: str = ""


def mutant_of(check: Check, number: int) -> Mutant:
    """The rule with the change of that number, from 0; no change is made when its function answers in pandas."""
    mutant = Mutant(check)

    def changed(*arguments: Any, **names: Any) -> Any:
        answer = check.function(*arguments, **names)
        if check.mark.kind is Kind.FRAME:
            return answer
        answer, mutant.said = _changed(answer, number)
        return answer

    mutant.check = replace(check, function=changed)
    return mutant


def _changed(answer: Any, number: int) -> tuple[Any, str]:
    """An answer with one change, and what it is."""
    counted = _Numbered(number)
    if not isinstance(answer, Bad):
        return counted.within(answer), counted.said
    return Bad(counted.within(answer.found), counted.within(answer.among)), counted.said


class _Numbered:
    """Goes through expressions, and makes the change of one number on the way."""

    def __init__(self, number: int) -> None:
        self._left = number
        self.said = ""

    def within(self, expression: Any) -> Any:
        """A copy of an expression, changed where its turn comes."""
        if not isinstance(expression, ClauseElement):
            return expression
        visitors_of = {name: self._visitor(changes) for name, changes in CHANGES.items()}
        return visitors.cloned_traverse(expression, {}, visitors_of)

    def _visitor(self, changes: Callable[[Any], Iterator[Alteration]]) -> Callable[[Any], None]:
        def visit(node: Any) -> None:
            for what, said, change in changes(node):
                if self._left == 0:
                    self.said = f"{_text_of(what)} {said}"
                    change()
                self._left -= 1

        return visit


def _of_comparison(node: Any) -> Iterator[Alteration]:
    other = ONTO_ITS_LIMIT.get(node.operator) or (node.negate if node.operator in OPPOSITES else None)
    if other is not None:
        said = f"with {SIGNS[other]}" if other in SIGNS else "turned into its opposite"
        yield node, said, lambda: setattr(node, "operator", other)


def _of_list(node: Any) -> Iterator[Alteration]:
    if node.operator not in {operators.and_, operators.or_} or len(node.clauses) < 2:
        return
    clauses = list(node.clauses)
    for place, clause in _saying(clauses):
        kept = [one for number, one in enumerate(clauses) if number != place]
        yield clause, "left out", lambda kept=kept: setattr(node, "clauses", kept)  # type: ignore[misc]


def _saying(clauses: Sequence[Any]) -> Iterator[tuple[int, Any]]:
    """The conditions that say something, with their places: a rule without its `true` is the rule."""
    return ((place, clause) for place, clause in enumerate(clauses) if not isinstance(clause, True_))


def _of_statement(node: Any) -> Iterator[Alteration]:
    for name in ("_where_criteria", "_having_criteria"):
        own = getattr(node, name)
        for place, clause in _saying(own):
            kept = (*own[:place], *own[place + 1 :])
            yield clause, "left out", lambda name=name, kept=kept: setattr(node, name, kept)  # type: ignore[misc]


def _of_filter(node: Any) -> Iterator[Alteration]:
    yield node.criterion, "left out", lambda: setattr(node, "criterion", true())


def _of_text(node: Any) -> Iterator[Alteration]:
    text = node.text
    for match in A_WORD.finditer(text):
        other = WORDS[match[0].lower()]
        around = " ".join(text[max(0, match.start() - 25) : match.end() + 25].split())
        new = text[: match.start()] + other + text[match.end() :]
        yield around, f"with {other.strip()} for {match[0].strip()}", lambda new=new: setattr(node, "text", new)  # type: ignore[misc]


CHANGES: Mapping[str, Callable[[Any], Iterator[Alteration]]] = {
    "binary": _of_comparison, "clauselist": _of_list, "expression_clauselist": _of_list, "select": _of_statement,
    "funcfilter": _of_filter, "textclause": _of_text,
}  # fmt: skip


def _text_of(what: Any) -> str:
    text = what if isinstance(what, str) else " ".join(runnable_sql(what).split())
    return text if len(text) <= LONGEST_SAID else f"{text[:LONGEST_SAID]}..."
