"""Counting what of a clip goes out, for the journal."""

from collections.abc import Iterator
from dataclasses import replace

from fal_emulator.book import Book
from fal_emulator.exchange import Answer, Call
from fal_emulator.requests import Request
from fal_emulator.visits import clip_of


def counted(call: Call, answer: Answer, book: Book) -> Answer:
    """The same answer, noted with its clip when it has been sent."""
    request = clip_of(call, book)
    if request is None or call.method != "GET":
        return answer
    if answer.manner:
        return replace(answer, sent=lambda count: note(book, request, answer, count))
    if answer.fault or answer.stream is None:  # nothing of the clip itself
        book.note_download(request, answer.status, 0, whole=False, fault=answer.fault)
        return answer
    return replace(answer, stream=counting(book, request, answer))


def counting(book: Book, request: Request, answer: Answer) -> Iterator[bytes]:
    sent = 0
    try:
        for piece in answer.stream or ():
            yield piece
            sent += len(piece)
    finally:
        note(book, request, answer, sent)


def note(book: Book, request: Request, answer: Answer, sent: int) -> None:
    headers = dict(answer.headers)
    # "bytes 0-9/100" does not end with the last byte, "bytes 90-99/100" does.
    last, _, size = headers.get("Content-Range", "").rpartition("-")[2].partition("/")
    to_the_end = not size or int(last) + 1 == int(size)
    whole = to_the_end and sent == int(headers.get("Content-Length", -1))
    book.note_download(request, answer.status, sent, whole, answer.fault)
