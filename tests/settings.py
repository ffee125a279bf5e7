"""The product's settings, with a quick password hasher, mail in memory and files in a temporary folder."""

import tempfile
from pathlib import Path

from config.settings import *  # noqa: F403 - everything the product has, and then the lines below
from config.settings import STORAGES

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
# Kept for the life of the process and removed with it.
_directory = tempfile.TemporaryDirectory(prefix="dailies-media-")
MEDIA_ROOT = Path(_directory.name)
STORAGES = {
    "default": {**STORAGES["default"], "OPTIONS": {"location": MEDIA_ROOT}},
    # The manifest is written by collectstatic, which a test run does not need.
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
