"""A whole report as an e-mail: the score, and every rule that is not OK, worst first."""

from __future__ import annotations

from alerts.render.content import Content, one_line, short
from alerts.render.templates import page, template
from checks.engine.report import Report
from checks.engine.results import Result

MOST = 100
TEXT = """\
{{ heading }}
{{ counts }}
{% for row in rows %}
{{ row.status }}  {{ row.title }}: {{ row.found }}{% if row.change %} ({{ row.change }}){% endif %}
  {{ row.summary }}
{% endfor %}
{% for line in closing -%}
{{ line }}
{% endfor %}"""
HTML = page("""\
<p>{{ counts }}</p>
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
    left_out = len(report.trouble) - MOST
    values = {
        "heading": heading,
        "counts": ", ".join(f"{number} {status}" for status, number in sorted(report.counts().items())),
        "rows": [_row(result) for result in report.trouble[:MOST]],
        "closing": [*([f"{left_out} more are left out here."] if left_out > 0 else []), *([link] if link else []),
                    f"Run {report.run}; details: rally-health check --detailed"],
    }  # fmt: skip
    text = template(TEXT, escaped=False).render(values)
    return Content(f"[Rally] Health score {score} ({report.band})", text, template(HTML, escaped=True).render(values))


def _row(result: Result) -> dict[str, object]:
    return {
        "status": result.status.value,
        "title": short(result.title, 200),
        "found": one_line(result.error or result.measurement),
        "change": one_line(result.change),
        "summary": one_line(result.summary),
        "points": result.points,
    }
