"""The project as an application: brings its commands and its system checks."""

from django.apps import AppConfig


class Config(AppConfig):
    name = "config"
    verbose_name = "Dailies"

    def ready(self) -> None:
        # Importing registers them.
        from config import checks  # noqa: F401, PLC0415 - the registry is ready only now
