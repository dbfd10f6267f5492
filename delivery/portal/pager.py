"""Lists part by part: where one goes on from, as it stands in an address, and the links on and back to the start."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Final
from urllib.parse import urlencode

from fastapi import Depends
from starlette.exceptions import HTTPException

from records.instants import from_microseconds, to_microseconds
from records.paging import Found, Key, Part

PER_PAGE: Final = 50
_KEY: Final = re.compile("([0-9]{1,16})-([a-z]{3}_[0-9a-z]{1,40}(?:/[a-z]{1,20})?)", re.ASCII)


def written_key(key: Key | None) -> str:
    """A key as an address or a form carries it: microseconds and an id of ours, nothing of a case; "" for none."""
    return f"{to_microseconds(key[0])}-{key[1]}" if key else ""


def read_key(text: str) -> Key | None:
    """The key that was written so. Raises HTTPException 400 for a text that no page of ours has made."""
    if not text:
        return None
    found = _KEY.fullmatch(text)
    if found is None:
        raise HTTPException(400)
    return from_microseconds(int(found[1])), found[2]


@dataclass(frozen=True)
class Links:
    """Where the rest of a list is, and its beginning: addresses, "" where there is nothing to go to."""

    first: str = ""
    next: str = ""


@dataclass(frozen=True)
class Walk:
    """Which of a page's lists is shown from behind which row: `of` names it, "" the only one. Others begin anew."""

    of: str = ""
    after: Key | None = None

    def part(self, name: str = "") -> Part:
        """What to show of the list of this name."""
        return Part(PER_PAGE, self.after if name == self.of else None)

    def links(self, path: str, found: Found, name: str = "", **asked: str) -> Links:
        """Where that list goes on; `asked` is what the page was asked for beside, and stays."""
        kept = {key: value for key, value in (asked | {"of": name}).items() if value}
        anchor = f"#{name}" if name else ""
        first = "?".join(filter(None, (path, urlencode({key: kept[key] for key in kept if key != "of"}))))
        onward = f"{path}?{urlencode(kept | {'after': written_key(found.next)})}"
        away = name == self.of and self.after is not None
        return Links(first + anchor if away else "", onward + anchor if found.next else "")


def the_walk(after: str = "", of: str = "") -> Walk:
    """What the address says. Raises HTTPException 400."""
    return Walk(of, read_key(after))


WalkPart = Annotated[Walk, Depends(the_walk)]
