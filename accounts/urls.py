"""Addresses of people's own pages; sign-in and its kin are allauth's."""

from django.urls import path

from accounts import token_pages, views

app_name = "accounts"

urlpatterns = [
    path("workspaces/<uuid:pk>/switch/", views.switch_workspace, name="switch"),
    path("team/tokens/", token_pages.listed, name="tokens"),
    path("team/tokens/<uuid:pk>/revoke/", token_pages.revoke, name="token_revoke"),
]
