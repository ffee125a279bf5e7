"""The product's applications and database in a project as `django-admin startproject` makes it.

The peers' views thus have fewer middlewares in front of them than the product's, which is in their favour.
"""

from config.settings import *  # noqa: F403 - everything the product has, and then the lines below

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",  # allauth does not start without it
]
ROOT_URLCONF = "benchmarks.peers.views"
