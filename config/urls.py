"""Every address of the product, by room."""

from django.contrib import admin
from django.urls import include, path, re_path

from accounts.views.email import ConfirmEmailView
from config import health, metrics

urlpatterns = [
    path("healthz", health.healthz),
    path("readyz", health.readyz),
    path("metrics", metrics.metrics),
    path("admin/", admin.site.urls),
    # Before allauth's own of the same name, whose GET signs people out.
    re_path(
        r"^accounts/confirm-email/(?P<key>[-:\w]+)/$",
        ConfirmEmailView.as_view(),
        name="account_confirm_email",
    ),
    path("accounts/", include("allauth.urls")),
    path("api/v1/", include("generations.api.urls")),
    path("", include("accounts.urls")),
    path("", include("generations.urls")),
]

handler500 = "config.errors.broken"
