"""Addresses of people's own pages; sign-in and its kin are allauth's."""

from django.urls import path

from accounts import audit_views, invitation_views, team_views, token_pages, views_bell
from accounts.views import settings, switching
from accounts.webhooks import pages

app_name = "accounts"

urlpatterns = [
    path("workspaces/<uuid:pk>/switch/", switching.switch_workspace, name="switch"),
    path("workspaces/new/", switching.new_workspace, name="workspace_new"),
    path("team/settings/", settings.settings, name="settings"),
    path("team/settings/name/", settings.rename, name="rename"),
    path("team/settings/second-factor/", settings.require_second_factor, name="require_second_factor"),
    path("team/settings/owner/", settings.transfer, name="transfer"),
    path("team/", team_views.members, name="members"),
    path("team/roles/", team_views.roles, name="roles"),
    path("team/members/<int:pk>/role/", team_views.member_role, name="member_role"),
    path("team/members/<int:pk>/suspend/", team_views.member_suspend, name="member_suspend"),
    path("team/members/<int:pk>/reinstate/", team_views.member_reinstate, name="member_reinstate"),
    path("team/invite/", invitation_views.invite, name="invite"),
    path("team/invitations/<uuid:pk>/resend/", invitation_views.resend, name="invitation_resend"),
    path("team/invitations/<uuid:pk>/revoke/", invitation_views.revoke, name="invitation_revoke"),
    path("invitations/<str:word>/", invitation_views.invitation, name="invitation"),
    path("team/webhooks/", pages.webhooks, name="webhooks"),
    path("team/webhooks/<uuid:pk>/", pages.webhook, name="webhook"),
    path("team/webhooks/<uuid:pk>/secret/", pages.reveal, name="webhook_secret"),
    *(
        path(f"team/webhooks/<uuid:pk>/{verb}/", pages.act, {"verb": verb}, name=f"webhook_{verb}")
        for verb in pages.ACTS
    ),
    path("team/webhooks/messages/<uuid:pk>/replay/", pages.replay, name="webhook_message_replay"),
    path("team/tokens/", token_pages.listed, name="tokens"),
    path("team/tokens/<uuid:pk>/revoke/", token_pages.revoke, name="token_revoke"),
    path("bell/", views_bell.bell, name="bell"),
    path("bell/read/", views_bell.read, name="bell_read"),
    path("team/audit/", audit_views.audit, name="audit"),
    path("team/audit.csv", audit_views.audit_export, name="audit_export"),
]
