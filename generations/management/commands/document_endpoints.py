"""Write `docs/endpoints.md` from the catalogue."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from generations.schema import document


class Command(BaseCommand):
    help = __doc__ or ""

    def handle(self, *args: Any, **options: Any) -> None:
        page = Path(settings.BASE_DIR) / "docs" / "endpoints.md"
        page.write_text(document(), encoding="utf-8")
        self.stdout.write(f"{page.name} is current.")
