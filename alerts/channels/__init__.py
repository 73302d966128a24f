"""The channels: each is one class that sends a message to a contact."""

from __future__ import annotations

from alerts.channels.apprise import AppriseChat
from alerts.channels.base import Message, Receipt, Sender
from alerts.channels.smtp import SmtpMail
from alerts.channels.smtp_server import SmtpServer
from alerts.channels.twilio import TwilioAccount, TwilioSms

__all__ = ["AppriseChat", "Message", "Receipt", "Sender", "SmtpMail", "SmtpServer", "TwilioAccount", "TwilioSms"]
