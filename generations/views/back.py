"""Where somebody was, and the way back there: a menu on a card leads nowhere else."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.http import url_has_allowed_host_and_scheme


def where(request: HttpRequest) -> str:
    """The address of the page in front of the person; for a part that htmx asks for, of the page it is in."""
    htmx = getattr(request, "htmx", None)
    try:
        page = htmx.current_url_abs_path if htmx else None
    except ValueError:  # a header that is no address
        page = None
    return page or request.get_full_path()


def back(request: HttpRequest, otherwise: str) -> HttpResponse:
    """To the page that `back` names, if it is one of ours."""
    to = request.POST.get("back", "")
    ours = to.startswith("/") and url_has_allowed_host_and_scheme(to, allowed_hosts=None)
    return redirect(to if ours else otherwise)
