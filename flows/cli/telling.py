"""What `check` tells people besides its terminal: alerts, and the report by e-mail."""

from __future__ import annotations

from collections.abc import Sequence

import typer

from checks.engine.report import Report
from flows.alerting import email_report, send_alerts
from flows.checking import Wish, check_health
from flows.context import Surroundings
from flows.documents import unwritten


def check_and_tell(around: Surroundings, wish: Wish) -> Report:
    """Run the rules, and send the alerts of the run at once where that is wished."""
    report = check_health(around.settings, wish, progress=around.checked, remarks=around.remarks)
    if wish.alert:
        send_alerts(around)
    return report


def told(around: Surroundings, report: Report, email: Sequence[str] | None) -> bool:
    """Send the report to people; False, and a line on standard error, when that, an alert or a document failed."""
    lost = unwritten(report)
    for complaint in lost:
        typer.secho(f"error: {complaint}", fg=typer.colors.RED, err=True)
    failed = around.kept.undelivered
    if email:
        done = email_report(around.settings, report, email)
        failed += done.dead + done.waiting
    if failed:
        line = f"error: {failed} messages could not be sent yet. Next: rally-health alerts outbox"
        typer.secho(line, fg=typer.colors.RED, err=True)
    return not failed and not lost
