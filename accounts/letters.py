"""Writes mails into the outbox, from a subject and a text under `templates/letters/`."""

from typing import Any

from django.template.loader import render_to_string

from accounts.models import Letter


def write(to: str, template: str, context: dict[str, Any]) -> Letter:
    """One letter, in the transaction of what it tells of."""
    subject = render_to_string(f"letters/{template}.subject.txt", context)
    text = render_to_string(f"letters/{template}.txt", context)
    return Letter.objects.create(to=to, subject=" ".join(subject.split())[:200], text=text)
