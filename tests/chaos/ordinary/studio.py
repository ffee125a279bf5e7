"""The pages, the webhook and the jobs of the ordinary studio, in one file."""

import json
from collections.abc import Callable
from functools import cached_property, partial
from urllib.parse import urlsplit

import django_rq
import fal_client
import httpx
from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.core.wsgi import get_wsgi_application
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.middleware.csrf import get_token
from django.shortcuts import get_object_or_404
from django.urls import path
from django.views.decorators.csrf import csrf_exempt
from rq import Retry

application = get_wsgi_application()

# After the line above: models need Django to be set up.
from tests.chaos.ordinary.models import PRICE, Account, Clip  # noqa: E402

ENDPOINT = "fal-ai/veo3.1/lite"
FORM = """<form method="post"><input type="hidden" name="csrfmiddlewaretoken" value="{token}">
<input type="hidden" name="form_key" value=""><textarea name="prompt"></textarea><button>Go</button></form>"""


class Client(fal_client.SyncClient):
    """fal's own client as it is, with its calls carried to where fal is today."""

    @cached_property
    def _client(self) -> httpx.Client:
        headers = {"Authorization": f"Key {settings.FAL_KEY}"}
        hooks = {"request": [_carry]}
        return httpx.Client(headers=headers, event_hooks=hooks, timeout=20, trust_env=False)


def _carry(request: httpx.Request) -> None:
    here = urlsplit(settings.FAL_QUEUE_URL)
    request.url = request.url.copy_with(scheme="http", host=here.hostname, port=here.port)
    request.headers["Host"] = here.netloc


def healthz(request: HttpRequest) -> HttpResponse:
    return HttpResponse("ok")


@login_required
def create(request: HttpRequest) -> HttpResponse:
    """Take the credits, write the clip down, have a worker make it once that is committed."""
    if request.method != "POST":
        return HttpResponse(FORM.format(token=get_token(request)))
    account = Account.objects.get(members=request.user.pk)
    if account.balance < PRICE:
        return HttpResponse("fewer credits are available", status=409)
    with transaction.atomic():
        clip = Clip.objects.create(
            account=account, form_key=request.POST["form_key"], prompt=request.POST["prompt"]
        )
        account.pay(clip, PRICE)
        transaction.on_commit(partial(_enqueue, generate, clip.pk))
    return HttpResponseRedirect("/create/")


@login_required
def cancel(request: HttpRequest, pk: int) -> HttpResponse:
    """Stop it at fal and give the credits back."""
    clip = get_object_or_404(Clip, pk=pk)
    if clip.state in ("queued", "running"):
        if clip.request_id:
            Client(key=settings.FAL_KEY).cancel(ENDPOINT, clip.request_id)
        clip.end("cancelled")
    return HttpResponseRedirect("/create/")


@csrf_exempt
def webhook(request: HttpRequest, place: str) -> HttpResponse:
    """fal says that a clip is done, or that it failed."""
    said = json.loads(request.body)
    clip = get_object_or_404(Clip, request_id=said["request_id"])
    if said["status"] == "OK" and said["payload"]:
        _enqueue(fetch, clip.pk, said["payload"]["video"]["url"])
    else:
        clip.end("failed")
    return HttpResponse("ok")


def _enqueue(job: Callable[..., None], *arguments: object) -> None:
    django_rq.get_queue("drive").enqueue(job, *arguments, retry=Retry(max=3))


def generate(pk: int) -> None:
    """Job: hand a clip to fal, which calls back."""
    clip = Clip.objects.get(pk=pk)
    arguments = {"prompt": clip.prompt, "duration": "8s"}
    address = f"{settings.PUBLIC_URL}/webhooks/fal/here/"
    handle = Client(key=settings.FAL_KEY).submit(ENDPOINT, arguments, webhook_url=address)
    clip.request_id, clip.state = handle.request_id, "running"
    clip.save()


def fetch(pk: int, url: str) -> None:
    """Job: copy a finished clip into our own storage."""
    clip = Clip.objects.get(pk=pk)
    file = settings.MEDIA_ROOT / "clips" / f"{clip.pk}.mp4"
    file.parent.mkdir(parents=True, exist_ok=True)
    answer = httpx.get(url, timeout=20, trust_env=False)
    answer.raise_for_status()
    file.write_bytes(answer.content)
    clip.end("done")


urlpatterns = [
    path("healthz", healthz),
    path("create/", create),
    path("generations/<int:pk>/cancel/", cancel),
    path("webhooks/fal/<str:place>/", webhook),
]
