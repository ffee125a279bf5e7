"""The product's settings, with a quick password hasher, mail in memory and files in a temporary folder."""

import atexit
import shutil
import tempfile
from pathlib import Path

from config.settings import *  # noqa: F403 - everything the product has, and then the lines below
from config.settings import DATABASES, STORAGES

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
# Kept for the life of the process and removed with it.
_directory = tempfile.TemporaryDirectory(prefix="dailies-media-")
atexit.register(_directory.cleanup)
MEDIA_ROOT = Path(_directory.name)


@atexit.register
def _leave_no_scratch() -> None:
    from generations.media import scratch  # noqa: PLC0415 - it reads these settings

    shutil.rmtree(scratch.root(), ignore_errors=True)


STORAGES = {
    "default": {**STORAGES["default"], "OPTIONS": {"location": MEDIA_ROOT}},
    # The manifest is written by collectstatic, which a test run does not need.
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
# Static files straight from their source folders: no collected copy exists in a fresh clone.
WHITENOISE_AUTOREFRESH = WHITENOISE_USE_FINDERS = True
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    # A file as in the product: Django's own choice, shared memory, has other locks.
    DATABASES["default"]["TEST"] = {"NAME": str(MEDIA_ROOT.with_suffix(".sqlite3"))}
