"""Sending an answer over a bad line: late, byte by byte, broken off, or reset."""

import socket
import struct
import threading
from collections.abc import Iterator
from typing import NoReturn

from fal_emulator.exchange import Answer, HangUp, Manner
from fal_emulator.spoils import whole

AT_ONCE = struct.pack("ii", 1, 0)  # linger for no time: closing sends a reset


def send(connection: socket.socket, answer: Answer, stopping: threading.Event) -> NoReturn:
    """Send it in its manner, past the usual server, and close. Always ends in HangUp."""
    manner = answer.manner
    assert manner is not None
    stopping.wait(manner.pause)
    head, body = as_sent(answer)
    if manner.cut == "start":
        head = body = b""
    elif manner.cut == "headers":
        head, body = head[: len(head) // 2], b""
    elif manner.cut == "body":
        body = body[: len(body) // 2]
    sent = 0
    try:
        connection.sendall(head)
        for piece in pieces(body, manner):
            if stopping.wait(manner.drip):
                break
            connection.sendall(piece)
            sent += len(piece)
    finally:
        if answer.sent:
            answer.sent(sent)
    if manner.reset:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
    raise HangUp


def pieces(body: bytes, manner: Manner) -> Iterator[bytes]:
    count = 1 if not manner.drip else manner.pieces or len(body)
    step = max(1, -(-len(body) // max(1, count)))
    return (body[start : start + step] for start in range(0, len(body), step))


def as_sent(answer: Answer) -> tuple[bytes, bytes]:
    """Head and body as they go over the line."""
    body = whole(answer)
    headers = [header for header in answer.headers if header[0] != "Content-Length"]
    lines = [f"HTTP/1.0 {answer.status_line}", *(f"{name}: {value}" for name, value in headers)]
    head = "\r\n".join([*lines, f"Content-Length: {len(body)}", "Connection: close", "", ""])
    return head.encode(), body


def is_reset(connection: socket.socket) -> bool:
    """Whether this connection is to end in a reset."""
    return connection.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, len(AT_ONCE)) == AT_ONCE
