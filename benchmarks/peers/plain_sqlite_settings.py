"""The product on SQLite with Django's own choice of transactions, as a project has it that nobody tuned."""

from config.settings import *  # noqa: F403 - everything the product has, and then the lines below
from config.settings import DATABASES

DATABASES["default"]["OPTIONS"] = {"timeout": 20}
