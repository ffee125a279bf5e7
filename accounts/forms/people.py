"""Forms about oneself."""

import unicodedata

from django import forms
from django.core.exceptions import ValidationError

from accounts.letters import one_line

# Line ends and control signs, and what turns the direction of the text around it.
CONTROLS = {"Cc", "Cs", "Zl", "Zp"}
TURNING = {*map(chr, range(0x202A, 0x202F)), *map(chr, range(0x2066, 0x206A))}


def a_line(text: str) -> None:
    """A name stands in sentences, lists and mails: it is one line one can see. Else ValidationError."""
    if any(unicodedata.category(sign) in CONTROLS or sign in TURNING for sign in text) or not one_line(text):
        raise ValidationError("A name is one line of letters that can be seen.", code="invalid")


class OwnNameForm(forms.Form):
    """What colleagues read beside one's clips."""

    first_name = forms.CharField(
        label="Your name",
        max_length=150,
        validators=[a_line],
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )
