"""Just enough of Django for the ordinary studio, from the same environment as the product."""

from pathlib import Path
from typing import Any

import environ

env = environ.Env()
SECRET_KEY = env.str("SECRET_KEY")
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS")
PUBLIC_URL = env.str("PUBLIC_URL")
MEDIA_ROOT = Path(env.str("MEDIA_ROOT"))
FAL_QUEUE_URL, FAL_KEY = env.str("FAL_QUEUE_URL"), env.str("FAL_KEY")
DATABASES: dict[str, Any] = {"default": env.db_url("DATABASE_URL")}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
RQ_QUEUES = {"drive": {"URL": env.str("REDIS_URL")}}
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django_rq",
    "tests.chaos.ordinary",
]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
]
ROOT_URLCONF = "tests.chaos.ordinary.studio"
USE_TZ = True
