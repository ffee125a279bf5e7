"""Addresses of people's own pages; sign-in and its kin are allauth's."""

from django.urls import path

from accounts import views
from accounts.webhooks import pages

app_name = "accounts"

urlpatterns = [
    path("workspaces/<uuid:pk>/switch/", views.switch_workspace, name="switch"),
    path("team/webhooks/", pages.webhooks, name="webhooks"),
    path("team/webhooks/<uuid:pk>/", pages.webhook, name="webhook"),
    path("team/webhooks/<uuid:pk>/secret/", pages.reveal, name="webhook_secret"),
    *(
        path(f"team/webhooks/<uuid:pk>/{verb}/", pages.act, {"verb": verb}, name=f"webhook_{verb}")
        for verb in pages.ACTS
    ),
    path("team/webhooks/messages/<uuid:pk>/replay/", pages.replay, name="webhook_message_replay"),
]
