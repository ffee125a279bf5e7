"""Webhook views to compare with: one that does nothing, one that only verifies, one as people write it."""

import hashlib
import json

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from generations import doorbell
from generations.fal.signature import Signed
from generations.models import Attempt, Delivery, State, StateChange
from generations.models.attempt import hashed
from generations.webhooks import keys


@csrf_exempt
@require_POST
def bare(request: HttpRequest, token: str) -> HttpResponse:
    """Nothing at all."""
    return HttpResponse("ok", content_type="text/plain")


@csrf_exempt
@require_POST
def signature(request: HttpRequest, token: str) -> HttpResponse:
    """The proof and the parsing; nothing is kept."""
    if not Signed.of(request.headers).verifies(request.body, keys().current()):
        return HttpResponse("signature", status=401)
    json.loads(request.body)
    return HttpResponse("ok", content_type="text/plain")


@csrf_exempt
@require_POST
def orm(request: HttpRequest, token: str) -> HttpResponse:
    """The proof, then lock, look, save and create, row after row."""
    if not Signed.of(request.headers).verifies(request.body, keys().current()):
        return HttpResponse("signature", status=401)
    content = json.loads(request.body)
    digest = hashlib.sha256(request.body).hexdigest()
    with transaction.atomic():
        attempt = (
            Attempt.objects.select_for_update().select_related("generation").get(token_hash=hashed(token))
        )
        if Delivery.objects.filter(digest=digest).exists():
            return HttpResponse("ok", content_type="text/plain")
        Delivery.objects.create(
            attempt=attempt,
            digest=digest,
            request_id=content["request_id"],
            status=content["status"],
            body=content,
        )
        attempt.result = content["payload"]
        attempt.save()
        generation = attempt.generation
        StateChange.objects.create(
            generation=generation, before=generation.state, after=State.STORING, cause="result ready"
        )
        generation.state, generation.wake_at = State.STORING, timezone.now()
        generation.save()
        doorbell.poke(generation.pk, queue=doorbell.MEDIA)
    return HttpResponse("ok", content_type="text/plain")


urlpatterns = [
    path("bare/<str:token>/", bare),
    path("signature/<str:token>/", signature),
    path("orm/<str:token>/", orm),
]
