"""The same application for an ASGI server; the web process runs under WSGI, which is several times faster."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
application = get_asgi_application()

# After the line above: the checks are known once Django is set up.
from config.checks import refuse_unsafe_start  # noqa: E402

refuse_unsafe_start()
