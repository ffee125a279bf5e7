"""People who press buttons: a session each, and the create form as it was drawn for them."""

import http.client
import threading
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import httpx
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore

from config.demo import samples
from config.demo.pages import Form, Page
from config.demo.ports import LOOPBACK

PATIENCE = 30.0  # seconds until a browser gives a page up
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


class NoAnswer(Exception):
    """The connection was refused, or broke before the answer was there."""


@dataclass
class Answer:
    status: int
    headers: http.client.HTTPMessage
    text: str


@dataclass
class Person:
    """Somebody signed in; `forms` keeps what their create page held, by endpoint."""

    number: int
    session: str
    csrf: str = ""
    forms: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    drawing: threading.Lock = field(default_factory=threading.Lock)

    @property
    def cookies(self) -> str:
        return f"sessionid={self.session}" + (f"; csrftoken={self.csrf}" if self.csrf else "")


def session_of(user: Any, backend: str) -> str:
    """As after a sign-in, without the price of one: the key of a new session."""
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = backend
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.create()
    return str(session.session_key)


class Browser:
    """A keep-alive connection of one thread. Cookies are the person's, so people may share it."""

    def __init__(self, port: int) -> None:
        self.connection = http.client.HTTPConnection(LOOPBACK, port, timeout=PATIENCE)
        self.origin = f"http://{LOOPBACK}:{port}"

    def get(self, person: Person, path: str) -> Answer:
        return self._ask("GET", path, {"Cookie": person.cookies})

    def post(self, person: Person, path: str, values: dict[str, list[str]]) -> Answer:
        headers = {"Cookie": person.cookies, "Origin": self.origin, **FORM}
        return self._ask("POST", path, headers, urlencode(values, doseq=True).encode())

    def raw(self, path: str, headers: dict[str, str], body: bytes) -> Answer:
        """A POST of no browser."""
        return self._ask("POST", path, headers, body)

    def form(self, person: Person, endpoint: str) -> dict[str, list[str]]:
        """What the create page of an endpoint holds; drawn once for each person. Raises NoAnswer."""
        with person.drawing:
            if endpoint not in person.forms:
                answer = self.get(person, f"/create/?endpoint={endpoint}")
                person.csrf = person.csrf or _cookie(answer, "csrftoken")
                form = _drawn(answer)
                if form.uploads:
                    form = _drawn(self._with_files(person, form))
                person.forms[endpoint] = form.values
            return person.forms[endpoint]

    def _with_files(self, person: Person, form: Form) -> Answer:
        """A file for every place that wants one; the page comes back with them as chosen."""
        files = [(upload.name, samples.suitable(upload.accept)) for upload in form.uploads]
        values = {**form.values, "requote": "1"}
        request = httpx.Request("POST", f"{self.origin}/create/", data=values, files=files)
        headers = {
            "Cookie": person.cookies,
            "Origin": self.origin,
            "Content-Type": request.headers["content-type"],
        }
        return self._ask("POST", "/create/", headers, request.read())

    def _ask(self, method: str, path: str, headers: dict[str, str], body: bytes | None = None) -> Answer:
        try:
            self.connection.request(method, path, body, headers)
            response = self.connection.getresponse()
            return Answer(response.status, response.headers, response.read().decode(errors="replace"))
        except (OSError, http.client.HTTPException) as error:
            self.connection.close()
            raise NoAnswer(type(error).__name__) from error


def _drawn(answer: Answer) -> Form:
    form = Page(answer.text).form_with("prompt")
    if answer.status != 200 or form is None:
        raise NoAnswer(f"the create page: HTTP {answer.status}")
    return form


def _cookie(answer: Answer, name: str) -> str:
    for line in answer.headers.get_all("Set-Cookie") or ():
        key, _, value = line.partition(";")[0].partition("=")
        if key == name:
            return value
    return ""
