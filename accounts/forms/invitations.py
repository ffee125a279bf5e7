"""The form of an invitation: addresses by hand, a sheet of them, or a link for whoever has it."""

import csv
import io
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.utils import timezone

from accounts.inviting import MOST_AT_ONCE, USUAL_DAYS, Guest
from accounts.letters import is_address
from accounts.models import Role
from accounts.policy import Actor

MOST_BYTES = 64 * 1024
MOST_CREDITS = 1_000_000_000
# What our columns hold, and more than any mailbox has; Django's own check lets more pass.
LONGEST_ADDRESS = 254
# What people put between addresses, whatever they copied them from.
BETWEEN = re.compile(r"[\s,;]+")
COLUMNS = ("email", "role", "budget")


class InviteForm(forms.Form):
    """Asks for whom, as what, with which budget and for how long; answers `guests` and `expires_at`."""

    by = forms.ChoiceField(
        label="How",
        choices=[("mail", "By mail"), ("link", "By a link that you pass on")],
        initial="mail",
        widget=forms.RadioSelect,
    )
    emails = forms.CharField(
        label="Email addresses",
        required=False,
        max_length=16_000,
        widget=forms.Textarea(
            attrs={"rows": 3, "placeholder": "ada@example.com, grace@example.com", "autocomplete": "off"}
        ),
    )
    sheet = forms.FileField(
        label="Or a CSV file",
        required=False,
        widget=forms.FileInput(attrs={"accept": ".csv,text/csv"}),
    )
    role = forms.ChoiceField(label="Role")
    budget = forms.IntegerField(label="Budget", required=False, min_value=0, max_value=MOST_CREDITS)
    days = forms.IntegerField(label="Good for", min_value=1, max_value=30, initial=USUAL_DAYS)

    def __init__(self, actor: Actor, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        roles = [role for role in Role if actor.covers(role)]
        self.fields["role"] = forms.ChoiceField(
            label="Role", choices=[(role.value, role.label) for role in roles], initial=Role.CREATOR
        )
        self.roles = {word.lower(): role for role in roles for word in (role.value, role.label)}
        self.guests: list[Guest] = []

    @property
    def expires_at(self) -> datetime:
        """When what it asks for ends."""
        return timezone.now() + timedelta(days=self.cleaned_data["days"])

    def clean(self) -> dict[str, Any]:
        """All guests of one of the three ways; any that is wrong is told, and none is invited then."""
        data = super().clean() or {}
        usual = Guest("", data.get("role") or Role.VIEWER, data.get("budget"))
        emails, sheet = data.get("emails", ""), data.get("sheet")
        if data.get("by") == "link":
            self._no_addresses(emails, sheet)
            self.guests = [usual]
            return data
        try:
            self.guests = list(self._typed(emails, usual))
        except ValidationError as wrong:
            self.add_error("emails", wrong)
        try:
            self.guests += self._listed(sheet, usual) if sheet else []
        except ValidationError as wrong:
            self.add_error("sheet", wrong)
        if len(self.guests) > MOST_AT_ONCE:
            self.add_error("sheet" if sheet else "emails", f"At most {MOST_AT_ONCE} at once.")
        if not self.guests and not self.errors:
            self.add_error("emails", "Say whom to invite.")
        return data

    @property
    def source(self) -> str:
        """The field that its guests come from."""
        if self.cleaned_data.get("by") == "link":
            return "by"
        return "emails" if self.cleaned_data.get("emails") or not self.cleaned_data.get("sheet") else "sheet"

    def _no_addresses(self, emails: str, sheet: "UploadedFile[Any] | None") -> None:
        if emails.strip() or sheet:
            self.add_error("by", "A link is for nobody by name. Choose mail, or take the addresses out.")

    def _typed(self, emails: str, usual: Guest) -> Iterator[Guest]:
        words = [word for word in BETWEEN.split(emails) if word]
        wrong = [word for word in words if not _fits(word)]
        if wrong:
            raise ValidationError([f"“{word[:80]}” is not an address." for word in wrong[:5]])
        for word in dict.fromkeys(word.lower() for word in words):
            yield Guest(word, usual.role, usual.budget)

    def _listed(self, sheet: "UploadedFile[Any]", usual: Guest) -> list[Guest]:
        """Every row of the file. ValidationError with a sentence for each line that is wrong."""
        guests: list[Guest] = []
        wrong: list[str] = []
        seen = {guest.email: "in the field above" for guest in self.guests}
        for number, cells in _rows(_text(sheet)):
            try:
                guest = self._guest(cells, usual)
            except ValueError as error:
                wrong.append(f"Line {number}: {error}")
                continue
            if guest.email in seen:
                wrong.append(f"Line {number}: {guest.email} stands {seen[guest.email]} already.")
            seen.setdefault(guest.email, f"in line {number}")
            guests.append(guest)
        if not guests and not wrong:
            raise ValidationError("Nobody stands in this file.")
        if wrong:
            more = [f"And {len(wrong) - 10} more."] if len(wrong) > 10 else []
            raise ValidationError(wrong[:10] + more)
        return guests

    def _guest(self, cells: list[str], usual: Guest) -> Guest:
        email, role, budget, *rest = [*(cell.strip() for cell in cells), "", "", ""][: max(3, len(cells))]
        if any(rest):
            raise ValueError("it has more than three columns.")
        if not _fits(email):
            raise ValueError(f"“{email[:80]}” is not an address.")
        if role and role.lower() not in self.roles:
            raise ValueError(f"“{role[:40]}” is no role that you can give.")
        if budget and not (budget.isascii() and budget.isdecimal() and int(budget) <= MOST_CREDITS):
            raise ValueError(f"“{budget[:40]}” is not a whole number of credits.")
        chosen = self.roles[role.lower()].value if role else usual.role
        return Guest(email.lower(), chosen, int(budget) if budget else usual.budget)


def _fits(word: str) -> bool:
    """As it is kept: in small letters an address may be none any more."""
    return is_address(word.lower()) and len(word) <= LONGEST_ADDRESS


def _text(sheet: "UploadedFile[Any]") -> str:
    """As spreadsheets write it: UTF-8, perhaps with a mark in front."""
    if (sheet.size or 0) > MOST_BYTES:
        raise ValidationError("This file is too large for a list of fifty people.")
    try:
        text = str(sheet.read(), "utf-8-sig")
    except UnicodeDecodeError:
        raise ValidationError("This is not a CSV file in UTF-8.") from None
    if "\0" in text:
        raise ValidationError("This is not a CSV file in UTF-8.")
    return text


def _rows(text: str) -> Iterator[tuple[int, list[str]]]:
    """Line numbers and cells, without the header and empty lines; comma, semicolon or tab between."""
    first = text.split("\n", 1)[0]
    between = max(",;\t", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=between)
    try:
        for cells in reader:
            words = [cell.strip().lower() for cell in cells]
            header = reader.line_num == 1 and words[:1] in (["email"], ["e-mail"], ["mail"])
            if any(words) and not header:
                yield reader.line_num, cells
    except csv.Error as error:
        raise ValidationError(f"Line {reader.line_num} cannot be read: {error}.") from None
