"""Settings: what is accepted, what is refused, and in which words."""

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from shared.settings import DEVELOPMENT_FLOWER_PASSWORD, DEVELOPMENT_SECRET, DEVELOPMENT_URL, Settings, settings

Configure = Callable[..., None]
PUBLIC = {"storage_url"}  # though their names sound secret: credentials of a bucket are no settings
SAFE = {
    "ENVIRONMENT": "production",
    "SECRET_KEY": "s" * 64,
    "FLOWER_PASSWORD": "a better one",
    "CONTACT_SALT": "pepper",
    "SMTP_URL": "smtps://mail.example.com",
    "PUBLIC_URL": "https://api.example.com",
}


def refusal(configured: Configure, **values: str) -> str:
    """What a process with these settings says as it ends."""
    configured(**values)
    with pytest.raises(SystemExit) as caught:
        settings()
    return str(caught.value)


def test_what_is_not_set_has_its_documented_default(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    values = Settings()
    assert values.environment == "development"
    assert (values.access_token_expire_minutes, values.refresh_token_expire_days) == (30, 7)
    assert (values.algorithm, values.minimum_age, values.refresh_grace_seconds) == ("HS256", 18, 10)
    assert values.cors_origins == [
        "http://localhost:3000",
        "http://localhost:5173",
        "https://trydelete.app",
        "https://my.trydelete.app",
    ]
    assert (values.dev_dir, values.api_port, values.flower_port) == (".dev", 8000, 5555)


def test_a_dotenv_file_is_read_and_the_environment_goes_before_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FLOWER_PORT", "7000")
    (tmp_path / ".env").write_text("API_PORT=9000\nFLOWER_PORT=6000\nUNKNOWN_TO_US=1\nACCESS_TOKEN_EXPIRE_MINUTES=5\n")
    values = Settings()
    assert (values.api_port, values.flower_port, values.access_token_expire_minutes) == (9000, 7000, 5)


def test_production_is_reached_over_https(configured: Configure) -> None:
    assert "PUBLIC_URL" in refusal(configured, **SAFE | {"PUBLIC_URL": "http://api.example.com"})
    configured(ENVIRONMENT="staging")
    assert settings().public_url == "http://api.example.com"


@pytest.mark.parametrize("environment", ["production", "staging"])
@pytest.mark.parametrize(
    ("unsafe", "reason"),
    [
        ({"SECRET_KEY": DEVELOPMENT_SECRET}, "SECRET_KEY is the default"),
        ({"RETIRED_SECRET_KEYS": f"{'r' * 64},{DEVELOPMENT_SECRET}"}, "RETIRED_SECRET_KEYS"),
        ({"FLOWER_PASSWORD": ""}, "FLOWER_PASSWORD"),
        ({"FLOWER_PASSWORD": DEVELOPMENT_FLOWER_PASSWORD}, "FLOWER_PASSWORD"),
        ({"PUBLIC_URL": DEVELOPMENT_URL}, "PUBLIC_URL"),
        ({"CORS_ORIGINS": "*"}, "CORS_ORIGINS"),
        ({"CORS_ORIGINS": "https://trydelete.app, *"}, "CORS_ORIGINS"),
    ],
    ids=str,
)
def test_what_is_unsafe_for_real_people_is_refused(
    configured: Configure, environment: str, unsafe: dict[str, str], reason: str
) -> None:
    said = refusal(configured, **{**SAFE, "ENVIRONMENT": environment, **unsafe})
    assert f"unsafe for {environment}" in said
    assert reason in said
    assert "s" * 64 not in said
    assert "r" * 64 not in said


def test_all_reasons_are_told_at_once(configured: Configure) -> None:
    said = refusal(configured, ENVIRONMENT="production", CORS_ORIGINS="*")
    assert all(name in said for name in ("SECRET_KEY", "FLOWER_PASSWORD", "CORS_ORIGINS"))


def test_nobody_real_goes_without_mails(configured: Configure) -> None:
    assert "SMTP_URL is not set" in refusal(configured, **{name: SAFE[name] for name in SAFE if name != "SMTP_URL"})
    assert settings.cache_info().currsize == 0


@pytest.mark.parametrize(
    "wrong",
    [
        {"SMTP_URL": "http://mail.example.com"},
        {"SMTP_URL": "smtp://"},
        {"SMTP_URL": "smtp://ada:rrrr#rrrr@mail.example.com"},
        {"SMTP_URL": "smtp://ada:rrrr/rrrr@mail.example.com:587"},
        {"MAIL_FROM": "nobody"},
        {"MAIL_FROM": "A <a@example.com>\nBcc: b@example.com"},
        {"PUBLIC_URL": "https://api.example.com/?a"},
        {"APP_URL": "javascript:alert(1)"},
    ],
    ids=str,
)
def test_what_no_mail_could_use_is_refused(configured: Configure, wrong: dict[str, str]) -> None:
    said = refusal(configured, **wrong)
    assert next(iter(wrong)) in said
    assert "rrrr" not in said


def test_links_in_mails_lead_to_the_product_and_in_development_to_the_demo(configured: Configure) -> None:
    configured(PUBLIC_URL="http://localhost:8123")
    assert settings().site_url == "http://localhost:8123/demo"
    configured(**SAFE)
    assert settings().site_url == "https://my.trydelete.app"
    configured(APP_URL="https://app.example.com")
    assert settings().site_url == "https://app.example.com"


def test_safe_production_settings_are_accepted(configured: Configure) -> None:
    configured(**SAFE)
    assert settings().is_production
    assert settings().json_logs
    assert not settings().docs_served
    configured(DOCS="true", LOG_FORMAT="human")
    assert settings().docs_served
    assert not settings().json_logs


def test_development_is_for_eyes_and_open(configured: Configure) -> None:
    configured(ENVIRONMENT="development")
    assert not settings().is_production
    assert not settings().json_logs
    assert settings().docs_served
    configured(LOG_FORMAT="json", DOCS="false")
    assert settings().json_logs
    assert not settings().docs_served


def test_port_is_another_name_of_api_port(configured: Configure, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("API_PORT", raising=False)
    configured(PORT="8123")
    assert settings().api_port == 8123
    configured(API_PORT="8124")
    assert settings().api_port == 8124
    assert Settings(api_port=8125).api_port == 8125


@pytest.mark.parametrize(
    ("url", "driver_url"),
    [
        ("postgres://u:p@host:5432/db", "postgresql+psycopg://u:p@host:5432/db"),
        ("postgresql://u:p@host/db?sslmode=require", "postgresql+psycopg://u:p@host/db?sslmode=require"),
        ("postgresql+psycopg://host/db", "postgresql+psycopg://host/db"),
    ],
)
def test_the_short_forms_of_database_urls(url: str, driver_url: str) -> None:
    assert Settings(database_url=url).sqlalchemy_url == driver_url
    assert Settings(database_url=url).migrations_url == driver_url
    assert Settings(database_url="postgres://pooler/db", direct_database_url=url).migrations_url == driver_url


@pytest.mark.parametrize(
    ("text", "listed"),
    [
        ("https://a.example", ["https://a.example"]),
        (" https://a.example , https://b.example,", ["https://a.example", "https://b.example"]),
        ("", []),
        (",", []),
    ],
)
def test_lists_are_written_with_commas(configured: Configure, text: str, listed: list[str]) -> None:
    configured(CORS_ORIGINS=text)
    assert settings().cors_origins == listed


def test_retired_keys_are_a_list_too(configured: Configure) -> None:
    configured(RETIRED_SECRET_KEYS=f"{'a' * 32},{'b' * 32}")
    assert settings().retired_secret_keys == ["a" * 32, "b" * 32]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("RATE_LIMIT_LOGIN", "often"),
        ("RATE_LIMIT_SIGNUP", "5"),
        ("RATE_LIMIT_REFRESH", "5/fortnight"),
        ("RATE_LIMIT_LOGOUT", ""),
        ("API_PORT", "0"),
        ("API_PORT", "http"),
        ("FLOWER_PORT", "65536"),
        ("ENVIRONMENT", "prod"),
        ("LOG_LEVEL", "LOUD"),
        ("ALGORITHM", "none"),
        ("ALGORITHM", "RS256"),
        ("BCRYPT_ROUNDS", "3"),
        ("MINIMUM_AGE", "17"),
        ("ACCESS_TOKEN_EXPIRE_MINUTES", "0"),
        ("REFRESH_TOKEN_EXPIRE_DAYS", "-1"),
        ("DB_POOL_SIZE", "0"),
        ("DOCS", "perhaps"),
        ("LEASE_SCALE", "nan"),
    ],
)
def test_what_is_out_of_range_is_named(configured: Configure, name: str, value: str) -> None:
    said = refusal(configured, **{name: value})
    assert said.startswith("Cannot start, the settings are not right:\n")
    assert said.splitlines()[1].startswith(f"  {name}: ")
    assert len(said.splitlines()) == 2


