"""The accounts application."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """Who and how much."""

    name = "accounts"
    verbose_name = "People and credits"
