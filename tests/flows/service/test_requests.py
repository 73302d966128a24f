"""Requests: each field is described, a wrong value is refused in a line, a command has an option for each field."""

from __future__ import annotations

import json
from typing import Any

import pytest
from prefect import Flow
from pydantic import BaseModel, ValidationError

from flows.cli.main import load_command
from flows.flows import dispatch_alerts, health_check, import_feeds, league_checks, nightly, repair, review, watch
from flows.service.requests import (
    CheckRequest,
    ImportRequest,
    LeaguesRequest,
    NightRequest,
    RepairRequest,
    RequestError,
    ReviewRequest,
)
from tests.flows.conftest import Run

REQUESTS: dict[type[BaseModel], Flow[..., Any]] = {
    CheckRequest: health_check, ImportRequest: import_feeds, NightRequest: nightly, ReviewRequest: review,
    RepairRequest: repair, LeaguesRequest: league_checks,
}  # fmt: skip
FIELDS = [(model, name) for model in REQUESTS for name in model.model_fields]
COMMANDS = {"check": CheckRequest, "import": ImportRequest, "report": ReviewRequest}


@pytest.mark.parametrize(("model", "name"), FIELDS, ids=lambda part: getattr(part, "__name__", part))
def test_each_field_tells_what_it_is(model: type[BaseModel], name: str) -> None:
    field, schema = model.model_fields[name], model.model_json_schema()["properties"][name]

    assert str(field.description).endswith(".")
    # what a person has to spell has an example; a number and a yes or no have a default, a choice has its values
    assert field.examples or field.default is not None or "anyOf" in schema


@pytest.mark.parametrize("flow", REQUESTS.values(), ids=lambda flow: flow.name)
def test_a_request_is_the_only_parameter_of_its_flow(flow: Flow[..., Any]) -> None:
    assert list(flow.parameters.properties) == ["request"]
    assert flow.parameters.required == []


@pytest.mark.parametrize("flow", [dispatch_alerts, watch], ids=lambda flow: flow.name)
def test_a_flow_of_every_few_minutes_takes_nothing(flow: Flow[..., Any]) -> None:
    assert flow.parameters.properties == {}


def test_closed_sets_are_choices_in_the_form() -> None:
    shown = json.dumps([review.parameters.definitions, health_check.parameters.definitions])

    assert '"enum": ["daily", "weekly", "monthly", "quarterly", "annual"]' in shown
    assert '"enum": ["LOW", "MEDIUM", "HIGH"]' in shown


@pytest.mark.parametrize(("command", "model"), COMMANDS.items(), ids=COMMANDS)
def test_a_command_has_an_option_for_each_field_of_its_request(command: str, model: type[BaseModel]) -> None:
    options = {param.name for param in load_command(command).params}

    assert set(model.model_fields) <= options


WRONG: list[tuple[type[BaseModel], dict[str, Any], str]] = [
    (CheckRequest, {"workers": 0}, "workers: Input should be greater than or equal to 1"),
    (CheckRequest, {"severities": ["urgent"]}, "severities: Input should be 'LOW', 'MEDIUM' or 'HIGH'"),
    (CheckRequest, {"alert": True, "keep": False},
     "alert needs the history: alerts are sent from incidents, which are kept there"),
    (CheckRequest, {"tag": ["daily"]}, "tag: Extra inputs are not permitted"),
    (ImportRequest, {"allow": ["shrunken_feed"]}, "allow needs a reason: it is recorded, and someone will ask"),
    (ImportRequest, {"wait": -1}, "wait: Input should be greater than or equal to 0"),
    (ReviewRequest, {"kind": "yearly", "days": -1},
     "kind: Input should be 'daily', 'weekly', 'monthly', 'quarterly' or 'annual';"
     " days: Input should be greater than or equal to 1"),
    (RepairRequest, {"timeout": 0}, "timeout: Input should be greater than 0"),
]  # fmt: skip


@pytest.mark.parametrize(("model", "values", "told"), WRONG, ids=[told[:40] for _, _, told in WRONG])
def test_a_wrong_value_is_refused_in_a_line(model: type[BaseModel], values: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError) as raised:
        model(**values)

    assert str(RequestError.of(raised.value, {})) == told


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("check", "--severity", "urgent"), "--severity: Input should be 'LOW', 'MEDIUM' or 'HIGH'"),
        (("check", "--alert", "--no-history"), "alert needs the history: alerts are sent from incidents, which are"),
        (("import", ".", "--allow", "shrunken_feed"), "allow needs a reason: it is recorded, and someone will ask"),
    ],
    ids=lambda part: part[2] if isinstance(part, tuple) else "",
)
def test_the_command_line_names_the_option(run: Run, arguments: tuple[str, ...], told: str) -> None:
    ran = run(*arguments)

    assert ran.code == 2
    assert ran.out.startswith(told)
    assert "\n" not in ran.out


def test_severities_may_be_typed_in_any_case() -> None:
    assert CheckRequest(severities=("high",)).selection.severities == ("HIGH",)
