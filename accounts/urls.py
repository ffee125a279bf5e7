"""Addresses of people's own pages; sign-in and its kin are allauth's."""

from django.urls import path

from accounts.views import audit, bell, invitations, members, people, settings, switching, tokens, webhooks

app_name = "accounts"

urlpatterns = [
    path("workspaces/<uuid:pk>/switch/", switching.switch_workspace, name="switch"),
    path("workspaces/new/", switching.new_workspace, name="workspace_new"),
    path("team/settings/", settings.settings, name="settings"),
    path("team/settings/name/", settings.rename, name="rename"),
    path("team/settings/second-factor/", settings.require_second_factor, name="require_second_factor"),
    path("team/settings/owner/", settings.transfer, name="transfer"),
    path("team/", members.members, name="members"),
    path("team/roles/", members.roles, name="roles"),
    path("team/members/<int:pk>/role/", members.member_role, name="member_role"),
    path("team/members/<int:pk>/suspend/", members.member_suspend, name="member_suspend"),
    path("team/members/<int:pk>/reinstate/", members.member_reinstate, name="member_reinstate"),
    path("team/invite/", invitations.invite, name="invite"),
    path("team/invitations/<uuid:pk>/resend/", invitations.resend, name="invitation_resend"),
    path("team/invitations/<uuid:pk>/revoke/", invitations.revoke, name="invitation_revoke"),
    path("invitations/<str:word>/", invitations.invitation, name="invitation"),
    path("team/webhooks/", webhooks.webhooks, name="webhooks"),
    path("team/webhooks/<uuid:pk>/", webhooks.webhook, name="webhook"),
    path("team/webhooks/<uuid:pk>/secret/", webhooks.reveal, name="webhook_secret"),
    *(
        path(f"team/webhooks/<uuid:pk>/{verb}/", webhooks.act, {"verb": verb}, name=f"webhook_{verb}")
        for verb in webhooks.ACTS
    ),
    path("team/webhooks/messages/<uuid:pk>/replay/", webhooks.replay, name="webhook_message_replay"),
    path("team/tokens/", tokens.listed, name="tokens"),
    path("team/tokens/<uuid:pk>/revoke/", tokens.revoke, name="token_revoke"),
    path("accounts/name/", people.name, name="name"),
    path("bell/", bell.bell, name="bell"),
    path("bell/read/", bell.read, name="bell_read"),
    path("team/audit/", audit.audit, name="audit"),
    path("team/audit.csv", audit.audit_export, name="audit_export"),
]
