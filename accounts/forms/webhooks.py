"""What people fill in to set up a webhook."""

from typing import Any

from django import forms

from accounts.models import WebhookEndpoint
from accounts.webhooks.addresses import Unusable, parsed
from accounts.webhooks.types import TYPES


class EndpointForm(forms.Form):
    """An address and the types of events that it wants; none chosen: all of them."""

    url = forms.CharField(
        label="Address",
        max_length=500,
        widget=forms.URLInput(
            attrs={
                "placeholder": "https://example.com/hooks/dailies",
                "autocomplete": "off",
                "spellcheck": "false",
            }
        ),
    )
    events = forms.MultipleChoiceField(
        label="Events",
        required=False,
        choices=[(name, name) for name in TYPES],
        widget=forms.CheckboxSelectMultiple,
    )

    @classmethod
    def about(cls, endpoint: WebhookEndpoint) -> "EndpointForm":
        """Filled with what an endpoint is now."""
        return cls(initial={"url": endpoint.url, "events": endpoint.events})

    def clean_url(self) -> str:
        """Only what may be posted to; where a name leads is looked at when a message is sent."""
        text: str = self.cleaned_data["url"]
        try:
            parsed(text)
        except Unusable as error:
            raise forms.ValidationError(str(error)) from error
        return text

    @property
    def choices(self) -> list[dict[str, Any]]:
        """Each type with its words, and whether it is ticked."""
        ticked = self["events"].value() or []
        return [{"name": name, "words": words, "ticked": name in ticked} for name, words in TYPES.items()]
