"""From selected rules to questions: what `each=` runs over, which rows the run is about."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import SelectBase

from checks.engine.errors import CheckError, MeasureError
from checks.engine.failures import explained
from checks.engine.marks import Kind
from checks.engine.questions import Parameter, Question, Unasked, ask
from checks.engine.scope import LOOKUP_TIMEOUT, Scope
from checks.engine.session import Session, asking
from checks.engine.spec import Check
from checks.engine.wiring import Values


class Parameters:
    """The values that `each=` rules run over, read once per fixture."""

    def __init__(self, session: Session, values: Values, wanted: Mapping[str, Sequence[str]]) -> None:
        self._session = session
        self._values = values
        self._wanted = {name: {label.casefold() for label in labels} for name, labels in wanted.items()}
        self._read: dict[str, tuple[Parameter, ...]] = {}

    def of(self, check: Check) -> tuple[Parameter, ...]:
        """A rule's parameters, one without a label for a rule without `each=`. Raises MeasureError."""
        name = check.mark.each
        if name is None:
            return (Parameter(),)
        if name not in self._read:
            self._read[name] = tuple(self._chosen(name, _parameters(name, self._fetched(name))))
        return self._read[name]

    def narrow(self, check: Check) -> bool:
        """Whether a rule's parameters alone keep to the rows that the run is about."""
        return set(self._wanted) == {check.mark.each}

    def _fetched(self, name: str) -> Iterable[Any]:
        value = self._values[name]
        if not isinstance(value, SelectBase):
            return value  # type: ignore[no-any-return]  # whatever a fixture returns; verified by its reader
        return [tuple(row[1:]) for row in self._session.all(asking(*value.subquery().c), LOOKUP_TIMEOUT)]

    def _chosen(self, name: str, found: Iterable[Parameter]) -> Iterator[Parameter]:
        wanted = self._wanted.get(name)
        return (one for one in found if wanted is None or one.label.casefold() in wanted)


def questions(
    checks: Iterable[Check], parameters: Parameters, values: Values, scope: Scope
) -> list[Question | Unasked]:
    """One question for each rule and parameter; what cannot be asked stands among them with its reason."""
    asked: list[Question | Unasked] = []
    for check in checks:
        try:
            found = parameters.of(check)
        except Exception as error:  # noqa: BLE001 - the boundary of one rule's parameters
            asked.append(Unasked(check, Parameter(), explained(error)))
            continue
        if not found:
            asked.append(Unasked(check, Parameter(), f"there is no {check.mark.each} to run for", skipped=True))
        narrow = bool(scope) and parameters.narrow(check)
        asked.extend(_scoped(item, scope, narrow=narrow) for item in ask(check, found, values))
    return asked


def _scoped(item: Question | Unasked, scope: Scope, *, narrow: bool) -> Question | Unasked:
    if isinstance(item, Unasked):
        return item
    if narrow:
        return item.alone()
    try:
        for source in _sources(item):
            scope.condition(source)
    except CheckError as error:
        return Unasked(item.check, item.parameter, f"left out: {error}", skipped=True)
    return item


def _sources(question: Question) -> list[Any]:
    if question.check.mark.kind is not Kind.CHECK:
        return [question.table]
    return [part.subquery() for part in (question.bad, question.among) if isinstance(part, SelectBase)]


def _parameters(name: str, values: Iterable[Any]) -> list[Parameter]:
    if isinstance(values, (str, bytes)) or not isinstance(values, Iterable):
        raise MeasureError(f"fixture {name!r} gives {type(values).__name__}; each={name!r} needs a list or a select()")
    found = [_parameter(value) for value in values]
    labels = [parameter.label for parameter in found]
    twice = sorted({label for label in labels if labels.count(label) > 1})
    if twice:
        raise MeasureError(f"fixture {name!r} gives {twice[0]!r} twice; each value needs a label of its own")
    return found


def _parameter(value: Any) -> Parameter:
    if isinstance(value, tuple) and len(value) == 2:
        return Parameter(str(value[1]), value[0])
    single = value[0] if isinstance(value, tuple) and len(value) == 1 else value
    return Parameter(str(single), single)
