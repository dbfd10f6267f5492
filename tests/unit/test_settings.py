"""Settings: file, then environment, then defaults; what cannot work is refused by its name, without its secret."""

from __future__ import annotations

from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest

from delivery.sms import TEMPLATES
from pipeline.settings import BadSetting, Settings, load

HTTP = 'sms_gateway = "http"\nsms_secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"\n'
ALIYUN = 'sms_gateway = "aliyun"\nsms_key_id = "LTAI5t"\nsms_secret = "hidden-3"\n'
CODES = "".join(f'sms_templates.{name} = "SMS_1"\n' for name in TEMPLATES)


def _write(home: Path, text: str) -> Path:
    home.mkdir(exist_ok=True)
    (home / "songda.toml").write_text(text, "utf-8")
    return home


def test_without_a_file_everything_stands_in_the_home_folder(tmp_path: Path) -> None:
    settings = load(tmp_path, {})
    assert settings.database_url == f"sqlite:///{tmp_path}/songda.db"
    assert settings.store_url == f"file://{tmp_path}/store"
    assert settings.trust_list == f"{tmp_path}/trust.json"
    assert not settings.is_distributed
    with pytest.raises(FrozenInstanceError):
        settings.port = 1  # type: ignore[misc]


def test_the_environment_counts_before_the_file_and_the_file_before_the_default(tmp_path: Path) -> None:
    home = _write(tmp_path, 'port = 8100\nthreads = 2\ntsa_urls = ["http://a", "http://b"]\n[secrets]\nsea_1 = "pin"')
    settings = load(home, {"SONGDA_THREADS": "7", "SONGDA_REDIS_URL": "redis://x", "SONGDA_SMTP_STARTTLS": "True"})
    assert (settings.port, settings.threads, settings.workers) == (8100, 7, 2)
    assert settings.tsa_urls == ("http://a", "http://b")
    assert settings.secrets == {"sea_1": "pin"}
    assert settings.is_distributed and settings.smtp_starttls is True


def test_home_comes_from_the_environment_when_it_is_not_given(tmp_path: Path) -> None:
    assert load(environment={"SONGDA_HOME": str(tmp_path)}).home == tmp_path
    assert load(environment={}).home == Path("var/songda").resolve()


def test_several_addresses_stand_in_the_environment_one_after_the_other(tmp_path: Path) -> None:
    assert load(tmp_path, {"SONGDA_TSA_URLS": "http://a http://b"}).tsa_urls == ("http://a", "http://b")


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("prot = 8000", "'prot'"),
        ("home = '/elsewhere'", "'home'"),
        ('port = "many"', "'port'"),
        ("port = true", "'port'"),
        ("port = 80.5", "'port'"),
        ("workers = 0", "'workers'"),
        ("threads = -1", "'threads'"),
        ("max_attempts = 0", "'max_attempts'"),
        ("lease_seconds = 0", "'lease_seconds'"),
        ("lease_seconds = nan", "'lease_seconds'"),
        ("token_sessions = 0", "'token_sessions'"),
        ("revocation_seconds = 301", "'revocation_seconds'"),
        ("revocation_seconds = -1", "'revocation_seconds'"),
        ("smtp_starttls = 1", "'smtp_starttls'"),
        ('smtp_starttls = "perhaps"', "'smtp_starttls'"),
        ("database_url = 5", "'database_url'"),
        ("tsa_urls = [1]", "'tsa_urls'"),
        ("tsa_urls = 1", "'tsa_urls'"),
        ('secrets = "x"', "'secrets'"),
        ("port = ", "songda.toml"),
        ('sms_gateway = "pigeon"', "'sms_gateway'"),
        ('sms_gateway = "http"', "'sms_secret'"),
        (HTTP.replace("whsec_", "whsec_?"), "'sms_secret'"),
        (HTTP.replace("whsec_", ""), "'sms_secret'"),
        ('sms_gateway = "http"\nsms_secret = "whsec_c2hvcnQ="', "'sms_secret'"),
        (HTTP, "'sms_url'"),
        (HTTP + 'sms_url = "http://sms.example/x"', "'sms_url'"),
        (HTTP + 'sms_url = "https://name:word@sms.example/"', "'sms_url'"),
        (HTTP + 'sms_url = "https://sms.example:port/"', "'sms_url'"),
        (HTTP + 'sms_url = "https://sms.example/"\nsms_signature = ""', "'sms_signature'"),
        ('sms_gateway = "aliyun"', "'sms_secret'"),
        ('sms_gateway = "aliyun"\nsms_secret = "hidden-3"', "'sms_key_id'"),
        (ALIYUN, "'sms_templates'.*instrument-arrived"),
        (ALIYUN + CODES + 'sms_templates.password = "SMS_9"', "'sms_templates'.*'password'"),
        (ALIYUN + CODES.replace('"SMS_1"', '""', 1), "'sms_templates'"),
        (ALIYUN + CODES.replace('"SMS_1"', "1", 1), "'sms_templates'"),
        (ALIYUN + CODES + 'sms_url = "https://sms.example/path"', "'sms_url'"),
        (ALIYUN + CODES + 'sms_url = "ftp://sms.example"', "'sms_url'"),
    ],
)
def test_a_setting_that_cannot_work_is_refused_by_its_name(tmp_path: Path, text: str, named: str) -> None:
    with pytest.raises(BadSetting, match=named) as raised:
        load(_write(tmp_path, text), {})
    assert "hidden" not in str(raised.value) and "MfKQ9r8" not in str(raised.value)


def test_an_sms_gateway_with_all_it_needs_is_taken(tmp_path: Path) -> None:
    assert load(_write(tmp_path, ALIYUN + CODES), {}).sms_templates["served"] == "SMS_1"
    assert "hidden" not in repr(load(tmp_path, {}))
    assert load(_write(tmp_path, HTTP + 'sms_url = "https://sms.example/x?y=1"'), {}).sms_gateway == "http"
    assert load(_write(tmp_path, HTTP + 'sms_url = "http://127.0.0.1:8/x"'), {}).sms_gateway == "http"


def test_secrets_show_neither_in_print_nor_in_errors(tmp_path: Path) -> None:
    home = _write(tmp_path, 'smtp_password = "hidden-1"\n[secrets]\nsea_1 = "hidden-2"')
    assert "hidden" not in repr(load(home, {}))
    with pytest.raises(BadSetting) as raised:
        load(_write(tmp_path, "smtp_password = 918273\n"), {})
    assert "918273" not in str(raised.value)
    with pytest.raises(BadSetting) as raised:
        load(_write(tmp_path, "[secrets]\nsea_1 = 918273\n"), {})
    assert "918273" not in str(raised.value)


def test_every_field_can_be_set_by_the_environment() -> None:
    values = {"bool": "1", "int": "9", "float": "9.5", "str": "x", "tuple[str, ...]": "x y"}
    for name, kind in Settings.__annotations__.items():
        if name not in ("home", "sms_gateway") and kind in values:
            found = getattr(load(Path("/nowhere"), {f"SONGDA_{name.upper()}": values[kind]}), name)
            assert found == {"bool": True, "int": 9, "float": 9.5, "str": "x"}.get(kind, ("x", "y"))
