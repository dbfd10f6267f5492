"""A mail server for TEST systems: takes every mail, keeps it as a file, and shows it in the browser. Loopback only.

Run as `python -m delivery.mailsink DIR SMTP_PORT HTTP_PORT [SMS_FILE]`; a port of 0 lets the system choose. One line
of JSON on standard output says which ports it listens on. `SMS_FILE` is what the recording SMS gateway writes, and
`/sms` shows.
"""

from __future__ import annotations

import asyncio
import email
import json
import re
import signal
import sys
import threading
import time
from email.message import EmailMessage
from email.policy import default as DEFAULT_POLICY
from html import escape
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

from aiosmtpd.smtp import SMTP, Envelope, Session

from records import logs

HOST: Final = "127.0.0.1"
_NAME = re.compile(r"[0-9]{20}-[0-9]{6}\.eml")
_HOSTS = re.compile(r"(127\.0\.0\.1|localhost)(:[0-9]+)?")
_MAX_BYTES: Final = 10 * 1024 * 1024
_SMS_SHOWN: Final = 100

_PAGE: Final = """<!doctype html>
<html lang="zh"><head><meta charset="utf-8"><title>{title}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
body {{ font: 16px/1.6 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #1a1a1a; }}
table {{ border-collapse: collapse; width: 100%; }} th, td {{ text-align: left; padding: .4rem .6rem; }}
tr {{ border-bottom: 1px solid #ccc; }} pre {{ white-space: pre-wrap; background: #f4f4f4; padding: 1rem; }}
.test {{ background: #fff3cd; padding: .4rem .8rem; border-left: .3rem solid #8a6d00; }}
</style></head><body><p class="test">TEST 测试邮箱 · mails of a TEST system, kept here and sent to nobody</p>
{body}</body></html>
"""


class MailFolder:
    """The kept mails: one file each, named by time of arrival."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._counter = 0
        folder.mkdir(parents=True, exist_ok=True)

    def keep(self, content: bytes) -> str:
        """Keep one mail; it appears under its name at once and whole. Returns the name."""
        self._counter = (self._counter + 1) % 1_000_000
        name = f"{time.time_ns():020d}-{self._counter:06d}.eml"
        part = self._folder / f"{name}.part"
        part.write_bytes(content)
        part.rename(self._folder / name)
        return name

    def names(self) -> list[str]:
        """All mails, newest first."""
        return sorted((path.name for path in self._folder.iterdir() if _NAME.fullmatch(path.name)), reverse=True)

    def read(self, name: str) -> bytes:
        """The bytes of one mail. Raises LookupError for a name that isn't one of ours."""
        if not _NAME.fullmatch(name) or not (self._folder / name).is_file():
            raise LookupError(name)
        return (self._folder / name).read_bytes()


class _Keeper:
    """aiosmtpd's handler: every recipient is taken, every mail is kept."""

    def __init__(self, folder: MailFolder) -> None:
        self._folder = folder

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: ARG002
        content = envelope.original_content or b""
        self._folder.keep(content)
        return "250 kept"


