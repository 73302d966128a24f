"""Automations as code: what Prefect does by itself when a run ends badly, or does not come.

They only start deployments of this project; whom to notify, and how, is up to the alert policy, and whether imports go
on is up to our own ledger. A paused deployment is always a person's doing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient
from prefect.events import ResourceSpecification
from prefect.events.actions import RunDeployment
from prefect.events.schemas.automations import AutomationCore, EventTrigger, Posture

from flows.bridge.artifacts import key

DAILY = f"rally.health.{key('score', 'tag daily')}"
DAY_AND_A_BIT = timedelta(hours=26)
CRASHED = {"prefect.flow-run.Crashed"}
AUTOMATIONS = LOW_SCORE, SILENT, CRASHED_IMPORT = (
    "rally: score below 75", "rally: no health check for a day", "rally: crashed import",
)  # fmt: skip


def automations(deployments: Mapping[str, UUID], silence: timedelta = DAY_AND_A_BIT) -> list[AutomationCore]:
    """The automations, given the ids of deployments by name ("flow/deployment"). Raises KeyError for one that lacks.

    `silence` is how long no report of the daily rules is borne with.
    """
    return [_critical(deployments), _silent(deployments, silence), _crashed(deployments)]


def apply_automations(client: SyncPrefectClient, wanted: Sequence[AutomationCore]) -> None:
    """Create the automations, in place of those with the same names."""
    for automation in wanted:
        for old in client.read_automations_by_name(automation.name):
            client.delete_automation(old.id)
        client.create_automation(automation)


def _critical(deployments: Mapping[str, UUID]) -> AutomationCore:
    return AutomationCore(
        name=LOW_SCORE,
        description="A health check in the critical band starts the incident flow at once.",
        trigger=EventTrigger(
            expect={"rally.health.reported"},
            match=ResourceSpecification({"prefect.resource.id": "rally.health.*", "rally.band": "critical"}),
            posture=Posture.Reactive,
            threshold=1,
        ),
        actions=[RunDeployment(source="selected", deployment_id=deployments["dispatch-alerts/dispatch-alerts"])],
    )


def _silent(deployments: Mapping[str, UUID], silence: timedelta) -> AutomationCore:
    return AutomationCore(
        name=SILENT,
        description="No report of the daily rules for too long: the watch looks for itself, and tells.",
        trigger=EventTrigger(
            expect={"rally.health.reported"},
            match=ResourceSpecification({"prefect.resource.id": DAILY}),
            posture=Posture.Proactive,
            threshold=1,
            within=silence,
        ),
        actions=[RunDeployment(source="selected", deployment_id=deployments["watch/watch"])],
    )


def _crashed(deployments: Mapping[str, UUID]) -> AutomationCore:
    imports = [f"prefect.deployment.{deployments[name]}" for name in ("nightly/nightly", "import-feeds/import")]
    related = {"prefect.resource.role": "deployment", "prefect.resource.id": imports}
    return AutomationCore(
        name=CRASHED_IMPORT,
        description="An import that was killed: the watch closes what it left open; the second time in a row it stops.",
        trigger=EventTrigger(
            expect=CRASHED,
            match=ResourceSpecification({"prefect.resource.id": "prefect.flow-run.*"}),
            match_related=ResourceSpecification(related),
            posture=Posture.Reactive,
            threshold=1,
        ),
        actions=[RunDeployment(source="selected", deployment_id=deployments["watch/watch"])],
    )


def make_automations(client: SyncPrefectClient, silence: timedelta = DAY_AND_A_BIT) -> list[str]:
    """Create the automations for what is deployed, and return their names. Raises KeyError for what is not."""
    deployed: dict[str, UUID] = {}
    for deployment in client.read_deployments(limit=200):
        flow = client.read_flow(deployment.flow_id)
        deployed[f"{flow.name}/{deployment.name}"] = deployment.id
    wanted = automations(deployed, silence)
    apply_automations(client, wanted)
    return [automation.name for automation in wanted]
