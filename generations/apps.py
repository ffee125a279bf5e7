"""The generations application."""

from django.apps import AppConfig
from django.db.models.signals import post_delete


class GenerationsConfig(AppConfig):
    """What and how."""

    name = "generations"

    def ready(self) -> None:
        """Hear of what ends a membership: its clips stay with the workspace."""
        from accounts.models import Membership  # noqa: PLC0415 - models are there from now on
        from generations.sharing import on_leaving  # noqa: PLC0415 - as above

        post_delete.connect(on_leaving, sender=Membership, dispatch_uid="pass_on")
