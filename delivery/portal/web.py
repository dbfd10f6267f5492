"""What every page needs: the parts it works with, the visitor's session and language, forms, and rendering."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Final
from urllib.parse import urlencode

import jinja2
import sqlalchemy as sa
from fastapi import Depends, Request
from fastapi import Path as PathPart
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException

from delivery import rights
from delivery.passkeys import RelyingParty, relying_party
from delivery.portal.issuing import Issuing
from delivery.portal.security import network_of
from delivery.portal.views import timed
from delivery.portal.wording import LANGUAGES, Words
from records import access, deliveries
from records.access import Account, Person, Session
from records.database import Database, legal_time
from records.store import Store

PAGES: Final = Path(__file__).parent / "pages"
SESSION_SECONDS: Final = 8 * 3600.0
_LANGUAGE_COOKIE: Final = "songda_language"
MOST_FILES: Final = 5
_YEAR: Final = 365 * 24 * 3600
_DOOR_SECONDS: Final = 3600
_NEXT = re.compile(r"/(inbox|desk|settings)(/[a-z0-9_-]{1,64}){0,2}")


@dataclass(frozen=True)
class Portal:
    """What the pages work with.

    `hint` tells the queue of steps that are due now. `test` marks every page TEST, as the database is. `secure_cookies`
    is for pages reached by https. `mail_url` is where the mails of a TEST system can be read ("" for none). `verify`
    gives the verdict about a PDF as `POST /v1/verify` does, raises Refused or Retry; without it `/verify` is absent.
    `issuing` lets clerks issue by hand; without it those pages are absent.
    `volume` binds and seals the volume of a case, named by its number, in the name of a person. It raises LookupError
    when the case has no papers, Permanent when it cannot be made, Retry; without it there is no button for it.
    `public_url` is what passkeys are made for, and what addresses of calendar feeds begin with, the visitor's own if it
    is empty.
    """

    database: Database
    store: Store
    hint: Callable[[Sequence[str]], None]
    test: bool
    secure_cookies: bool
    system_name_zh: str
    system_name_en: str
    mail_url: str = ""
    verify: Callable[[bytes], Mapping[str, Any]] | None = None
    public_url: str = ""
    issuing: Issuing | None = None
    volume: Callable[[Person, str], bytes] | None = None

    @property
    def relying_party(self) -> RelyingParty | None:
        """What passkeys are made for; None where they are not offered."""
        return relying_party(self.public_url)

    @property
    def session_cookie(self) -> str:
        """The cookie's name; with https browsers let no other site or path set it (`__Host-`, RFC 6265bis)."""
        return "__Host-songda_session" if self.secure_cookies else "songda_session"

    @property
    def login_cookie(self) -> str:
        """The cookie that guards the forms at the doors, before there is a session."""
        return "__Host-songda_login" if self.secure_cookies else "songda_login"

    @property
    def visit_cookie(self) -> str:
        """The cookie of whoever registers."""
        return "__Host-songda_register" if self.secure_cookies else "songda_register"


class LogInFirst(Exception):
    """The page needs a session: the visitor is sent to the log-in page and comes back to `path`."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path


class WrongDoor(Exception):
    """A clerk at the inbox, or a counterparty at the desk: sent to its own first page."""

    def __init__(self, home: str) -> None:
        super().__init__(home)
        self.home = home


@dataclass(frozen=True)
class Posted:
    """A form that came with the session's own token: its fields, its files by field, their names there."""

    fields: Mapping[str, str]
    files: Mapping[str, bytes] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)


def portal_of(request: Request) -> Portal:
    """The portal that this application was made with."""
    found: Portal = request.app.state.portal
    return found


