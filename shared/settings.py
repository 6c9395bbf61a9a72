"""Every setting of the system: name, default, unit and valid range; read once from the environment and `.env`."""

import re
from email.utils import parseaddr
from functools import lru_cache
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from limits import parse as parse_rate
from pydantic import AfterValidator, AliasChoices, BeforeValidator, Field, ValidationError, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

DEVELOPMENT_SECRET = "development-only-secret-never-use-it-in-production"  # noqa: S105 - refused in production
DEVELOPMENT_SALT = "delete"  # refused in production
DEVELOPMENT_URL = "http://localhost:8000"  # refused in production
PRODUCT_URL = "https://my.trydelete.app"
_SITE = r"^https?://[^\s/?#]+(/[\w.~-]+)*$"
DEVELOPMENT_FLOWER_PASSWORD = "delete"  # noqa: S105 - refused in production


def _rate(text: str) -> str:
    parse_rate(text)
    return text


def _commas(text: object) -> object:
    return [part.strip() for part in text.split(",") if part.strip()] if isinstance(text, str) else text


def _upper(text: object) -> object:
    return text.upper() if isinstance(text, str) else text


def _mail_server(text: str) -> str:
    """Checked here, in words that hold nothing of it: a part of a password might stand where the port should."""
    try:
        url = urlsplit(text)
        good = url.scheme in {"smtp", "smtps"} and bool(url.hostname) and (url.port is None or url.port > 0)
    except ValueError:
        good = False
    if not good or url.path.strip("/") or url.query or url.fragment:
        raise ValueError("must be smtp://user:password@host:port or smtps://…, with signs in the password as %XX")
    return text


def _with_driver(url: str) -> str:
    return re.sub(r"^postgres(ql)?(\+psycopg)?://", "postgresql+psycopg://", url)


def _sender(text: str) -> str:
    """`Name <address>` or an address, on one line."""
    _, address = parseaddr(text)
    if not re.fullmatch(r"[^\s@]+@[^\s@]+", address) or not text.isprintable():
        raise ValueError("must be an address, or a name and <address>")
    return text


Rate = Annotated[str, AfterValidator(_rate)]
CommaList = Annotated[list[str], NoDecode, BeforeValidator(_commas)]


