"""E-mails and chat messages about incidents, and a report as an e-mail: text, and HTML in which all is escaped."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from alerts.incidents import Incident
from alerts.planning import Item, Planned, Reason
from alerts.render import Content, Headline, by_rule_of, one_line, short, title_of_all
from checks.engine.authoring.units import whole_percent
from checks.engine.reporting.report import Report, Result
from checks.render.by_rule import by_rule

if TYPE_CHECKING:
    from jinja2 import Template


# mail programs want their styles inline
_PAGE = """\
<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark"><title>{{{{ heading }}}}</title></head>
<body style="font: 16px/1.5 system-ui, sans-serif; max-width: 46em; margin: 0 auto; padding: 1em;
  overflow-wrap: anywhere">
<h1 style="font-size: 1.25em">{{{{ heading }}}}</h1>
{}</body></html>
"""


def page(body: str) -> str:
    """The template of an HTML mail around the template of its body; it is given a `heading`."""
    return _PAGE.format(body)


@cache
def template(source: str, *, escaped: bool) -> Template:
    """A compiled template; `escaped` for HTML. A name that is missing is an error."""
    from jinja2 import Environment, StrictUndefined  # noqa: PLC0415 - few commands render mail

    # the text variant is text/plain, in which nothing is active
    return Environment(autoescape=escaped, undefined=StrictUndefined).from_string(source)  # noqa: S701


REASONS = {
    Reason.NEW: "new",
    Reason.RETURNED: "back again",
    Reason.WORSE: "worse",
    Reason.REPEAT: "unchanged",
    Reason.ESCALATION: "nobody has acknowledged it",
    Reason.RECOVERY: "gone",
}
COLORS = {"CRITICAL": "#b42318", "ERROR": "#b42318", "WARN": "#93590a", "OK": "#216e39"}
KEYS = 3
MOST_OF_RULE = 10
"""Incidents of one rule, such as those of a hundred leagues, that a mail names one by one."""

TEXT = """\
{{ heading }}
{% if news %}{{ news }}
{% endif %}{% for item in items %}
{{ item.status }}  {{ item.title }}  ({{ item.reason }})
  {{ item.summary }}
{%- for label, value in item.facts %}
  {{ label }}: {{ value }}
{%- endfor %}
{% endfor %}
{% for line in closing -%}
{{ line }}
{% endfor %}"""

HTML = page("""\
{% if news %}<p style="margin: .2em 0">{{ news }}</p>
{% endif %}{% for item in items -%}
<h2 style="font-size: 1.05em; margin: 1.4em 0 .2em"><span style="color: {{ item.color }}">{{ item.status }}</span> {{ item.title }}
<small>({{ item.reason }})</small></h2>
<p style="margin: .2em 0">{{ item.summary }}</p>
<table role="presentation" style="border-collapse: collapse">
{% for label, value in item.facts -%}
<tr><th scope="row" style="text-align: left; vertical-align: top; padding: 0 .8em 0 0; font-weight: 600; white-space: nowrap">{{ label }}</th>
<td style="padding: 0">{% if value.startswith(("https://", "http://")) %}<a href="{{ value }}">{{ value }}</a>{% else %}{{ value }}{% endif %}</td></tr>
{% endfor -%}
</table>
{% endfor -%}
<hr>{% for line in closing %}<p style="margin: .3em 0">{{ line }}</p>
{% endfor -%}
""")  # noqa: E501


def render_mail(planned: Planned, headline: Headline | None, token: str, link: str = "") -> Content:
    """Every incident with its figures, where it clusters, a few keys, its runbook and what to do next.

    Incidents of one rule are one paragraph, which names the worst of them.
    """
    heading = _heading(planned, headline)
    values = {
        "heading": heading,
        "news": one_line(headline.news.line()) if headline and headline.news else "",
        "items": [_item(group) for group in by_rule_of(planned.items)],
        "closing": _closing(planned, token, link),
    }
    text = template(TEXT, escaped=False).render(values)
    return Content(subject(planned), text, template(HTML, escaped=True).render(values))


def subject(planned: Planned) -> str:
    """The subject of the first message of a conversation; later ones answer it."""
    first, *others = by_rule_of(planned.items)
    more = len(others)
    status = "OK" if planned.lead.recovered else planned.lead.incident.status
    return f"[Rally] {status}: {short(title_of_all(first), 80)}{f' and {more} more' if more else ''}"


def _heading(planned: Planned, headline: Headline | None) -> str:
    number = len([item for item in planned.items if not item.recovered])
    gone = len(planned.items) - number
    parts = [f"{number} incident{'s' * (number != 1)}, worst {planned.status}"] if number else []
    parts += [f"{gone} gone"] if gone else []
    if headline and headline.of_run:
        parts.append(f"health {headline} ({headline.band}), {whole_percent(headline.coverage)}% measured")
    return f"Rally: {'; '.join(parts)}"


def _item(items: tuple[Item, ...]) -> dict[str, object]:
    item, incident = items[0], items[0].incident
    status = "OK" if item.recovered else incident.status.value
    facts = _facts(item) if len(items) == 1 else _facts_of_all(items)
    return {
        "status": status,
        "color": COLORS[status],
        "title": short(title_of_all(items), 200),
        "reason": ", ".join(dict.fromkeys(REASONS[one.reason] for one in items)),
        "summary": one_line(incident.summary),
        "facts": [(label, short(value, 500)) for label, value in facts if value],
    }


def _facts_of_all(items: tuple[Item, ...]) -> list[tuple[str, str]]:
    """Of many incidents of one rule: how the first of them stand, and what all of them cost."""
    incidents = [item.incident for item in items]
    stand = [f"{one.parameter} {'not measured' if one.error else one.measurement}" for one in incidents[:MOST_OF_RULE]]
    more = [f"{len(incidents) - MOST_OF_RULE} more"] if len(incidents) > MOST_OF_RULE else []
    points = sum(one.points for one in incidents)
    return [
        ("Found", "; ".join([*stand, *more])),
        ("Severity", "" if items[0].recovered else f"{incidents[0].severity}, costs {points} points"),
        ("Open since", f"{min(one.opened_at for one in incidents):%Y-%m-%d %H:%M %Z}"),
        *_people(incidents[0]),
        ("Details", "rally-health incidents list"),
    ]


def _facts(item: Item) -> list[tuple[str, str]]:
    incident = item.incident
    keys = [", ".join(f"{name}={value}" for name, value in key.items()) for key in incident.examples[:KEYS]]
    return [
        ("Found", incident.measurement),
        ("Not measured", incident.error),
        ("Since last run", incident.change),
        ("Where", "; ".join(incident.clusters)),
        ("For example", "; ".join(keys) if not item.recovered else ""),
        ("Severity", "" if item.recovered else f"{incident.severity}, costs {incident.points} points"),
        ("Open since", f"{incident.opened_at:%Y-%m-%d %H:%M %Z}"),
        *_people(incident),
        ("Details", f"rally-health incidents show {incident.id}"),
    ]


def _people(incident: Incident) -> list[tuple[str, str]]:
    return [
        ("Owner", incident.owner),
        ("Assigned to", incident.assignee or ""),
        ("Acknowledged by", incident.acknowledged_by or ""),
        ("Runbook", incident.runbook),
    ]


def _closing(planned: Planned, token: str, link: str) -> list[str]:
    lines = [f"More: {link}"] if link else []
    if planned.reason is not Reason.RECOVERY:
        lines.append(f"To acknowledge: rally-health incidents ack --token {token}")
    if planned.last_of_night:
        lines.append("This is the last message of the night; what follows waits for the end of your quiet hours.")
    return lines


MOST = 100
REPORT_TEXT = """\
{{ heading }}
{% if news %}{{ news }}
{% endif %}{{ counts }}
{% for row in rows %}
{{ row.status }}  {{ row.title }}: {{ row.found }}{% if row.change %} ({{ row.change }}){% endif %}
  {{ row.summary }}
{% endfor %}
{% for line in closing -%}
{{ line }}
{% endfor %}"""
REPORT_HTML = page("""\
{% if news %}<p>{{ news }}</p>
{% endif %}<p>{{ counts }}</p>
{% if rows -%}
<table style="border-collapse: collapse; width: 100%"><thead><tr>
{% for name in ("Status", "Rule", "Found", "Points") %}<th scope="col" style="text-align: left; padding: .3em .6em .3em 0">{{ name }}</th>{% endfor %}
</tr></thead><tbody>
{% for row in rows -%}
<tr style="vertical-align: top; border-top: 1px solid #8884">
<td style="padding: .3em .6em .3em 0; font-weight: 600">{{ row.status }}</td>
<td style="padding: .3em .6em .3em 0">{{ row.title }}<br><small>{{ row.summary }}</small></td>
<td style="padding: .3em .6em .3em 0">{{ row.found }}{% if row.change %}<br><small>{{ row.change }}</small>{% endif %}</td>
<td style="padding: .3em 0; text-align: right">{{ row.points }}</td></tr>
{% endfor -%}
</tbody></table>
{% endif -%}
{% for line in closing %}<p>{{ line }}</p>
{% endfor -%}
""")  # noqa: E501


def render_report(report: Report, link: str = "") -> Content:
    """A report for somebody's mailbox; of more than a hundred rules in trouble the rest is counted."""
    score = "unknown" if report.score is None else f"{report.score}"
    heading = f"Rally: health score {score} ({report.band}), {report.today:%Y-%m-%d}"
    trouble = [line for line in by_rule(report.results) if line.trouble]
    left_out = len(trouble) - MOST
    values = {
        "heading": heading,
        "news": one_line(report.news.line()) if report.news else "",
        "counts": ", ".join(f"{number} {status}" for status, number in sorted(report.counts().items())),
        "rows": [_row(result) for result in trouble[:MOST]],
        "closing": [*([f"{left_out} more are left out here."] if left_out > 0 else []), *([link] if link else []),
                    f"Run {report.run}; details: rally-health check --detailed"],
    }  # fmt: skip
    text = template(REPORT_TEXT, escaped=False).render(values)
    return Content(
        f"[Rally] Health score {score} ({report.band})", text, template(REPORT_HTML, escaped=True).render(values)
    )


def _row(result: Result) -> dict[str, object]:
    return {
        "status": result.status.value,
        "title": short(result.title, 200),
        "found": one_line(result.spread or result.error or result.measurement),
        "change": one_line(result.change),
        "summary": one_line(result.summary),
        "points": result.points,
    }
