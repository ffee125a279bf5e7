"""Forms about a workspace as a whole."""

from datetime import datetime
from typing import Any

from django import forms

from accounts.forms.people import a_line
from accounts.models import Membership
from accounts.policy import Actor
from accounts.second_factor import days_until
from accounts.workspaces import MOST_GRACE_DAYS


class NameForm(forms.Form):
    """What a workspace is called."""

    name = forms.CharField(
        label="Name", max_length=80, validators=[a_line], widget=forms.TextInput({"autocomplete": "off"})
    )


class SecondFactorForm(forms.Form):
    """Whether members need a second factor, and from when on."""

    required = forms.BooleanField(label="Everybody needs two-step sign-in", required=False)
    grace_days = forms.IntegerField(
        label="Days to set it up",
        min_value=0,
        max_value=MOST_GRACE_DAYS,
        initial=7,
        required=False,
        help_text=f"0 to {MOST_GRACE_DAYS}. Afterwards whoever has none is asked to set it up first.",
    )

    @classmethod
    def as_it_is(cls, moment: datetime | None) -> "SecondFactorForm":
        """Unsent, with what is set; the days are those that are left."""
        if moment is None:
            return cls()
        return cls(initial={"required": True, "grace_days": days_until(moment)})

    def clean(self) -> dict[str, Any]:
        """A switch that is on needs to know from when."""
        data: dict[str, Any] = super().clean() or self.cleaned_data
        if data.get("required") and data.get("grace_days") is None and "grace_days" not in self.errors:
            self.add_error("grace_days", "Say how many days; 0 is at once.")
        return data

    @property
    def days(self) -> int | None:
        """None when it is off."""
        return self.cleaned_data["grace_days"] if self.cleaned_data["required"] else None


class HeirForm(forms.Form):
    """Who shall own the workspace."""

    member = forms.ModelChoiceField(
        label="New owner", queryset=Membership.objects.none(), empty_label="Choose a member"
    )

    def __init__(self, actor: Actor, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        members = Membership.objects.active().filter(workspace=actor.workspace).exclude(user=actor.user)
        field: Any = self.fields["member"]
        field.queryset = members.select_related("user").order_by("user__email")
        field.label_from_instance = lambda each: (
            f"{each.user} · {each.user.email} · {each.get_role_display()}"
        )


class ClosingForm(forms.Form):
    """The name, typed by hand."""

    name = forms.CharField(
        label="Type its name to confirm",
        max_length=80,
        widget=forms.TextInput({"autocomplete": "off", "spellcheck": "false"}),
    )
