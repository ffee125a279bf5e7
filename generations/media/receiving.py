"""How much a request may bring along: said by its length, before anything is written to disk."""

from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import FileUploadHandler

from generations.media.intake import MAX_VIDEO_BYTES

# Three pictures and the form's own fields fit into what one video may take.
MOST_BYTES = MAX_VIDEO_BYTES + 10_000_000
# Nobody who is not signed in has a file to send.
MOST_BYTES_OF_STRANGERS = 1_000_000


class SizeLimit(FileUploadHandler):
    """Refuses a body that is too long; everything else passes through."""

    def handle_raw_input(
        self,
        input_data: Any,
        META: dict[str, str],  # noqa: N803 - Django's name
        content_length: int,
        boundary: str,
        encoding: str | None = None,
    ) -> None:
        """Called once, before the first byte is parsed."""
        user = getattr(self.request, "user", None)
        most = MOST_BYTES if user and user.is_authenticated else MOST_BYTES_OF_STRANGERS
        if content_length > most:
            raise RequestDataTooBig(f"more than {most} bytes")

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes:
        """Passed on unchanged."""
        return raw_data

    def file_complete(self, file_size: int) -> "UploadedFile[Any] | None":
        """The next handler makes the file."""
        return None
