"""The web process: `granian --interface wsgi config.wsgi:application`."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
application = get_wsgi_application()

# After the line above: the checks are known once Django is set up.
from config.checks import refuse_unsafe_start  # noqa: E402

refuse_unsafe_start()
