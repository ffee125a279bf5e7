"""A small project with django-hordak in it, on the database that the benchmark names."""

import environ

SECRET_KEY = "only-for-benchmarks"
DATABASES = {"default": {**environ.Env().db_url("DATABASE_URL"), "CONN_MAX_AGE": None}}
INSTALLED_APPS = ["django.contrib.contenttypes", "django.contrib.auth", "mptt", "hordak"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
HORDAK_CURRENCIES = ["EUR"]
CURRENCIES = ["EUR"]
