"""Choosing who sees a clip, and the page that strangers see of one that is shared by link."""

import uuid

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from accounts.actor import ActorRequest, with_actor
from generations import sharing
from generations.gallery_forms import VisibilityForm
from generations.media.serving import serve
from generations.media.vault import vault
from generations.models import Generation, Visibility
from generations.views.back import back
from generations.views.detail import facts
from generations.waits import explain

DONE = {
    Visibility.PRIVATE: "Only you see this clip now.",
    Visibility.WORKSPACE: "Everybody in the workspace sees this clip now, and nobody else.",
    Visibility.LINK: "Whoever has the link sees this clip now.",
}
MEANWHILE = "It was changed meanwhile; look at it once more."


@require_POST
@with_actor
def visibility(request: ActorRequest, pk: uuid.UUID) -> HttpResponse:
    """Only me, the workspace, or anyone with the link; `anew` by a new one."""
    generation = get_object_or_404(Generation.objects.visible_to(request.actor).for_cards(), pk=pk)
    if not sharing.choices(request.actor, generation):
        return render(request, "403.html", status=403)
    form = VisibilityForm(request.POST)
    if form.is_valid():
        try:
            _choose(request, generation, Visibility(form.cleaned_data["visibility"]))
        except sharing.NotAllowed:
            form.add_error("visibility", "This cannot be chosen for this clip at the moment.")
        else:
            return back(request, reverse("generations:detail", args=[pk]))
    explain([generation])
    context = facts(request, generation) | {"visibility_form": form}
    return render(request, "generations/detail.html", context, status=422)


def _choose(request: ActorRequest, generation: Generation, chosen: Visibility) -> None:
    if sharing.set_visibility(request.actor, generation, chosen, anew="anew" in request.POST):
        messages.success(request, DONE[chosen])
    else:
        messages.error(request, MEANWHILE)


@login_not_required
@require_safe
def shared(request: HttpRequest, word: str) -> HttpResponse:
    """The player and what it plays. Nothing of the workspace: no prompt, no name, no number."""
    generation = sharing.shared_by(word)
    if generation is None:
        return _gone(request)
    return _quiet(render(request, "generations/shared.html", {"generation": generation, "word": word}))


@login_not_required
@require_safe
def shared_clip(request: HttpRequest, word: str) -> HttpResponse:
    """Its video; `?download` saves it."""
    generation = sharing.shared_by(word)
    if generation is None or generation.clip is None:
        return _gone(request)
    name = "dailies-clip.mp4" if "download" in request.GET else ""
    clip = generation.clip
    return _quiet(serve(request, vault(), clip.file, content_type=clip.content_type, download=name))


@login_not_required
@require_safe
def shared_poster(request: HttpRequest, word: str) -> HttpResponse:
    """Its still."""
    generation = sharing.shared_by(word)
    if generation is None or generation.clip is None:
        return _gone(request)
    return _quiet(serve(request, vault(), generation.clip.poster, content_type="image/webp"))


def _gone(request: HttpRequest) -> HttpResponse:
    """The same for what never was, what is not shared any more and what was thrown away."""
    return _quiet(render(request, "generations/shared_gone.html", status=404))


def _quiet(response: HttpResponseBase) -> HttpResponse:
    """The address is the key: it goes into no index, no other site's log and no cache that outlives it."""
    response["Referrer-Policy"] = "no-referrer"
    response["X-Robots-Tag"] = "noindex, nofollow"
    response["Cache-Control"] = "private, no-cache"
    return response  # type: ignore[return-value]  # HttpResponseBase is what Django needs
