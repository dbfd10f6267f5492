"""A person at the pages, without a browser: follows links, fills in forms, keeps cookies. For the demo."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser

import httpx2


@dataclass
class Form:
    """A form of a page: where it goes, and the fields that it came with."""

    action: str
    fields: dict[str, str] = field(default_factory=dict)


def _is_sent(field: Mapping[str, str]) -> bool:
    """Whether a browser sends it as it stands: a file is chosen first, and an empty box is not sent."""
    kind = field.get("type")
    return kind != "file" and (kind not in ("checkbox", "radio") or "checked" in field)


class _Forms(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Collect forms, their fields, and links."""
        values = {name: value or "" for name, value in attrs}
        if tag == "a" and "href" in values:
            self.links.append(values["href"])
        elif tag == "form":
            self.forms.append(Form(values.get("action", "")))
        elif tag == "input" and self.forms and "name" in values and _is_sent(values):
            self.forms[-1].fields.setdefault(values["name"], values.get("value", ""))


class Visitor:
    """One visitor with their cookies."""

    def __init__(self, url: str) -> None:
        self._client = httpx2.Client(base_url=url, follow_redirects=True, timeout=60)
        self.page = ""

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def open(self, path: str) -> str:
        """Open a page; returns its text. Raises HTTPStatusError."""
        answer = self._client.get(path).raise_for_status()
        self.page = answer.text
        return self.page

    def download(self, path: str) -> bytes:
        """The bytes at a path. Raises HTTPStatusError."""
        return bytes(self._client.get(path).raise_for_status().content)

    def links(self) -> list[str]:
        """The links of the present page."""
        return self._parsed().links

    def submit(
        self, action: str, values: Mapping[str, str], files: Mapping[str, tuple[str, bytes, str]] | None = None
    ) -> str:
        """Fill in and send the form of the present page that goes to `action`; returns the page that follows.

        Raises LookupError when there is no such form, HTTPStatusError when it is refused.
        """
        form = next((each for each in self._parsed().forms if each.action == action), None)
        if form is None:
            raise LookupError(f"the page has no form that goes to {action}")
        data = {name: value for name, value in {**form.fields, **values}.items() if value}
        answer = self._client.post(action, data=data, files=dict(files or {}) or None)
        self.page = answer.text
        answer.raise_for_status()
        return self.page

    def log_in(self, account: str, password: str) -> None:
        """Log in at the log-in page."""
        self.open("/login")
        self.submit("/login", {"login": account, "password": password})

    def _parsed(self) -> _Forms:
        parser = _Forms()
        parser.feed(self.page)
        return parser
