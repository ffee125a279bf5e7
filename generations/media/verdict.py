"""What a child says of a file, as JSON: what it found, what is wrong, or that the machine was to blame."""

import errno
import json
import sys
from collections.abc import Callable, Mapping
from typing import Any

# Our own disk, folder or table of descriptors. Not EIO and ENOMEM: parsers say so of damaged files, too.
MACHINE = frozenset(
    {
        errno.ENOSPC,
        errno.EDQUOT,
        errno.EFBIG,
        errno.EROFS,
        errno.ENOENT,
        errno.EACCES,
        errno.EMFILE,
        errno.ENFILE,
    }
)


def say(
    look: Callable[[], Mapping[str, Any]], otherwise: str, known: Mapping[type[Exception], str] | None = None
) -> None:
    """Print what `look` finds; else a text of `known` or `otherwise` for the person who sent the file."""
    try:
        answer: Mapping[str, Any] = look()
    except Exception as error:  # noqa: BLE001 - a hostile file may raise anything; the parent only needs to know
        if isinstance(error, OSError) and error.errno in MACHINE:
            answer = {"errno": error.errno}
        else:
            texts = [text for kind, text in (known or {}).items() if isinstance(error, kind)]
            answer = {"error": texts[0] if texts else otherwise}
    sys.stdout.write(json.dumps(answer))
    sys.exit(1 if "error" in answer else 0)
