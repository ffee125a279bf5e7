"""The back office: people, workspaces and a ledger nobody can edit."""

from typing import TYPE_CHECKING, Any

from allauth.account.decorators import secure_admin_login
from allauth.mfa import admin as allauths
from allauth.mfa.models import Authenticator
from django import forms
from django.contrib import admin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.forms import UserChangeForm
from django.contrib.auth.models import Group
from django.db import models, transaction
from django.http import HttpRequest, HttpResponse

from accounts.admin_audit import Audited, write
from accounts.models import AuditEvent, Hold, LedgerEntry, Letter, Membership, Role, User, Wallet, Workspace
from accounts.models.audit import STAFF
from accounts.team import LAST_OWNER, owned_alone, withdraw

# Generic for the type checker only: at run time Django's admin classes take no parameters.
if TYPE_CHECKING:
    Back = admin.ModelAdmin[Any]
    Inline = admin.TabularInline[Any, Any]
    FormSet = forms.BaseInlineFormSet[Any, Any, Any]
    PeopleBack = DjangoUserAdmin[User]
else:
    Back, Inline, PeopleBack = admin.ModelAdmin, admin.TabularInline, DjangoUserAdmin
    FormSet = forms.BaseInlineFormSet

# Django's own admin sign-in has no rate limit; allauth's has.
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]  # documented by allauth
admin.site.unregister(Group)
admin.site.unregister(allauths.Authenticator)
admin.site.site_header = admin.site.site_title = "Dailies, back office"
admin.site.index_title = "What would you like to look at?"


class ReadOnly(Back):
    """Evidence and balances: looked at here, moved only by the verbs."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Never."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Never."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Never."""
        return False

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """What is not shown cannot be found out by filtering for it, sign by sign."""
        hidden = lookup.partition("__")[0] in (self.exclude or ())
        return not hidden and super().lookup_allowed(lookup, value, request)


class MembershipFormSet(FormSet):
    """Of the members of one workspace, as they would be afterwards."""

    def clean(self) -> None:
        """Somebody who can sign in owns it, and a membership stays its person's: their clips hang on it."""
        super().clean()
        kept = [each for each in self.forms if each.instance.pk or each.has_changed()]
        if any(self.errors):
            return
        for each in kept:
            if each.instance.pk and "user" in each.changed_data:
                raise forms.ValidationError("Add somebody as another member, not in place of one.")
        had = Membership.objects.active().filter(workspace=self.instance.pk, role=Role.OWNER)
        after = [each.instance for each in kept]
        owned = any(m.role == Role.OWNER and not m.suspended_at and m.user.is_active for m in after)
        if had.exists() and not owned:
            raise forms.ValidationError(LAST_OWNER)


class MembershipInline(Inline):
    """The members of a workspace: an administrator adds one here.

    Ending a membership is the team's, whose page passes clips on, revokes tokens and keeps an owner.
    """

    model = Membership
    formset = MembershipFormSet
    extra = 1
    can_delete = False
    autocomplete_fields = ("user",)


class PersonForm(UserChangeForm):  # type: ignore[type-arg]  # generic for the type checker only
    """Somebody's page."""

    class Meta:
        model = User
        fields = ("email", "password", "first_name", "last_name", "is_active", "is_staff", "is_superuser")

    def clean(self) -> dict[str, Any]:
        """Every workspace of a team keeps an owner who can get in."""
        data = super().clean() or self.cleaned_data
        if not data.get("is_active", True) and (alone := owned_alone(self.instance)):
            names = ", ".join(str(each) for each in alone)
            self.add_error("is_active", f"They are the only owner of {names}. Make somebody else one first.")
        return data


