"""Mails over real SMTP: the outcome is known, or known to be unknown; and the TEST system's mail server."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from delivery.mail import Mail, MailServer, reminder, send
from delivery.mailsink import HOST, MailSink
from delivery.sms import RecordingGateway
from records.errors import Ambiguous, Permanent, Retry

MAIL = reminder(
    message_id="<ntc_01@songda.test>",
    sender="songda@authority.test",
    recipient="legal@airline.test",
    inbox_url="https://songda.test/inbox",
    created_at=datetime(2026, 3, 2, tzinfo=UTC),
)


@pytest.fixture
def sink(tmp_path: Path) -> Iterator[MailSink]:
    sink = MailSink(tmp_path / "mails")
    sink.start()
    yield sink
    sink.stop()


def page(port: int, path: str, host: str | None = None) -> tuple[int, str, dict[str, str]]:
    request = urllib.request.Request(f"http://{HOST}:{port}{path}", headers={"Host": host} if host else {})
    try:
        with urllib.request.urlopen(request, timeout=5) as response:  # noqa: S310 - http, on loopback
            return response.status, response.read().decode(), dict(response.headers)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode(), dict(error.headers)


def test_a_mail_is_sent_kept_and_read_in_the_browser(sink: MailSink) -> None:
    sent = send(MAIL, MailServer(HOST, sink.smtp_port))
    assert sent.answer.startswith("250")
    (name,) = sink.folder.names()
    assert sink.folder.read(name) == MAIL.content
    status, listing, headers = page(sink.http_port, "/")
    assert status == 200
    assert f"/mail/{name}" in listing
    assert "TEST" in listing
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    _, reading, _ = page(sink.http_port, f"/mail/{name}")
    assert "贵单位的专用登录账号中收到一份行政执法文书" in reading
    assert "&lt;ntc_01@songda.test&gt;" in reading
    assert page(sink.http_port, f"/raw/{name}")[1].encode() == MAIL.content


def test_what_the_recording_gateway_would_have_sent_is_read_beside_the_mails(tmp_path: Path) -> None:
    file = tmp_path / "sms.jsonl"
    sink = MailSink(tmp_path / "mails", sms=file)
    sink.start()
    try:
        assert "还没有短信" in page(sink.http_port, "/sms")[1]
        gateway = RecordingGateway(file)
        for code in ("111111", "222222"):
            signed = {"system": "<b>系统", "code": code, "minutes": "10"}
            gateway.send("msg_1", "13900139000", "register-code", signed)
        shown = page(sink.http_port, "/sms")[1]
    finally:
        sink.stop()
    assert shown.index("222222") < shown.index("111111") and "13900139000" in shown
    assert "<b>系统" not in shown


def test_a_mail_sent_again_has_the_same_bytes(sink: MailSink) -> None:
    for _ in range(2):
        send(MAIL, MailServer(HOST, sink.smtp_port))
    first, second = (sink.folder.read(name) for name in sink.folder.names())
    assert first == second


def test_what_a_mail_says_stays_inside_its_frame(sink: MailSink) -> None:
    evil = (
        b"From: a@b\r\nTo: c@d\r\nSubject: <script>alert(1)</script>\r\nContent-Type: text/html\r\n\r\n<b>bold</b>\r\n"
    )
    name = sink.folder.keep(evil)
    for path in ("/", f"/mail/{name}"):
        assert "<script>" not in page(sink.http_port, path)[1]
    assert "&lt;b&gt;bold" in page(sink.http_port, f"/mail/{name}")[1]


@pytest.mark.parametrize(
    "body", [b"", b"\xff\xfe", b"Content-Type: text/plain; charset=klingon\r\n\r\nqapla'\xff", b"Date: never\r\n\r\n"]
)
def test_a_mail_that_is_none_is_shown_all_the_same(sink: MailSink, body: bytes) -> None:
    name = sink.folder.keep(body)
    assert page(sink.http_port, "/")[0] == 200
    assert page(sink.http_port, f"/mail/{name}")[0] == 200


@pytest.mark.parametrize("path", ["/mail/", "/mail/../../etc/passwd", "/raw/%2e%2e/x.eml", "/other", "/mail/x.eml"])
def test_no_other_file_can_be_read(sink: MailSink, path: str) -> None:
    assert page(sink.http_port, path)[0] == 404


def test_pages_answer_to_loopback_names_only_against_dns_rebinding(sink: MailSink) -> None:
    assert page(sink.http_port, "/", host="evil.example")[0] == 421


def test_it_runs_as_a_program_and_ends_on_sigterm(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "delivery.mailsink", str(tmp_path), "0", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as program:
        assert program.stdout is not None
        ports = json.loads(program.stdout.readline())
        send(MAIL, MailServer(HOST, ports["smtp_port"]))
        assert "/mail/" in page(ports["http_port"], "/")[1]
        program.send_signal(signal.SIGTERM)
        assert program.wait(10) == 0
    assert subprocess.run([*command[:4], "x", "0"], capture_output=True, check=False).returncode == 2


# --- outcomes, against a server that does as it is told ------------------------------------------------------------

GREETING = {
    "": "220 told.test",
    "EHLO": "250-told.test\r\n250 DSN",
    "MAIL": "250 ok",
    "RCPT": "250 ok",
    "DATA": "354 go",
}


@contextmanager
def told(answers: dict[str, str]) -> Iterator[tuple[MailServer, list[str]]]:
    """An SMTP server that answers by the first word of each line; an empty answer closes the connection."""
    heard: list[str] = []
    replies = {**GREETING, ".": "250 taken", "QUIT": "221 bye", "RSET": "250 ok", **answers}
    listener = socket.create_server((HOST, 0))
    listener.settimeout(10)

    def serve() -> None:
        connection, _ = listener.accept()
        with connection, connection.makefile("rwb") as stream:
            stream.write(replies[""].encode() + b"\r\n" if replies[""] else b"")
            stream.flush()
            content = False
            for line in stream if replies[""] else ():
                text = line.decode().strip()
                if content and text != ".":
                    continue
                heard.append(text)
                reply = replies.get(text.split(":")[0].split(" ")[0], "500 what")
                if not reply:
                    return
                content = reply.startswith("354")
                stream.write(reply.encode() + b"\r\n")
                stream.flush()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield MailServer(HOST, listener.getsockname()[1], timeout=3), heard
    finally:
        thread.join(10)
        listener.close()


def test_rfc_3461_delivery_notifications_are_asked_for_where_the_server_knows_them() -> None:
    with told({}) as (server, heard):
        assert send(MAIL, server).answer == "250 taken"
    assert "MAIL FROM:<songda@authority.test> RET=HDRS ENVID=ntc_01@songda.test" in heard
    assert "RCPT TO:<legal@airline.test> NOTIFY=FAILURE,DELAY" in heard
    assert heard[0] == "EHLO authority.test"


@pytest.mark.parametrize(
    ("answers", "error"),
    [
        ({"": ""}, Retry),
        ({"": "421 busy"}, Retry),
        ({"": "554 no"}, Retry),
        ({"EHLO": ""}, Retry),
        ({"MAIL": "451 later"}, Retry),
        ({"MAIL": "550 not you"}, Permanent),
        ({"MAIL": ""}, Retry),
        ({"RCPT": "450 greylisted"}, Retry),
        ({"RCPT": "550 unknown user"}, Permanent),
        ({"RCPT": ""}, Retry),
        ({"DATA": "451 later"}, Retry),
        ({"DATA": "554 no"}, Permanent),
        ({".": "452 disk full"}, Retry),
        ({".": "554 spam"}, Permanent),
        ({".": ""}, Ambiguous),
        ({".": "299 perhaps"}, Ambiguous),
        ({"DATA": ""}, Ambiguous),
    ],
)
def test_the_outcome_is_retry_permanent_or_ambiguous(answers: dict[str, str], error: type[Exception]) -> None:
    with told(answers) as (server, _), pytest.raises(error):
        send(MAIL, server)


def test_a_lost_farewell_does_not_unsend_a_mail() -> None:
    with told({"QUIT": ""}) as (server, _):
        assert send(MAIL, server).answer == "250 taken"


def test_a_server_that_is_not_there_is_a_retry() -> None:
    with socket.create_server((HOST, 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(Retry):
        send(MAIL, MailServer(HOST, port, timeout=3))


def test_no_plain_text_where_starttls_is_demanded() -> None:
    with told({}) as (server, heard), pytest.raises(Retry):
        send(MAIL, MailServer(server.host, server.port, starttls=True, timeout=3))
    assert not any(line.startswith("MAIL") for line in heard)


def test_a_line_with_a_single_dot_does_not_end_the_mail(sink: MailSink) -> None:
    content = b"Subject: x\r\n\r\n.\r\n..\r\nend\r\n"
    send(Mail("a@b.test", "c@d.test", "<x@y>", content), MailServer(HOST, sink.smtp_port))
    assert sink.folder.read(sink.folder.names()[0]) == content