class Settings(BaseSettings):
    """What can be configured. Each name in upper case is an environment variable."""

    model_config = SettingsConfigDict(
        env_file=".env", extra="ignore", frozen=True, populate_by_name=True, hide_input_in_errors=True
    )

    environment: Literal["development", "staging", "production"] = "development"
    log_level: Annotated[Literal["DEBUG", "INFO", "WARNING", "ERROR"], BeforeValidator(_upper)] = "INFO"
    log_format: Literal["human", "json"] | None = Field(None, description="None: human in development, else json")

    # Where the other parts are
    database_url: str = Field(
        "postgresql://postgres@localhost:5432/delete", repr=False, description="Postgres with pgvector"
    )
    direct_database_url: str | None = Field(
        None, repr=False, description="Postgres itself, for migrations, where DATABASE_URL is a pooler"
    )
    db_pool_size: int = Field(8, ge=1, le=200, description="Connections that a process keeps open")
    db_max_overflow: int = Field(4, ge=0, le=200, description="Connections it may open beyond those, for a while")
    db_lean_pool_size: int = Field(4, ge=1, le=200, description="Connections of an API process for its hot routes")
    db_statement_timeout_seconds: float = Field(15, ge=0.1, le=3600, description="Longest single statement")
    db_lock_timeout_seconds: float = Field(10, ge=0.1, le=3600, description="Longest wait for what others have locked")
    db_idle_transaction_timeout_seconds: float = Field(
        15, ge=0.1, le=3600, description="Longest pause within a transaction; then the server ends its connection"
    )
    db_connect_timeout_seconds: int = Field(5, ge=2, le=60, description="Longest wait for a connection to be made")
    db_prepare_statements: bool = Field(default=True, description="Off behind a pgbouncer older than 1.21")
    redis_url: str = Field("redis://localhost:6379/0", repr=False, description="Queue, events and rate counters")
    broker_url: str | None = Field(
        None,
        pattern=r"^amqps?://",
        repr=False,
        description="RabbitMQ for the queue alone: amqp://user:password@host/vhost",
    )
    storage_url: str = Field("file:///var/lib/delete/media", description="file:///folder or s3://bucket/prefix")

    # HTTP
    api_host: str = "127.0.0.1"
    api_port: int = Field(8000, ge=1, le=65535, validation_alias=AliasChoices("api_port", "port"))
    root_path: str = Field("", pattern=r"^(/[\w.~-]+)*$", description="Prefix that a proxy takes off, for example /api")
    public_url: str = Field(
        DEVELOPMENT_URL, pattern=_SITE, description="Where clients reach the API, with the prefix if there is one"
    )
    forwarded_allow_ips: str = Field("127.0.0.1", description="Proxies whose X-Forwarded-* headers are believed")
    request_timeout_seconds: float = Field(
        15, ge=0.1, le=600, description="A request's head and body each come within so long, and a part of an upload"
    )
    upload_timeout_seconds: float = Field(300, ge=0.1, le=3600, description="A photo comes within so long")
    keep_alive_seconds: int = Field(
        75, ge=1, le=3600, description="A connection stays without a request for so long: longer than a balancer's"
    )
    docs: bool | None = Field(None, description="Serve /docs, /redoc, /openapi.json; None: not in production")
    admin_console: bool = Field(default=True, description="Serve the admin console at /admin")
    cors_origins: CommaList = [
        "http://localhost:3000",
        "http://localhost:5173",
        "https://trydelete.app",
        "https://my.trydelete.app",
    ]

    # Secrets
    secret_key: str = Field(DEVELOPMENT_SECRET, repr=False, description="Signs tokens; 32 characters or more")
    retired_secret_keys: CommaList = Field(
        [],
        repr=False,
        description="Earlier SECRET_KEYs whose tokens are still good; remove them after REFRESH_TOKEN_EXPIRE_DAYS",
    )
    media_secret: str | None = Field(
        None, min_length=16, repr=False, description="Signs media links; None: derived from SECRET_KEY"
    )
    media_url_hours: int = Field(2, ge=1, le=168, description="How long a media link is good, at the least half of it")

    # Sign-in
    algorithm: Literal["HS256", "HS384", "HS512"] = "HS256"
    access_token_expire_minutes: int = Field(30, ge=1, le=1440)
    refresh_token_expire_days: int = Field(7, ge=1, le=365, description="A session ends when unused for so long")
    session_max_days: int = Field(180, ge=1, le=3650, description="A session ends after so long however much used")
    refresh_grace_seconds: int = Field(10, ge=0, le=120, description="A used refresh token may be retried so long")
    admin_idle_minutes: int = Field(
        30, ge=1, le=720, description="A login at the admin console ends when unused for so long"
    )
    bcrypt_rounds: int = Field(12, ge=4, le=18, description="log2 of the work to hash a password")
    require_verified_email: bool | None = Field(
        None, description="Only people with a verified address are shown to others; None: not in development"
    )
    minimum_age: int = Field(18, ge=18, le=99, description="Years at signup")

    # Leaving, and what people can ask for
    erasure_grace_days: int = Field(14, ge=0, le=90, description="Logging in brings a deleted account back for so long")
    export_hours: int = Field(24, ge=1, le=168, description="An export can be downloaded for so long")
    exports_per_day: int = Field(3, ge=1, le=100, description="Exports that somebody can ask for within 24 hours")

    # Rates, in the notation of the `limits` library
    rate_limit_signup: Rate = "5/minute"
    rate_limit_login: Rate = Field("5/minute", description="Per address and account together")
    rate_limit_login_address: Rate = Field("30/minute", description="Per address, whatever account")
    rate_limit_login_failures: Rate = Field(
        "100/hour", description="Wrong passwords per account on all devices that it does not know, and on each it knows"
    )
    rate_limit_refresh: Rate = "10/minute"
    rate_limit_logout: Rate = "10/minute"
    rate_limit_forgot: Rate = Field("3/minute", description="Per address, and per account that was named")
    rate_limit_default: Rate = Field("300/minute", description="All requests of a person together")
    rate_limit_unsubscribe: Rate = Field("30/minute", description="Links of mails followed, per address")
    rate_limit_contacts: Rate = Field("10/day", description="Lists of contacts uploaded by one person")
    rate_limit_uploads: Rate = Field("60/hour", description="Photos sent by one person, whatever becomes of them")
    rate_limit_quiz: Rate = Field("10/hour", description="Quizzes handed in by one person")
    rate_limit_exports: Rate = Field("20/hour", description="Exports asked for by one person")
    rate_limit_funnel: Rate = Field("30/minute", description="Looks of one person at what their wishes leave")
    rate_limit_queues: Rate = Field("15/minute", description="Queues made for one person while they wait")
    rate_limit_like_tries: Rate = Field("120/minute", description="Likes that one person tries to send")
    rate_limit_passes: Rate = Field("120/minute", description="Passes of one person")
    rate_limit_blocks: Rate = Field("60/hour", description="Blocks by one person")
    rate_limit_reports: Rate = Field("30/hour", description="Reports by one person")
    rate_limit_messages: Rate = Field("120/minute", description="Messages sent by one person")
    rate_limit_appeals: Rate = Field("20/day", description="Objections of one person")
    rate_limit_connections: Rate = Field("60/minute", description="Live connections opened by one person")
    rate_limit_connections_address: Rate = Field("600/minute", description="WebSockets opened from one address")

    # Work
    lease_scale: float = Field(1.0, ge=0.05, le=20, description="Multiplies every lease and time limit of a task")
    worker_max_tasks_per_child: int = Field(10_000, ge=1, description="A pool process is replaced after so many tasks")
    worker_max_memory_per_child_mb: int = Field(600, ge=100, description="... or when it has grown beyond this")

    # Mail
    smtp_url: Annotated[str, AfterValidator(_mail_server)] | None = Field(
        None, repr=False, description="smtp://user:password@host:587 or smtps://…; None: files in MAIL_DIR"
    )
    mail_dir: str = Field(".dev/mail", min_length=1, description="Where mails land as .eml files without SMTP_URL")
    mail_from: Annotated[str, AfterValidator(_sender)] = Field(
        "Delete <hello@trydelete.app>", description="Whom mails are from"
    )
    app_url: str | None = Field(
        None, pattern=_SITE, description=f"Where links in mails lead; None: {PRODUCT_URL}, in development the demo page"
    )
    mail_after_minutes: int = Field(5, ge=1, le=1440, description="What is unread for so long is mailed")
    mail_keep_days: int = Field(30, ge=1, le=365, description="Mails are forgotten after so long, sent or not")
    notification_keep_days: int = Field(
        90, ge=7, le=3650, description="Notifications are forgotten after so long, read or not"
    )

    # Meaning of texts
    embedding_model: str = Field(
        "all-MiniLM-L6-v2", min_length=1, description="A sentence-transformers model of 384 dimensions: name or folder"
    )
    embedding_dir: str = Field(
        "~/.cache/delete/embedding", description="Where models are kept in the form that runs fastest"
    )

    # Matching
    likes_per_day: int = Field(10, ge=1, le=1000, description="Likes in one of a person's own days")
    commented_likes_per_day: int = Field(5, ge=0, le=1000, description="The first so many of them need a comment")
    personal_comment_length: int = Field(15, ge=1, le=300, description="Characters of a comment that counts")
    compared_comments: int = Field(50, ge=0, le=1000, description="One's last comments that a new one must not be near")
    likes_per_minute: int = Field(4, ge=1, le=1000, description="Likes within 60 seconds")
    refusals_until_pause: int = Field(5, ge=2, le=100, description="Likes refused as spam, until likes rest")
    refusals_hours: int = Field(24, ge=1, le=720, description="So long a refusal counts towards a pause")
    likes_pause_hours: int = Field(24, ge=1, le=720, description="So long they rest then")
    pass_days: int = Field(30, ge=1, le=365, description="A pass hides somebody for so long")
    rewind_minutes: int = Field(5, ge=1, le=60, description="A pass can be taken back so long")
    quiet_days: int = Field(14, ge=1, le=365, description="A match without messages is archived after so long")
    report_days: int = Field(30, ge=1, le=365, description="Somebody can be reported so long after an unmatch")
    reporters_until_hidden: int = Field(3, ge=2, le=100, description="So many reporters hide an account")
    reporters_days: int = Field(7, ge=1, le=365, description="So long a report counts towards that")
    case_hours: float = Field(4, gt=0, le=168, description="Whoever takes a case has it to themself for so long")
    contact_salt: str = Field(
        DEVELOPMENT_SALT,
        min_length=4,
        description="Public salt of hashed contacts: choose it once, before the first user",
    )

    # Discovery
    discovery_hour: int = Field(3, ge=0, le=23, description="From this hour (UTC) on everybody's queue is made anew")
    discovery_queue: int = Field(100, ge=20, le=200, description="People in a queue")
    discovery_low: int = Field(20, ge=1, le=100, description="With fewer left, a queue is made anew")
    discovery_delay_seconds: float = Field(1, ge=0, le=60, description="Changes within so long are one refresh")
    discovery_cell: int = Field(
        1500, ge=100, le=100_000, description="People of one gender that a cell of the map offers: who was here last"
    )
    newcomer_days: int = Field(14, ge=0, le=90, description="Somebody is new for so long")
    newcomer_every: int = Field(10, ge=2, le=100, description="Every so manyth place of a queue is for somebody new")
    exposure_damping: int = Field(
        120, ge=0, le=300, description="Thousandths of a rank taken from who is in very many queues; 0: none"
    )
    liked_you_shown: bool = Field(default=False, description="A card tells whether they have liked the viewer")
    moves_per_day: int = Field(20, ge=1, le=1000, description="How often somebody's place can change within 24 hours")

    # The quiz
    quiz_retake_days: int = Field(30, ge=0, le=365, description="Days until the quiz can be taken again")

    # Watching it
    metrics_token: str | None = Field(
        None,
        min_length=16,
        repr=False,
        description="Bearer of /metrics; None: for addresses inside only, by no proxy",
    )
    worker_metrics_port: int | None = Field(
        None, ge=1, le=65535, description="Where a worker serves its metrics; None: nowhere"
    )
    worker_metrics_host: str = "127.0.0.1"
    sentry_dsn: str | None = Field(
        None, pattern=r"^https?://", repr=False, description="Where errors are told; None: nowhere"
    )
    otel_exporter_otlp_endpoint: str | None = Field(
        None, pattern=r"^https?://", repr=False, description="Where traces are sent, by OTLP over HTTP; None: nowhere"
    )

    # Flower
    flower_port: int = Field(5555, ge=1, le=65535)
    flower_host: str = "127.0.0.1"
    flower_user: str = "operator"
    flower_password: str = Field(DEVELOPMENT_FLOWER_PASSWORD, repr=False)

    # The development stack
    dev_dir: str = Field(".dev", description="State of `make up`")
    dev_workers: int = Field(0, ge=0, le=64, description="Worker processes of `make up`; 0: one per core")
    demo_people: int = Field(200, ge=0, le=2000, description="People that `make up` creates, once; 0: none")

    @property
    def is_production(self) -> bool:
        """Whether real people are on the other side."""
        return self.environment == "production"

    @property
    def sqlalchemy_url(self) -> str:
        """`database_url` with the driver named, also from the short forms that platforms hand out."""
        return _with_driver(self.database_url)

    @property
    def migrations_url(self) -> str:
        """The same of the server itself, whose connections keep what is set on them."""
        return _with_driver(self.direct_database_url or self.database_url)

    @property
    def libpq_url(self) -> str:
        """`database_url` as the driver itself takes it."""
        return re.sub(r"^postgres(ql)?(\+psycopg)?://", "postgresql://", self.database_url)

    @property
    def queue_url(self) -> str:
        """What carries the hints."""
        return self.broker_url or self.redis_url

    @property
    def site_url(self) -> str:
        """What links in mails begin with, without a slash at its end."""
        at_home = f"{self.public_url}/demo" if self.environment == "development" else PRODUCT_URL
        return at_home if self.app_url is None else self.app_url

    @property
    def docs_served(self) -> bool:
        """Whether the OpenAPI document and its pages are served."""
        return self.docs if self.docs is not None else not self.is_production

    @property
    def verified_email_required(self) -> bool:
        """Whether only people with a verified address are shown to others."""
        return self.environment != "development" if self.require_verified_email is None else self.require_verified_email

    @property
    def json_logs(self) -> bool:
        """Whether log lines are JSON objects rather than for human eyes."""
        return self.environment != "development" if self.log_format is None else self.log_format == "json"

    @model_validator(mode="after")
    def _keys_are_long_enough(self) -> Self:
        least = {"HS256": 32, "HS384": 48, "HS512": 64}[self.algorithm]  # RFC 7518, section 3.2
        for key in (self.secret_key, *self.retired_secret_keys):
            if len(key.encode()) < least:
                raise ValueError(f"SECRET_KEY must have at least {least} bytes for {self.algorithm}")
        return self

    @model_validator(mode="after")
    def _production_is_safe(self) -> Self:
        if self.environment == "development":
            return self
        dangers = {
            "SECRET_KEY is the default: set one, for example from `openssl rand -hex 32`": (
                self.secret_key == DEVELOPMENT_SECRET
            ),
            "RETIRED_SECRET_KEYS holds the default, with which anybody can sign tokens": (
                DEVELOPMENT_SECRET in self.retired_secret_keys
            ),
            "FLOWER_PASSWORD is empty or the default": self.flower_password in {"", DEVELOPMENT_FLOWER_PASSWORD},
            "CONTACT_SALT is the default: choose one now, it can never be changed later": (
                self.contact_salt == DEVELOPMENT_SALT
            ),
            "SMTP_URL is not set: nobody would get a mail": self.smtp_url is None,
            "PUBLIC_URL is the default: links in mails would lead nowhere": self.public_url == DEVELOPMENT_URL,
            "PUBLIC_URL is not https: whoever listens reads every token, and no mail program unsubscribes": (
                self.is_production and not self.public_url.startswith("https://")
            ),
            "CORS_ORIGINS allows every site": "*" in self.cors_origins,
        }
        reasons = [reason for reason, is_so in dangers.items() if is_so]
        if reasons:
            raise ValueError(f"unsafe for {self.environment}: " + "; ".join(reasons))
        return self


@lru_cache
def settings() -> Settings:
    """The settings of this process.

    Raises:
        SystemExit: a value is missing or invalid, or the configuration is unsafe; one line for each reason.
    """
    try:
        return Settings()
    except ValidationError as error:
        lines = [
            f"  {'.'.join(map(str, problem['loc'])).upper() or 'settings'}: {problem['msg']}"
            for problem in error.errors()
        ]
        raise SystemExit("\n".join(["Cannot start, the settings are not right:", *lines])) from None