@admin.register(User)
class UserAdmin(Audited, PeopleBack):
    """People, by e-mail. They are deactivated, never deleted: what they did stays theirs."""

    form = PersonForm

    ordering = ("email",)
    list_display = ("email", "first_name", "is_staff", "is_active", "last_login")
    search_fields = ("email", "first_name", "last_name")
    fieldsets = (
        (None, {"fields": ("email", "password")}),
        ("Name", {"fields": ("first_name", "last_name")}),
        ("Rights", {"fields": ("is_active", "is_staff", "is_superuser")}),
    )
    add_fieldsets = (
        (None, {"fields": ("email", "first_name", "usable_password", "password1", "password2")}),
    )
    filter_horizontal = ()
    list_filter = ("is_staff", "is_active")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Never: their memberships would go along, and with them a workspace's owner."""
        return False

    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> HttpResponse:  # noqa: A002 - Django's name
        """That it was changed is written down, and by whom; what it is or was never."""
        with transaction.atomic():
            response = super().user_change_password(request, id, form_url)
            person = self.get_object(request, id)
            if request.method == "POST" and response.status_code == 302 and person is not None:
                write(request, "password_set", person)
        return response


@admin.register(Workspace)
class WorkspaceAdmin(Audited, Back):
    """Workspaces and who is in them. Made by `create_user` or a sign-up, with their wallet."""

    list_display = ("name", "personal", "share", "created_at")
    list_filter = ("personal",)
    search_fields = ("name",)
    inlines = (MembershipInline,)
    # Closing and requiring second factors have verbs of their own, which write them down.
    readonly_fields = ("closed_at", "mfa_from")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Never: its ledger stays."""
        return False

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        """Who may less, or nothing, takes the invitations along that they could not give any more."""
        before = {each.instance.pk: each.initial.get("role", "") for each in formset.initial_forms}
        super().save_formset(request, form, formset, change)
        for changed, _ in formset.changed_objects:
            role = "" if changed.suspended_at else changed.role
            withdraw(changed, role, before=before[changed.pk])

    def save_model(self, request: HttpRequest, obj: Workspace, form: Any, change: bool) -> None:
        """A workspace without a wallet could not pay for anything."""
        super().save_model(request, obj, form, change)
        Wallet.objects.get_or_create(workspace=obj)


@admin.register(Wallet)
class WalletAdmin(ReadOnly):
    """Balances."""

    list_display = ("workspace", "posted", "held", "available")
    search_fields = ("workspace__name",)


@admin.register(Hold)
class HoldAdmin(ReadOnly):
    """Credits set aside."""

    list_display = ("id", "wallet", "amount", "state", "created_at", "resolved_at")
    list_filter = ("state",)


@admin.register(LedgerEntry)
class LedgerEntryAdmin(ReadOnly):
    """Every posted movement."""

    list_display = ("wallet", "seq", "at", "kind", "amount", "balance_after", "cause_key", "actor", "reason")
    list_filter = ("kind",)
    search_fields = ("cause_key", "wallet__workspace__name")

    def get_queryset(self, request: HttpRequest) -> "models.QuerySet[LedgerEntry]":
        """With the names the list shows."""
        return LedgerEntry.objects.select_related("wallet__workspace", "actor")


@admin.register(AuditEvent)
class AuditEventAdmin(ReadOnly):
    """What was done."""

    list_display = ("at", "verb", "object", "actor", "workspace")
    list_filter = ("verb",)
    search_fields = ("object", "actor__email")


@admin.register(Letter)
class LetterAdmin(ReadOnly):
    """Mails that were sent, wait or were given up; what stands in them is between us and their readers."""

    list_display = ("created_at", "to", "subject", "sent_at", "wake_at", "tries", "error")
    list_filter = (("sent_at", admin.EmptyFieldListFilter),)
    search_fields = ("to", "subject")
    exclude = ("text",)
    ordering = ("-created_at",)


@admin.register(Authenticator)
class AuthenticatorAdmin(ReadOnly):
    """Second factors: taken away for somebody who has lost theirs, and that is written down."""

    list_display = ("user", "type", "created_at", "last_used_at")
    list_filter = ("type",)
    search_fields = ("user__email",)
    exclude = ("data",)
    actions = None

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """As Django's permissions say."""
        return Back.has_delete_permission(self, request, obj)

    def delete_model(self, request: HttpRequest, obj: Authenticator) -> None:
        """The admin's delete page is one transaction."""
        person: Any = request.user
        AuditEvent.of(
            "second_factor.removed", obj.user, actor=person, acting_as=STAFF, before={"type": obj.type}
        ).save()
        super().delete_model(request, obj)
