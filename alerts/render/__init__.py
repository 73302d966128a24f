"""Messages as text: pure functions.

A message for a channel.
"""

from __future__ import annotations

from alerts.people import Channel
from alerts.planning import Planned
from alerts.render.content import Content, Headline
from alerts.render.mail import render_mail
from alerts.render.sms import render_sms


def render(planned: Planned, headline: Headline | None, token: str, link: str = "") -> Content:
    """What a recipient reads."""
    if planned.channel is Channel.SMS:
        return render_sms(planned, headline, token)
    content = render_mail(planned, headline, token, link)
    # an e-mail's token also stands in its Message-ID, a chat has only its text
    return content if planned.channel is Channel.EMAIL else Content(content.subject, content.text)