def test_a_refusal_tells_no_secret(configured: Configure) -> None:
    secrets: dict[str, str] = {
        "SECRET_KEY": "short-secret-7531",
        "DATABASE_URL": "postgresql://u:database-7531@host/db",
        "FLOWER_PASSWORD": "flower-7531",
        "API_PORT": "not-a-port-7531",
    }
    said = refusal(configured, **secrets)
    assert "SECRET_KEY" in refusal(configured, API_PORT="8000")
    for text in (said, refusal(configured, API_PORT="8000")):
        assert "7531" not in text


def test_what_may_hold_a_secret_is_not_shown() -> None:
    secret = re.compile(r"secret|password|(?<!public)(?<!app)_url$|dsn|token$|_keys?$")
    may = {name for name, field in Settings.model_fields.items() if secret.search(name) and field.annotation is not int}
    assert {"secret_key", "retired_secret_keys", "database_url", "flower_password"} <= may
    shown = repr(Settings())
    assert [name for name in may - PUBLIC if f"{name}=" in shown] == []
    assert "environment='development'" in shown
    assert DEVELOPMENT_SECRET not in shown


def test_settings_do_not_change(configured: Configure) -> None:
    configured()
    values: Any = settings()
    with pytest.raises(ValidationError):
        values.api_port = 1
    assert settings() is values


def test_a_process_that_cannot_start_says_why_without_a_trace() -> None:
    program = "from shared.settings import settings; settings()"
    environment = {"ENVIRONMENT": "production", "SECRET_KEY": "short-7531", "PATH": "/usr/bin"}
    ended = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 1
    assert "SECRET_KEY must have at least 32 bytes" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert "7531" not in ended.stderr
