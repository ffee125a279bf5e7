#!/usr/bin/env python3
"""Runs Django's commands; `demo` and `test` first set up everything they need on a bare Python."""

import os
import sys

from config import bootstrap


def main() -> None:
    bootstrap.enter(sys.argv)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    from django.core.management import execute_from_command_line  # noqa: PLC0415 - only now it is there

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
