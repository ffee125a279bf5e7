"""Addresses of people's own pages; sign-in and its kin are allauth's."""

from django.urls import path

from accounts import views, views_bell

app_name = "accounts"

urlpatterns = [
    path("workspaces/<uuid:pk>/switch/", views.switch_workspace, name="switch"),
    path("bell/", views_bell.bell, name="bell"),
    path("bell/read/", views_bell.read, name="bell_read"),
]
