"""The generations application."""

from django.apps import AppConfig


class GenerationsConfig(AppConfig):
    """What and how."""

    name = "generations"
