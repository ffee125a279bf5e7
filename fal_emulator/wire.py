"""Sending an answer over a bad line: late, byte by byte, broken off, or reset."""

import socket
import struct
import threading
from typing import NoReturn

from fal_emulator.exchange import Answer, HangUp
from fal_emulator.spoils import whole

AT_ONCE = struct.pack("ii", 1, 0)  # linger for no time: closing sends a reset


def send(connection: socket.socket, answer: Answer, stopping: threading.Event) -> NoReturn:
    """Send it in its manner, past the usual server, and close. Always ends in HangUp."""
    manner = answer.manner
    assert manner is not None
    stopping.wait(manner.pause)
    head, body = pieces(answer)
    if manner.cut == "headers":
        connection.sendall(head[: len(head) // 2])
    elif manner.cut == "body":
        connection.sendall(head + body[: len(body) // 2])
    elif not manner.cut:
        drip(connection, head, body, manner.drip, stopping)
    if manner.reset:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
    raise HangUp


def drip(connection: socket.socket, head: bytes, body: bytes, gap: float, stopping: threading.Event) -> None:
    if not gap:
        connection.sendall(head + body)
        return
    connection.sendall(head)
    for place in range(len(body)):
        if stopping.wait(gap):
            return
        connection.sendall(body[place : place + 1])


def pieces(answer: Answer) -> tuple[bytes, bytes]:
    """Head and body as they go over the line."""
    body = whole(answer)
    headers = [header for header in answer.headers if header[0] != "Content-Length"]
    lines = [f"HTTP/1.0 {answer.status_line}", *(f"{name}: {value}" for name, value in headers)]
    head = "\r\n".join([*lines, f"Content-Length: {len(body)}", "Connection: close", "", ""])
    return head.encode(), body


def is_reset(connection: socket.socket) -> bool:
    """Whether this connection is to end in a reset."""
    return connection.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, len(AT_ONCE)) == AT_ONCE