def environment() -> jinja2.Environment:
    """The templates of the pages: everything is escaped, an unknown name is an error."""
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(PAGES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def words_of(request: Request) -> Words:
    """The visitor's language: `?lang=`, else the cookie, else Chinese."""
    for wish in (request.query_params.get("lang"), request.cookies.get(_LANGUAGE_COOKIE)):
        if wish in LANGUAGES:
            return Words(wish)
    return Words(LANGUAGES[0])


def language_of(request: Request) -> str:
    """The query that keeps the language that was asked for, when a page sends the visitor on."""
    wish = request.query_params.get("lang")
    return f"?lang={wish}" if wish in LANGUAGES else ""


def session_of(request: Request) -> Session | None:
    """The visitor's session, or None."""
    portal = portal_of(request)
    token = request.cookies.get(portal.session_cookie)
    if not token:
        return None
    with portal.database.read() as connection:
        return access.find_session(connection, token)


def home_of(session: Session) -> str:
    """The first page of whoever is logged in."""
    return "/inbox" if isinstance(session.subject, Account) else "/desk"


def settings_of(session: Session) -> str:
    """The first page of the settings of whoever is logged in; outside counsel have the own log-in only."""
    if isinstance(session.subject, Person):
        return "/desk/settings"
    return "/settings" if session.subject.ends_at is None else "/settings/access"


def a_session(request: Request) -> Session:
    """The visitor's session. Raises LogInFirst."""
    session = session_of(request)
    if session is None:
        raise LogInFirst(request.url.path if request.method == "GET" else "/")
    return session


def safe_next(path: str) -> str:
    """`path` if it is a page of ours to come back to, otherwise the start: never another site."""
    return path if _NEXT.fullmatch(path) else "/"


AnySession = Annotated[Session, Depends(a_session)]
PortalPart = Annotated[Portal, Depends(portal_of)]


def an_account(session: AnySession) -> Account:
    """The counterparty's account. Raises WrongDoor for anybody else."""
    if not isinstance(session.subject, Account):
        raise WrongDoor(home_of(session))
    return session.subject


TheAccount = Annotated[Account, Depends(an_account)]


def an_own_account(account: TheAccount) -> Account:
    """An account of the counterparty itself: what it says of itself is no business of outside counsel.

    Raises WrongDoor for counsel, who have their own log-in and nothing more in the settings.
    """
    if account.ends_at is not None:
        raise WrongDoor("/settings/access")
    return account


OwnAccount = Annotated[Account, Depends(an_own_account)]


async def form_of(request: Request, most_fields: int = 60) -> Posted:
    """The form that was sent, without regard to who sent it."""
    fields, files, names = {}, {}, {}
    async with request.form(max_files=MOST_FILES, max_fields=most_fields, max_part_size=64 * 1024) as form:
        for name, value in form.items():
            if isinstance(value, UploadFile):
                data = await value.read()
                if data:
                    files[name], names[name] = data, value.filename or ""
            else:
                fields[name] = value.replace("\0", "")  # no text that PostgreSQL could store has one
    return Posted(fields, files, names)


async def posted(request: Request, session: AnySession) -> Posted:
    """The form, if it came from a page of this session. Raises 403 otherwise."""
    return _own(await form_of(request), session)


async def wide_form(request: Request, session: AnySession) -> Posted:
    """The same for the form of an instrument's facts, which may have many fields."""
    return _own(await form_of(request, 3000), session)


def _own(form: Posted, session: Session) -> Posted:
    if not access.same_token(form.fields.get("csrf", ""), session.csrf_token):
        raise HTTPException(403)
    return form


def door_page(request: Request, name: str, *, status: int = 200, **values: Any) -> Response:
    """A page with a form that nobody has to be logged in for; `genuine` knows it again when it comes back."""
    portal = portal_of(request)
    token = request.cookies.get(portal.login_cookie) or secrets.token_urlsafe(32)
    response = page(request, name, status=status, token=token, **values)
    set_cookie(portal, response, portal.login_cookie, token, _DOOR_SECONDS)
    return response


def genuine(request: Request, form: Posted) -> bool:
    """Whether the form comes from a `door_page` that this browser was shown."""
    expected = request.cookies.get(portal_of(request).login_cookie, "")
    return access.same_token(form.fields.get("csrf", ""), expected)


def network(request: Request) -> str:
    """Whom the visitor's address is counted for."""
    return network_of(request.client.host if request.client else "")


DocumentId = Annotated[str, PathPart(pattern="^doc_[0-9a-z]{1,40}$")]
SubmissionId = Annotated[str, PathPart(pattern="^sub_[0-9a-z]{1,40}$")]


def inbox_row(database: Database, account: Account, delivery_id: str) -> sa.RowMapping:
    """The delivery in this account's inbox, with its document's columns. Raises 404."""
    with database.read() as connection:
        row = deliveries.inbox_item(connection, delivery_id, account)
    if row is None:
        raise HTTPException(404)
    return row


DeliveryId = Annotated[str, PathPart(pattern="^dlv_[0-9a-z]{1,40}$")]
Form = Annotated[Posted, Depends(posted)]
DoorForm = Annotated[Posted, Depends(form_of)]


def see(path: str) -> Response:
    """Go on to another page, by GET."""
    return RedirectResponse(path, 303)


def page(request: Request, name: str, session: Session | None = None, *, status: int = 200, **values: Any) -> Response:
    """Render a page in the visitor's language and remember that language; at 422 its title begins with "Error"."""
    portal, words = portal_of(request), words_of(request)
    other = "en" if words.language == "zh" else "zh"
    with portal.database.read() as connection:
        clock = legal_time(connection)
    template: jinja2.Template = request.app.state.environment.get_template(name)
    html = template.render(
        t=words,
        lang="zh-CN" if words.language == "zh" else "en",
        other=other,
        in_other=_in_other(request, session, other),
        portal=portal,
        system_name=words.pick(portal.system_name_zh, portal.system_name_en),
        clock=timed(clock, words),
        status=status,
        session=session,
        home=home_of(session) if session else "/login",
        settings=settings_of(session) if session else "",
        may=_rights_of(session),
        **values,
    )
    response = HTMLResponse(html, status)
    if request.query_params.get("lang") == words.language:
        set_cookie(portal, response, _LANGUAGE_COOKIE, words.language, _YEAR)
    return response


def _in_other(request: Request, session: Session | None, other: str) -> str:
    """The same page in the other language, for who is logged in with what was asked for.

    What it told once is not told again, and pages for everybody repeat nothing of an address that a stranger made.
    """
    if request.method != "GET" or session is None:
        return f"?lang={other}"
    asked = [(name, value) for name, value in request.query_params.multi_items() if name not in ("lang", "told")]
    return f"{request.url.path}?{urlencode([*asked, ('lang', other)])}"


def _rights_of(session: Session | None) -> Callable[..., bool]:
    """Whether the visitor has one of the rights that are named: pages show nothing that would be refused."""
    roles = session.subject.roles if session and isinstance(session.subject, Person) else frozenset[str]()
    return partial(rights.may, roles)


def set_cookie(portal: Portal, response: Response, name: str, value: str, seconds: float) -> None:
    """Set a cookie that scripts and other sites' forms do not get."""
    response.set_cookie(
        name, value, max_age=int(seconds), path="/", secure=portal.secure_cookies, httponly=True, samesite="lax"
    )


def drop_cookie(portal: Portal, response: Response, name: str) -> None:
    """Take a cookie back."""
    response.delete_cookie(name, path="/", secure=portal.secure_cookies, httponly=True, samesite="lax")
