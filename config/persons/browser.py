"""A small browser without scripts: follows links and fills forms of our pages, as a person would.

What it can do is what works without JavaScript. Where nobody answers it tries again, as a person
reloads a page.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urljoin

import requests

PATIENCE_S = 60.0
AWAY = (502, 503, 504)
AGAIN = "again_password"  # asked for before what weighs much


class PageError(Exception):
    """A page answered with an error, or does not have what a person looks for on it."""


class NotThere(PageError):
    """404: there is no such thing, or not for this reader."""


@dataclass
class Form:
    """A form of a page: where it goes, what it already holds, what its buttons say."""

    action: str
    method: str
    fields: dict[str, str] = field(default_factory=dict)
    buttons: list[tuple[str, str, str]] = field(default_factory=list)  # name, value, words
    files: set[str] = field(default_factory=set)
    boxes: set[str] = field(default_factory=set)  # check boxes and radio buttons


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.texts: list[str] = []
        self.links: list[tuple[str, str]] = []
        self._form: Form | None = None
        self._select: str | None = None
        self._textarea: str | None = None
        self._button: tuple[str, str] | None = None
        self._link: str | None = None
        self._words = ""
        self._deaf = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        at = {name: value or "" for name, value in attrs}
        if tag in ("script", "style"):
            self._deaf += 1
        elif tag == "form":
            self._form = Form(at.get("action", ""), at.get("method", "get").lower())
            self.forms.append(self._form)
        elif tag == "a":
            self._link, self._words = at.get("href", ""), ""
        elif self._form is not None:
            self._field(tag, at)

    def _field(self, tag: str, at: dict[str, str]) -> None:
        assert self._form is not None
        name, kind = at.get("name", ""), at.get("type", "text")
        if tag == "button":
            self._button, self._words = (name, at.get("value", "")), ""
        elif tag == "input" and kind == "submit":
            self._form.buttons.append((name, at.get("value", ""), at.get("value", "")))
        elif tag == "input" and kind == "file":
            self._form.files.add(name)
        elif tag == "input" and kind in ("checkbox", "radio"):
            self._form.boxes.add(name)
            if "checked" in at:
                self._form.fields[name] = at.get("value", "on")
        elif tag == "input" and name:
            self._form.fields[name] = at.get("value", "")
        elif tag == "textarea":
            self._textarea = name
            self._form.fields[name] = ""
        elif tag == "select":
            self._select = name
        elif (
            tag == "option"
            and self._select
            and ("selected" in at or self._select not in self._form.fields)
        ):
            self._form.fields[self._select] = at.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        if tag in ("script", "style"):
            self._deaf -= 1
        elif tag == "form":
            self._form = None
        elif tag == "select":
            self._select = None
        elif tag == "textarea":
            self._textarea = None
        elif tag == "a" and self._link is not None:
            self.links.append((self._link, " ".join(self._words.split())))
            self._link = None
        elif tag == "button" and self._button is not None and self._form is not None:
            self._form.buttons.append((*self._button, " ".join(self._words.split())))
            self._button = None

    def handle_data(self, data: str) -> None:
        if self._deaf:
            return
        if self._textarea and self._form is not None:
            self._form.fields[self._textarea] += data
        self._words += data
        self.texts.append(data)


@dataclass
class Page:
    """A page as it was answered."""

    url: str
    status: int
    html: str
    forms: list[Form]
    links: list[tuple[str, str]]
    text: str  # all words, white space folded

    def form(self, action: str = "", *, having: str = "") -> Form:
        """The form whose address contains `action` and that has the field `having`."""
        for form in self.forms:
            fits = action in urljoin(self.url, form.action)
            names = {
                *form.fields,
                *form.files,
                *form.boxes,
                *(button[0] for button in form.buttons),
            }
            if fits and (not having or having in names):
                return form
        raise PageError(f"{self.url} has no form for {action or having}")


class Browser:
    """One person's browser, with cookies of its own, in one language."""

    def __init__(self, base: str, *, language: str = "zh-hans") -> None:
        self.base = base
        self.password = ""
        self.session = requests.Session()
        self.session.headers["Accept-Language"] = language

    def get(self, address: str) -> Page:
        """Open a page. Raises PageError for anything but success."""
        return self._answered(self._page(self._ask("GET", urljoin(self.base, address))))

    def submit(
        self,
        page: Page,
        form: Form,
        *,
        files: Mapping[str, tuple[str, bytes]] | None = None,
        button: str = "",
        **fields: str,
    ) -> Page:
        """Send a form of a page with these fields filled in, by the button with these words."""
        pressed = [b for b in form.buttons if not button or button in b[2]][:1]
        data = {**form.fields, **{name: value for name, value, _ in pressed if name}, **fields}
        response = self._ask(
            form.method.upper(),
            urljoin(page.url, form.action or page.url),
            params=data if form.method == "get" else None,
            data=data if form.method != "get" else None,
            files=files,
            headers={"Referer": page.url},
        )
        return self._answered(self._page(response))

    def _answered(self, page: Page) -> Page:
        """The page; one that asks once more who it is, is answered, and what was sent goes on."""
        asking = [form for form in page.forms if AGAIN in form.fields]
        if not asking:
            return page
        if not self.password:
            raise PageError(f"{page.url} asks once more who it is")
        return self.submit(page, asking[-1], again_password=self.password)

    def api(self, method: str, address: str, json: Any = None, **headers: str) -> Any:
        """Call a JSON interface with this person's cookies. Raises PageError with the problem."""
        response = self._call(method, address, json, headers)
        if response.status_code == 403 and "recent_authentication_required" in response.text:
            self.get("/account/again/")  # and answer it
            response = self._call(method, address, json, headers)
        if response.status_code >= 400:
            kind = NotThere if response.status_code == 404 else PageError
            raise kind(f"{method} {address}: {response.status_code} {response.text[:300]}")
        return response.json() if response.content else None

    def _call(
        self, method: str, address: str, json: Any, headers: Mapping[str, str]
    ) -> requests.Response:
        token = self.session.cookies.get("csrftoken") or ""
        return self._ask(
            method,
            urljoin(self.base, address),
            json=json,
            headers={"X-CSRFToken": token, "Referer": self.base, **headers},
        )

    def log_in(self, name: str, password: str) -> None:
        """Log in as staff."""
        page = self.get("/login/")
        page = self.submit(page, page.form(having="password"), username=name, password=password)
        if any("password" in form.fields for form in page.forms):
            raise PageError(f"{name} could not log in")
        self.password = password

    def _ask(self, method: str, address: str, **more: Any) -> requests.Response:
        """The answer; each step of a redirection is asked again by itself, not what led to it."""
        answer = self._ask_once(method, address, **more)
        while answer.is_redirect:
            answer = self._ask_once("GET", urljoin(answer.url, answer.headers["Location"]))
        return answer

    def _ask_once(self, method: str, address: str, **more: Any) -> requests.Response:
        end = time.monotonic() + PATIENCE_S
        while True:
            try:
                answer = self.session.request(
                    method, address, timeout=20, allow_redirects=False, **more
                )
                if answer.status_code not in AWAY or time.monotonic() > end:
                    return answer
            except requests.ConnectionError:
                if time.monotonic() > end:
                    raise
            time.sleep(0.3)

    def _page(self, response: requests.Response) -> Page:
        response.encoding = "utf-8"
        if response.status_code >= 400:
            reader = _Reader()
            reader.feed(response.text)
            words = " ".join(" ".join(reader.texts).split())[:200]
            raise PageError(f"{response.url}: {response.status_code} {words}")
        reader = _Reader()
        reader.feed(response.text)
        return Page(
            url=response.url,
            status=response.status_code,
            html=response.text,
            forms=reader.forms,
            links=reader.links,
            text=" ".join(" ".join(reader.texts).split()),
        )
