"""Every address of the product, by room."""

from django.contrib import admin
from django.urls import include, path

from config import health, metrics

urlpatterns = [
    path("healthz", health.healthz),
    path("readyz", health.readyz),
    path("metrics", metrics.metrics),
    path("admin/", admin.site.urls),
    path("accounts/", include("allauth.urls")),
    path("api/v1/", include("generations.api.urls")),
    path("", include("accounts.urls")),
    path("", include("generations.urls")),
]

handler500 = "config.errors.broken"
