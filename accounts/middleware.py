"""Knows, for each request, in which workspace the person acts: `request.actor`."""

import re
import uuid
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode, urlsplit

from allauth.mfa.models import Authenticator
from django.conf import settings
from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.contrib.auth.views import redirect_to_login
from django.contrib.sessions.middleware import SessionMiddleware
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.urls import get_script_prefix, reverse, set_script_prefix
from django.utils.cache import patch_cache_control
from django.utils.functional import SimpleLazyObject
from django.utils.http import url_has_allowed_host_and_scheme

from accounts import second_factor
from accounts.models import Membership, User
from accounts.policy import Actor

SESSION_KEY = "workspace"
# Pages that a person without a second factor needs to get one, or to leave; by the beginning of their names.
FACTOR_PAGES = ("mfa_", "account_", "admin:logout")
# Of these, what decides how one gets in; and what a factor is shown at.
LOCKS = ("mfa_", "account_email", "account_change_password", "account_set_password")
KEYHOLES = ("mfa_reauthenticate", "mfa_authenticate", "mfa_login_webauthn", "mfa_trust")
SESSION = re.compile(r"[a-z0-9]{1,40}")
ADDRESS = re.compile(r"/w/(?P<workspace>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(?=/)")


def current(request: HttpRequest) -> Actor | None:
    """The workspace of the address; else the chosen one if the person is still in it, else their first.

    None for strangers. Read anew for each request, so removal, suspension and demotion work on the next one.
    """
    if not request.user.is_authenticated:
        return None
    memberships = list(
        Membership.objects.active()
        .filter(user=request.user)
        .select_related("user", "workspace", "workspace__wallet")
    )
    named: uuid.UUID | None = getattr(request, "workspace_in_address", None)
    if named:
        memberships = [each for each in memberships if each.workspace_id == named]
    chosen = request.session.get(SESSION_KEY)
    memberships.sort(key=lambda each: (str(each.workspace_id) != chosen, not each.at_home))
    return Actor.of(memberships[0]) if memberships else None


def address_in(workspace: uuid.UUID, path: str) -> str:
    """A path of ours, in that workspace whatever the reader did last: for links in mails and menus."""
    return f"/w/{workspace}{path}"


def address_out(path: str) -> str:
    """A path that `reverse` made, in no workspace: where the next reader may be in another one."""
    return ADDRESS.sub("", path, count=1)


class WorkspaceInAddress:
    """`/w/<workspace>/gallery/` is the gallery of that workspace, and so is every link on that page.

    It works as a mount point does: the views see the path without it, and `reverse` puts it in front. So
    two tabs may be in two workspaces, and a copied address opens what it showed.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        match = ADDRESS.match(request.path_info)
        if not match:
            return self.get_response(request)
        mounted = get_script_prefix()
        request.workspace_in_address = uuid.UUID(match["workspace"])  # type: ignore[attr-defined]  # ours
        request.path_info = request.path_info[match.end() :]
        set_script_prefix(f"{mounted.rstrip('/')}{match[0]}/")
        try:
            return self.get_response(request)
        finally:
            set_script_prefix(mounted)


class WorkspaceMiddleware:
    """Sets `request.actor` lazily: pages that never ask cost no query."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.actor = SimpleLazyObject(lambda: current(request))  # type: ignore[attr-defined]  # ours
        named = hasattr(request, "workspace_in_address")
        if named and request.user.is_authenticated and not request.actor:  # type: ignore[attr-defined]  # ours
            self._leave(request)
            raise Http404
        response = self.get_response(request)
        if request.user.is_authenticated and not response.has_header("Cache-Control"):
            # A page about one person is nothing for a shared cache, and stale after the next click.
            patch_cache_control(response, private=True, no_cache=True)
        return response

    @staticmethod
    def _leave(request: HttpRequest) -> None:
        """So that the page which says that there is nothing leads to where the person is at home."""
        del request.workspace_in_address  # type: ignore[attr-defined]  # ours
        set_script_prefix(address_out(get_script_prefix()))
        request.actor = SimpleLazyObject(lambda: current(request))  # type: ignore[attr-defined]  # ours


class Sessions(SessionMiddleware):
    """Django's, for keys that it can have given: a database takes no NUL, and answers with an error."""

    def process_request(self, request: HttpRequest) -> None:
        """Any other key is that of nobody."""
        if not SESSION.fullmatch(request.COOKIES.get(settings.SESSION_COOKIE_NAME, "")):
            request.COOKIES.pop(settings.SESSION_COOKIE_NAME, None)
        super().process_request(request)


class SignInMiddleware(LoginRequiredMiddleware):
    """Whoever is sent to sign in comes back to where they were."""

    def handle_no_permission(
        self, request: HttpRequest, view_func: Callable[..., Any]
    ) -> HttpResponseRedirect:
        """To the page with the form when it was a form: its own address may take nothing else."""
        response = super().handle_no_permission(request, view_func)
        if request.method in ("GET", "HEAD"):
            return response
        page = request.headers.get("Referer", "")
        here = url_has_allowed_host_and_scheme(page, {request.get_host()}, require_https=request.is_secure())
        back = urlsplit(page)._replace(scheme="", netloc="", fragment="").geturl() if here else "/"
        return redirect_to_login(back, self.get_login_url(view_func), self.get_redirect_field_name(view_func))


class SecondFactorMiddleware:
    """Where a second factor is required, who has none is asked to set one up first.

    So is a session from before the first one was set up: it shows its factor once. What it takes to do so,
    to sign out and to go to another workspace stays open.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Callable[..., Any], args: Any, kwargs: Any
    ) -> HttpResponse | None:
        """A redirect to the pages about second factors, or nothing."""
        match = request.resolver_match
        assert match  # there is a view
        name = match.view_name
        public = not getattr(view, "login_required", True) or hasattr(view, "outside_workspaces")
        open_to_all = public or name.startswith(FACTOR_PAGES)
        # Else a password alone would read the recovery codes, or put another app in the place of theirs.
        guarded = name.startswith(LOCKS) and not name.startswith(KEYHOLES)
        if open_to_all and not guarded:
            return None  # who asks is not even looked up
        user = request.user
        if not isinstance(user, User):
            return None
        required = not open_to_all and self._asked(request, user, "admin" in match.app_names)
        if not required and not guarded:
            return None
        types = set(second_factor.factors_of(user).values_list("type", flat=True))
        if not types:
            return redirect("mfa_index") if required else None
        if second_factor.shown(request):
            return None
        page = "mfa_reauthenticate" if Authenticator.Type.TOTP in types else "mfa_reauthenticate_webauthn"
        back = request.get_full_path() if request.method == "GET" else reverse("generations:home")
        return redirect(f"{reverse(page)}?{urlencode({'next': back})}")

    @staticmethod
    def _asked(request: HttpRequest, user: User, back_office: bool) -> bool:
        if back_office and user.is_staff and settings.STAFF_MFA:
            return True
        actor: Actor | None = request.actor  # type: ignore[attr-defined]  # ours
        return bool(actor and second_factor.due(actor.workspace))
