"""The two addresses of the API that are open to everybody: its description for machines and for people."""

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.models import Scope
from generations.api.description import described
from generations.api.examples import CALLS
from generations.api.idempotency import HEADER
from generations.api.paging import MOST, USUAL
from generations.api.problems import KINDS
from generations.catalogue import CATALOGUE
from generations.models import State


@require_safe
def openapi(request: HttpRequest) -> HttpResponse:
    """OpenAPI 3.1."""
    return JsonResponse(described(), headers={"Cache-Control": "public, max-age=300"})


@login_not_required
@require_safe
def docs(request: HttpRequest) -> HttpResponse:
    """How to use it, with examples that work as pasted."""
    context = {
        "calls": CALLS,
        "kinds": KINDS,
        "scopes": list(Scope),
        "states": list(State),
        "endpoints": CATALOGUE.values(),
        "header": HEADER,
        "rate": settings.API_RATE,
        "url": settings.PUBLIC_URL,
        "setup": f"export DAILIES_URL={settings.PUBLIC_URL}\nexport DAILIES_TOKEN=dl_...",
        "usual": USUAL,
        "most": MOST,
    }
    return render(request, "api/docs.html", context)
