"""Addresses of people's own pages; sign-in and its kin are allauth's."""

from django.urls import path

from accounts import audit_views, views

app_name = "accounts"

urlpatterns = [
    path("workspaces/<uuid:pk>/switch/", views.switch_workspace, name="switch"),
    path("team/audit/", audit_views.audit, name="audit"),
    path("team/audit.csv", audit_views.audit_export, name="audit_export"),
]
