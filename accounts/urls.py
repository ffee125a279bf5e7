"""Addresses of people's own pages; sign-in and its kin are allauth's."""

from django.urls import path

from accounts.views import settings, switching

app_name = "accounts"

urlpatterns = [
    path("workspaces/<uuid:pk>/switch/", switching.switch_workspace, name="switch"),
    path("workspaces/new/", switching.new_workspace, name="workspace_new"),
    path("team/settings/", settings.settings, name="settings"),
    path("team/settings/name/", settings.rename, name="rename"),
    path("team/settings/second-factor/", settings.require_second_factor, name="require_second_factor"),
    path("team/settings/owner/", settings.transfer, name="transfer"),
]
