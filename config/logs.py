"""One line per event, in UTC, with what it is about; never a secret, a token or somebody's words.

The product logs `event=name key=value`: JSON lines carry these as fields of their own. An exception is
written as its kind and its places: its text may quote a row, and a row holds a prompt.
"""

import json
import logging
import re
import sys
import traceback
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from accounts import trace

TOKEN = re.compile(r"(/webhooks/fal/)[^/\s\"']+")
# One word of a message of ours: a name and a place for an argument, or a word that is always the same.
WORD = re.compile(r"(\w+)=(\S+)")
OURS = re.compile(r"\w+=\S+( \w+=\S+)*")
SHORTEST_SECRET = 8  # shorter ones are those of a demo, and would be found in innocent words


class Lines(logging.Formatter):
    """What every format has in common: what is hidden, and what an exception is reduced to."""

    def __init__(self, secrets: Iterable[str] = (), *, telling: bool = False) -> None:
        """`telling`: exceptions with their text and all lines of a message, for a developer's own machine."""
        super().__init__()
        self.secrets = [each for each in secrets if len(each) >= SHORTEST_SECRET]
        self.telling = telling

    def clean(self, text: str) -> str:
        """Without tokens and secrets: whoever reads logs must not be able to post as fal, or to pay as us."""
        text = TOKEN.sub(r"\1…", text)
        for secret in self.secrets:
            text = text.replace(secret, "…")
        return text

    def fields(self, record: logging.LogRecord) -> dict[str, Any]:
        """What the record says, by name."""
        said: dict[str, Any] = dict(trace.words())
        said |= words_of(record) or {"message": self._message(record)}
        if record.exc_info and record.exc_info[0]:
            said["error"] = record.exc_info[0].__name__
            said["at"] = places(record.exc_info[1])
        return {name: self.clean(value) if isinstance(value, str) else value for name, value in said.items()}

    def _message(self, record: logging.LogRecord) -> str:
        """Its first line: libraries quote exceptions, text and all, in the others."""
        message = record.getMessage()
        return message if self.telling else message.partition("\n")[0]


class Json(Lines):
    """For machines that collect lines."""

    def format(self, record: logging.LogRecord) -> str:
        """One JSON object."""
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        head = {"time": at, "level": record.levelname, "logger": record.name}
        return json.dumps(head | self.fields(record), ensure_ascii=False)


class Plain(Lines):
    """For eyes."""

    def format(self, record: logging.LogRecord) -> str:
        """The same as a line of `name=value`."""
        at = datetime.fromtimestamp(record.created, UTC).isoformat(sep=" ", timespec="milliseconds")
        fields = self.fields(record)
        message = " ".join(
            [str(fields.pop("message", "")), *(f"{key}={one_line(fields[key])}" for key in fields)]
        )
        line = f"{at} {record.levelname} {record.name} {message.strip()}"
        if self.telling and record.exc_info:
            line += "\n" + self.clean(self.formatException(record.exc_info))
        return line


def one_line(value: Any) -> str:
    """What a value says must not look like another line."""
    return str(value).replace("\r", "\\r").replace("\n", "\\n")


def words_of(record: logging.LogRecord) -> dict[str, Any]:
    """The fields of a message of ours, from its template and its arguments; empty for any other."""
    template = record.msg
    if not (isinstance(template, str) and OURS.fullmatch(template) and isinstance(record.args, tuple)):
        return {}
    arguments = iter(record.args)
    found = {}
    for name, value in WORD.findall(template):
        given = next(arguments) if value.startswith("%") else value
        found[name] = given if isinstance(given, int | float | None) else str(given)
    return found


def places(error: BaseException | None) -> str:
    """Where it came from, innermost first."""
    frames = traceback.extract_tb(error.__traceback__) if error else []
    return " < ".join(f"{frame.name}:{frame.lineno}" for frame in reversed(frames))


class Alarms(logging.Handler):
    """Counts errors by event, so that a figure can wake somebody when a line in a log would not."""

    def emit(self, record: logging.LogRecord) -> None:
        """One more of these."""
        # Logging is set up before the applications are loaded, and errors come later.
        from generations import tally  # noqa: PLC0415

        try:
            tally.count(tally.ERROR, str(words_of(record).get("event", "other")))
        except Exception as error:  # noqa: BLE001 - a log that raises would break what it reports on
            sys.stderr.write(f"errors are not counted: {type(error).__name__}\n")
