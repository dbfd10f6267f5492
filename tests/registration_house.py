"""The portal's house with a campaign and a worker's `tell` step: what the tests of registration act on."""

from __future__ import annotations

import io
import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pypdf
import sqlalchemy as sa
from fastapi.testclient import TestClient

from pipeline.composition import Songda
from pipeline.outcomes import Done
from pipeline.settings import Settings
from pipeline.steps.telling import tell
from records import campaigns, steps
from records.tables import message, registration
from tests.portal_house import AUTHORITY, PortalHouse, hidden

CODE = "ses2018"
MOBILE = "13900139000"

ENTITY = {
    "name_zh": "海河示例航空有限公司",
    "name_en": "Haihe Example Airlines Co., Ltd.",
    "short_name": "海河示例航空",
    "abbreviation": "HEA",
    "credit_code": "91120116MA0BF8AX28",
    "division": "12",
    "address_zh": "天津市东丽区示例路2号",
    "address_en": "2 Shili Road, Dongli District, Tianjin",
}
PEOPLE = {
    "contacts-0-name": "孙丽",
    "contacts-0-name_en": "Sun Li",
    "contacts-0-department": "法律部",
    "contacts-0-mobile": "13800138001",
    "contacts-0-email": "sun@haihe.test",
    "contacts-1-name": "马骏",
    "contacts-1-name_en": "Ma Jun",
    "contacts-1-department": "运行部",
    "contacts-1-mobile": "13800138002",
    "contacts-1-email": "ma@haihe.test",
    "accounts-0-department": "法律部",
}
SIGNER = {"signer-capacity": "legal_representative", "signer-name": "李明远", "signer-signed_on": "20261120"}
FOREIGN = {name: value for name, value in ENTITY.items() if name not in ("credit_code", "division")} | {
    "foreign_kind": "carrier",
    "administration": "east-china",
    "address_zh": "德国法兰克福示例街5号",
    "address_en": "5 Shili Street, Frankfurt, Germany",
}
REVIEW = {
    "licence_matches": "1",
    "letter_signed": "1",
    "original_received_on": "20261122",
    "call_back_number": "022-12345678",
    "call_back_source": "企业信用信息公示系统",
    "call_back_person": "办公室 赵敏",
    "office": "tianjin",
    "counterparty_id": "hea",
}


def scan() -> bytes:
    """A whole PDF of one empty page."""
    writer, buffer = pypdf.PdfWriter(), io.BytesIO()
    writer.add_blank_page(595, 842)
    writer.write(buffer)
    return buffer.getvalue()


@dataclass
class Applicant:
    """Somebody with a browser and a phone."""

    house: PortalHouse
    songda: Songda
    mobile: str = MOBILE
    client: TestClient = field(init=False)

    def __post_init__(self) -> None:
        self.client = self.house.browser()

    def open(self, category: str = "legal_person", code: str = CODE) -> Any:
        """Ask for a code at the first door; the answer."""
        form = self.client.get("/register").text
        data = {"csrf": hidden(form, "csrf"), "category": category, "code": code, "mobile": self.mobile}
        return self.client.post("/register", data=data)

    def track(self, number: str) -> Any:
        """Ask for a code at the second door; the answer."""
        form = self.client.get("/register/track").text
        data = {"csrf": hidden(form, "csrf"), "number": number, "mobile": self.mobile}
        return self.client.post("/register/track", data=data)

    def prove(self, code: str | None = None) -> Any:
        """Enter the code that the phone got; the answer."""
        deliver(self.songda)
        code = code or re.findall(r"验证码([0-9]{6})", self.sms()[-1])[0]
        return self.post("/register/code", code=code)

    def sms(self, phone: str = "") -> list[str]:
        """What the phone got, oldest first."""
        return texts(self.songda, phone or self.mobile)

    def post(self, path: str, page: str = "", **data: str) -> Any:
        """Send a form as the page of the same address has it."""
        return self.client.post(path, data={"csrf": self.token(page or path), **data})

    def token(self, page: str) -> str:
        """The token of this visit."""
        return hidden(self.client.get(page).text, "csrf")

    def upload(self, name: str, content: bytes) -> Any:
        """Send a scan."""
        data = {"csrf": self.token("/register/letter"), "upload": name}
        return self.client.post("/register/letter", data=data, files={"scan": ("x.pdf", content)})

    def fill(self, category: str = "legal_person", **changed: str) -> None:
        """From the door to the last look, everything right."""
        self.open(category)
        assert self.prove().headers["location"] == "/register/form"
        entity = (FOREIGN if category == "foreign_entity" else ENTITY) | changed
        assert self.post("/register/entity", **entity).headers["location"] == "/register/people"
        assert self.post("/register/people", **PEOPLE).headers["location"] == "/register/letter"
        for name in ("letter",) if category == "foreign_entity" else ("licence", "letter"):
            assert self.upload(name, scan()).status_code == 303
        assert self.post("/register/letter", **SIGNER).headers["location"] == "/register/check"

    def report(self) -> str:
        """Report it; the application's number."""
        assert self.post("/register/submit").headers["location"] == "/register/status?told=submitted"
        found = re.search(r"[0-9]{8}-[0-9A-Z]{7}", self.client.get("/register/status").text)
        assert found
        return found[0]


def applicant(house: PortalHouse, home: Path, mobile: str = MOBILE) -> Applicant:
    """An applicant of a house that has a campaign."""
    settings = Settings(home=home, mail_from="songda@authority.test", smtp_port=1)
    return Applicant(house, Songda(settings, house.database, house.store), mobile)


def open_campaign(house: PortalHouse, code: str = CODE, ends_on: str = "2026-12-31") -> str:
    """A campaign of the house's authority."""
    with house.database.write() as connection:
        return campaigns.add(connection, AUTHORITY, code, ends_on, "test")


def deliver(songda: Songda, channel: str = "sms") -> None:
    """What a worker does with every SMS, or e-mail, that waits."""
    pending = (message.c.state == "pending", message.c.channel == channel)
    with songda.database.read() as connection:
        waiting = connection.execute(sa.select(message.c.id).where(*pending)).scalars().all()
    for message_id in waiting:
        with songda.database.write() as connection:
            claim = steps.claim(connection, f"{message_id}/tell", "test", 60)
        assert claim
        conclusion = tell(songda, claim)
        with songda.database.write() as connection:
            assert isinstance(conclusion.write(connection), Done)
            steps.finish(connection, claim)


def texts(songda: Songda, phone: str) -> list[str]:
    """What a phone got, oldest first."""
    file = songda.settings.home / "sms.jsonl"
    lines = file.read_text("utf-8").splitlines() if file.exists() else []
    return [each["text"] for each in map(json.loads, lines) if each["phone"] == phone]


def the_row(house: PortalHouse) -> dict[str, Any]:
    """The only application."""
    with house.database.read() as connection:
        return dict(connection.execute(sa.select(registration)).mappings().one())


def decide(clerk: TestClient, registration_id: str, action: str, **changed: str) -> Any:
    """A clerk's decision with the whole checklist; the answer."""
    path = f"/desk/registrations/{registration_id}"
    data = {"csrf": hidden(clerk.get(path).text, "csrf"), "action": action, **REVIEW, **changed}
    return clerk.post(path, data=data)
