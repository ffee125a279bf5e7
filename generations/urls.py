"""Addresses of the studio."""

from django.urls import path

from generations import webhooks
from generations.views import again, create, detail, gallery, media, statement

app_name = "generations"

# fal follows no redirect: this exact address must answer, with its slash and without a session.
WEBHOOK = path("webhooks/fal/<str:token>/", webhooks.fal_webhook, name="fal_webhook")

urlpatterns = [
    path("", gallery.home, name="home"),
    path("create/", create.create, name="create"),
    path("create/quote/", create.quote, name="quote"),
    path("queue/", gallery.queue, name="queue"),
    path("gallery/", gallery.gallery, name="gallery"),
    path("bin/", detail.binned, name="bin"),
    path("live/", gallery.live, name="live"),
    path("generations/<uuid:pk>/", detail.detail, name="detail"),
    path("generations/<uuid:pk>/cancel/", detail.cancel, name="cancel"),
    path("generations/<uuid:pk>/again/", again.again, name="again"),
    path("generations/<uuid:pk>/delete/", detail.delete, name="delete"),
    path("generations/<uuid:pk>/restore/", detail.restore, name="restore"),
    path("credits/", statement.statement, name="credits"),
    path("credits/export.csv", statement.export, name="credits_export"),
    path("media/<uuid:pk>/clip.mp4", media.clip, name="clip"),
    path("media/<uuid:pk>/poster.webp", media.poster, name="poster"),
    path("media/<uuid:pk>/input", media.upload, name="upload"),
    WEBHOOK,
]