class _Pages(BaseHTTPRequestHandler):
    """List and reading page; nothing of a mail gets out of its frame: everything is escaped, nothing is loaded."""

    folder: MailFolder
    sms: Path | None
    server_version = "songda-mailsink"
    sys_version = ""

    def do_GET(self) -> None:
        """Answer `/`, `/sms`, `/mail/NAME` and `/raw/NAME`."""
        if not _HOSTS.fullmatch(self.headers.get("Host", "")):
            self._answer(HTTPStatus.MISDIRECTED_REQUEST, "Not here", "<p>This page answers on loopback only.</p>")
            return
        kind, _, name = self.path.lstrip("/").partition("/")
        try:
            if self.path == "/":
                self._answer(HTTPStatus.OK, "邮件 Mails", self._list())
            elif self.path == "/sms":
                self._answer(HTTPStatus.OK, "短信 SMS", _sms_page(self.sms))
            elif kind == "mail":
                self._answer(HTTPStatus.OK, "邮件 Mail", _reading_page(name, self.folder.read(name)))
            elif kind == "raw":
                self._send(HTTPStatus.OK, "text/plain; charset=utf-8", self.folder.read(name))
            else:
                raise LookupError(self.path)
        except LookupError:
            self._answer(HTTPStatus.NOT_FOUND, "没有 Not found", "<p>没有这封邮件。There is no such mail.</p>")

    def _list(self) -> str:
        rows = []
        for name in self.folder.names():
            mail = _parse(self.folder.read(name))
            cells = (_header(mail, "Date"), _header(mail, "To"))
            subject = f'<a href="/mail/{name}">{escape(_header(mail, "Subject") or "—")}</a>'
            rows.append("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in cells) + f"<td>{subject}</td></tr>")
        head = "<tr><th>日期 Date</th><th>收件人 To</th><th>主题 Subject</th></tr>"
        table = f"<table><thead>{head}</thead><tbody>{''.join(rows)}</tbody></table>"
        link = '<p><a href="/sms">短信 SMS →</a></p>'
        return f"<h1>邮件 Mails</h1>{link}{table if rows else '<p>还没有邮件。No mail yet.</p>'}"

    def _answer(self, status: HTTPStatus, title: str, body: str) -> None:
        self._send(status, "text/html; charset=utf-8", _PAGE.format(title=escape(title), body=body).encode())

    def _send(self, status: HTTPStatus, media_type: str, content: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        """Write no log: the terminal belongs to the supervisor."""


def _parse(content: bytes) -> EmailMessage:
    return email.message_from_bytes(content, policy=DEFAULT_POLICY)


def _header(mail: EmailMessage, name: str) -> str:
    return str(mail.get(name, ""))


def _reading_page(name: str, content: bytes) -> str:
    mail = _parse(content)
    part = mail.get_body(("plain", "html"))
    try:
        text = part.get_content() if part is not None else ""
    except (LookupError, ValueError):  # an unknown character set, or a body that isn't in it
        text = content.decode("utf-8", "replace")
    rows = "".join(
        f"<tr><th>{label}</th><td>{escape(_header(mail, label))}</td></tr>"
        for label in ("From", "To", "Subject", "Date", "Message-ID")
    )
    links = f'<p><a href="/">← 全部邮件 All mails</a> · <a href="/raw/{name}">原文 Source</a></p>'
    return f"<h1>{escape(_header(mail, 'Subject'))}</h1>{links}<table>{rows}</table><pre>{escape(str(text))}</pre>"


def _sms_page(file: Path | None) -> str:
    """The messages that the recording gateway wrote last, newest first."""
    lines = file.read_text("utf-8").splitlines()[-_SMS_SHOWN:] if file is not None and file.is_file() else []
    rows = []
    for line in reversed(lines):
        message = json.loads(line)
        cells = (message["recorded_at"], message["phone"], message["text"])
        rows.append("<tr>" + "".join(f"<td>{escape(str(cell))}</td>" for cell in cells) + "</tr>")
    head = "<tr><th>时间 Time</th><th>手机 Phone</th><th>内容 Text</th></tr>"
    table = f"<table><thead>{head}</thead><tbody>{''.join(rows)}</tbody></table>"
    link = '<p><a href="/">← 全部邮件 All mails</a></p>'
    return f"<h1>短信 SMS</h1>{link}{table if rows else '<p>还没有短信。No SMS yet.</p>'}"


class MailSink:
    """Both servers, each in a thread of its own. `smtp_port` and `http_port` are those listened on once started."""

    def __init__(self, folder: Path, smtp_port: int = 0, http_port: int = 0, sms: Path | None = None) -> None:
        self.folder = MailFolder(folder)
        pages = type("_PagesOfOneFolder", (_Pages,), {"folder": self.folder, "sms": sms})
        self._http = ThreadingHTTPServer((HOST, http_port), pages)
        self._http.daemon_threads = True
        self.http_port = int(self._http.server_address[1])
        self.smtp_port = smtp_port
        self._loop = asyncio.new_event_loop()
        self._threads = [
            threading.Thread(target=self._loop.run_forever, name="mailsink-smtp", daemon=True),
            threading.Thread(target=self._http.serve_forever, args=(0.05,), name="mailsink-http", daemon=True),
        ]

    def start(self) -> None:
        """Listen. Raises OSError when a port is taken."""
        for thread in self._threads:
            thread.start()
        asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result()

    async def _listen(self) -> None:
        keeper = _Keeper(self.folder)
        self._smtp = await self._loop.create_server(
            lambda: SMTP(keeper, hostname="mailsink.test", data_size_limit=_MAX_BYTES, loop=self._loop),
            HOST,
            self.smtp_port,
        )
        self.smtp_port = int(self._smtp.sockets[0].getsockname()[1])

    async def _close(self) -> None:
        self._smtp.close()
        connections = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in connections:
            task.cancel()
        await asyncio.gather(*connections, return_exceptions=True)

    def stop(self) -> None:
        """Stop both."""
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._http.shutdown()
        for thread in self._threads:
            thread.join()
        self._loop.close()
        self._http.server_close()


def main(arguments: list[str]) -> int:
    """Run until SIGTERM or SIGINT."""
    if len(arguments) not in (3, 4) or not all(argument.isdecimal() for argument in arguments[1:3]):
        sys.stderr.write("usage: python -m delivery.mailsink DIR SMTP_PORT HTTP_PORT [SMS_FILE]\n")
        return 2
    logs.configure()
    signals = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)  # before any thread: all of them leave the signals to us
    sms = Path(arguments[3]) if len(arguments) == 4 else None
    sink = MailSink(Path(arguments[0]), int(arguments[1]), int(arguments[2]), sms)
    sink.start()
    sys.stdout.write(json.dumps({"smtp_port": sink.smtp_port, "http_port": sink.http_port}) + "\n")
    sys.stdout.flush()
    signal.sigwait(signals)
    sink.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
