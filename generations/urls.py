"""Addresses of the studio."""

from django.urls import path

from generations import webhooks
from generations.views import (
    again,
    approvals,
    budgets,
    closing,
    collections,
    create,
    detail,
    gallery,
    leaving,
    media,
    sharing,
    statement,
)

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
    path("generations/<uuid:pk>/visibility/", sharing.visibility, name="visibility"),
    path("collections/", collections.collections, name="collections"),
    path("collections/add/", collections.collect, name="collect"),
    path("collections/<uuid:pk>/", collections.collection, name="collection"),
    path("collections/<uuid:pk>/rename/", collections.rename, name="rename_collection"),
    path("collections/<uuid:pk>/delete/", collections.delete, name="delete_collection"),
    path("collections/<uuid:pk>/remove/", collections.uncollect, name="uncollect"),
    path("s/<str:word>/", sharing.shared, name="shared"),
    path("s/<str:word>/clip.mp4", sharing.shared_clip, name="shared_clip"),
    path("s/<str:word>/poster.webp", sharing.shared_poster, name="shared_poster"),
    path("team/close/", closing.close, name="close"),
    path("credits/", statement.statement, name="credits"),
    path("credits/export.csv", statement.export, name="credits_export"),
    path("media/<uuid:pk>/clip.mp4", media.clip, name="clip"),
    path("media/<uuid:pk>/poster.webp", media.poster, name="poster"),
    path("media/<uuid:pk>/input", media.upload, name="upload"),
    path("team/members/<int:pk>/remove/", leaving.member_remove, name="member_remove"),
    path("team/leave/", leaving.leave, name="leave"),
    path("team/budgets/", budgets.budgets, name="budgets"),
    path("team/budgets/<int:pk>/", budgets.change, name="budget"),
    path("team/budgets/<int:pk>/remove/", budgets.remove, name="budget_remove"),
    path("team/approvals/", approvals.approvals, name="approvals"),
    path("team/approvals/<uuid:pk>/", approvals.decide, name="decide"),
    WEBHOOK,
]
