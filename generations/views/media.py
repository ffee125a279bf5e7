"""Files, each behind the question who asks."""

import uuid

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_safe

from accounts.actor import ActorRequest, with_actor
from generations.media.serving import serve
from generations.media.vault import vault
from generations.models import Clip, Generation, Upload


def _clip(request: ActorRequest, pk: uuid.UUID) -> Clip:
    seen = Generation.objects.visible_to(request.actor).filter(clip__isnull=False).select_related("clip")
    clip = get_object_or_404(seen, pk=pk).clip
    assert clip is not None
    return clip


@require_safe
@with_actor
def clip(request: ActorRequest, pk: uuid.UUID) -> HttpResponse:
    """The video of a generation; `?download` saves it."""
    found = _clip(request, pk)
    name = f"dailies-{str(pk)[:8]}.mp4" if "download" in request.GET else ""
    return _answer(serve(request, vault(), found.file, content_type=found.content_type, download=name))


@require_safe
@with_actor
def poster(request: ActorRequest, pk: uuid.UUID) -> HttpResponse:
    """The still of a generation."""
    return _answer(serve(request, vault(), _clip(request, pk).poster, content_type="image/webp"))


@require_safe
@with_actor
def upload(request: ActorRequest, pk: uuid.UUID) -> HttpResponse:
    """An input picture or video."""
    found = get_object_or_404(Upload.objects.visible_to(request.actor), pk=pk)
    return _answer(serve(request, vault(), found.file, content_type=found.content_type))


def _answer(response: HttpResponseBase) -> HttpResponse:
    """The view decorators only pass responses on; a streaming one is as good."""
    return response  # type: ignore[return-value]  # HttpResponseBase is what Django needs
