"""The page behind the link of a confirmation mail."""

from typing import Any

from allauth.account.views import ConfirmEmailView as AllauthConfirmEmailView


class ConfirmEmailView(AllauthConfirmEmailView):  # type: ignore[misc]  # allauth ships no types
    """Opening the link signs nobody out: mail programs and previews open links, people press the button."""

    def logout_other_user(self, confirmation: Any) -> None:
        """Only when the address was confirmed for somebody else."""
        if self.request.method == "POST":
            super().logout_other_user(confirmation)
