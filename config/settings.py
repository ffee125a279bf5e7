"""Every setting of the product, read once from the environment.

One file for all machines: what differs between them is in the environment and documented in
`.env.example` (a test compares the two). Unsafe production values are refused by `config.checks`.
"""

from pathlib import Path
from typing import Any

import environ
from csp.constants import NONCE, NONE, SELF

BASE_DIR = Path(__file__).resolve().parent.parent

env = environ.Env()

# ── Who we are ──────────────────────────────────────────────────────────────────────────────────
DEBUG = env.bool("DEBUG", default=False)
# No random fallback: two processes with two keys would log each other's users out.
SECRET_KEY = env.str("SECRET_KEY", default="insecure-development-key-never-use-it-in-production")
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
PUBLIC_URL = env.str("PUBLIC_URL", default="http://127.0.0.1:8000").rstrip("/")
SECURE = PUBLIC_URL.startswith("https://")
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]

DATA_DIR = BASE_DIR / ".demo"
TIME_SCALE = env.float("TIME_SCALE", default=1.0)

# ── Applications ────────────────────────────────────────────────────────────────────────────────
INSTALLED_APPS = [
    "config",
    "generations",
    "accounts",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "django_htmx",
    "django_filters",
    "template_partials",
    "csp",
    "django_rq",
]

MIDDLEWARE = [
    "config.requests.NameRequests",
    "config.requests.OnlyUtf8",
    "generations.middleware.FalsDoor",
    "accounts.middleware.WorkspaceInAddress",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "accounts.middleware.Sessions",
    "django.middleware.common.CommonMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    # Openness is what a view must declare; everything else asks for a sign-in. It does so before the
    # check of the token, which reads the whole body.
    "accounts.middleware.SignInMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "accounts.middleware.WorkspaceMiddleware",
    "accounts.middleware.SecondFactorMiddleware",
    "config.errors.ForFormsOnly",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"

TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "accounts.context.wallet",
                "accounts.context.bell",
                "accounts.context.factor",
                "accounts.context.invited",
                "generations.context.bar",
                "generations.context.door",
            ],
            "builtins": ["generations.templatetags.studio"],
        },
    }
]

# ── Database, cache, queue ──────────────────────────────────────────────────────────────────────
DATABASES: dict[str, Any] = {
    "default": env.db_url("DATABASE_URL", default=f"sqlite:///{DATA_DIR / 'dailies.sqlite3'}")
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    DATABASES["default"]["OPTIONS"] = {
        # A deferred transaction that reads and then writes fails at once when another writer was
        # faster, whatever the time-out; IMMEDIATE waits its turn. FULL because credits are money.
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;",
    }
else:
    DATABASES["default"]["CONN_MAX_AGE"] = None
    DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
    DATABASES["default"].setdefault("OPTIONS", {})["options"] = (
        "-c lock_timeout=3s -c statement_timeout=15s -c idle_in_transaction_session_timeout=30s"
    )

REDIS_URL = env.str("REDIS_URL", default="redis://127.0.0.1:6379/0")
CACHES = {"default": env.cache_url("CACHE_URL", default="locmemcache://dailies")}

# One queue per worker process: a worker that listens to several can lose a popped job on kill -9.
# The time-out is RQ's last resort only; every step has time-outs of its own.
RQ_QUEUES = {
    name: {"URL": REDIS_URL, "DEFAULT_TIMEOUT": timeout, "SERIALIZER": "rq.serializers.JSONSerializer"}
    for name, timeout in {"drive": 180, "media": 900, "mail": 180}.items()
}

# ── People ──────────────────────────────────────────────────────────────────────────────────────
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
LOGIN_REDIRECT_URL = "generations:home"
LOGIN_URL = "account_login"
ACCOUNT_ADAPTER = "accounts.adapter.AccountAdapter"
ACCOUNT_FORMS = {"signup": "accounts.forms.signup.SignupForm"}
MFA_FORMS = {
    "login_webauthn": "accounts.forms.passkeys.LoginForm",
    "reauthenticate_webauthn": "accounts.forms.passkeys.ReauthenticateForm",
}
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
ACCOUNT_EMAIL_SUBJECT_PREFIX = "Dailies: "
ACCOUNT_LOGOUT_REDIRECT_URL = "account_login"
ACCOUNT_PREVENT_ENUMERATION = True
# A mail when a password or a second factor changes: whoever did not do it themselves learns of it.
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_DEFAULT_HTTP_PROTOCOL = "https" if SECURE else "http"
# How many proxies stand before us: without it they all look like one visitor to the rate limits, and
# with too many of it a visitor may claim to be anybody.
ALLAUTH_TRUSTED_PROXY_COUNT = env.int("TRUSTED_PROXIES", default=0)
MFA_ADAPTER = "accounts.adapter.MfaAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_TOTP_ISSUER = "Dailies"
# Browsers take passkeys on plain http from their own machine only.
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = not SECURE
# Whoever may see every tenant's data proves themselves by a second factor.
STAFF_MFA = env.bool("STAFF_MFA", default=True)
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "CommonPasswordValidator", "NumericPasswordValidator")
] + [
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    }
]
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = 14 * 24 * 3600

# ── Mail ────────────────────────────────────────────────────────────────────────────────────────
vars().update(env.email_url("EMAIL_URL", default="consolemail://"))
DEFAULT_FROM_EMAIL = SERVER_EMAIL = env.str("EMAIL_FROM", default="Dailies <no-reply@localhost>")
EMAIL_TIMEOUT = 10

# ── Credits ─────────────────────────────────────────────────────────────────────────────────────
# One credit is one US cent of price; a price is ceil(usd × 100 × markup).
CREDITS_MARKUP = env.str("CREDITS_MARKUP", default="1.0")
WELCOME_CREDITS = env.int("WELCOME_CREDITS", default=200)

# ── fal ─────────────────────────────────────────────────────────────────────────────────────────
FAL_KEY = env.str("FAL_KEY", default="")
FAL_QUEUE_URL = env.str("FAL_QUEUE_URL", default="https://queue.fal.run").rstrip("/")
FAL_REST_URL = env.str("FAL_REST_URL", default="https://rest.fal.ai").rstrip("/")
FAL_API_URL = env.str("FAL_API_URL", default="https://api.fal.ai/v1").rstrip("/")
FAL_JWKS_URL = env.str("FAL_JWKS_URL", default="https://rest.fal.ai/.well-known/jwks.json")
# One key set signs for every fal account; only this account's deliveries are ours.
FAL_WEBHOOK_USER_ID = env.str("FAL_WEBHOOK_USER_ID", default="")
FAL_MEDIA_HOSTS = env.list(
    "FAL_MEDIA_HOSTS",
    default=["fal.media", "v2.fal.media", "v3.fal.media", "v3b.fal.media", "storage.googleapis.com"],
)
# Requests of ours that fal may have at the same time; what is over that waits in our own, fair line.
FAL_MAX_IN_FLIGHT = env.int("FAL_MAX_IN_FLIGHT", default=40)
# The longest that one call to fal may take, in real seconds; leases are multiples of it.
FAL_TIMEOUT = env.float("FAL_TIMEOUT", default=40.0)
# Of those, how many one member may have at a time, and how many may wait for one member.
MEMBER_MAX_RUNNING = env.int("MEMBER_MAX_RUNNING", default=20)
MEMBER_MAX_QUEUED = env.int("MEMBER_MAX_QUEUED", default=500)
# A clip of at most so many credits is quick and cheap: some places are kept for such clips.
EXPRESS_CREDITS = env.int("EXPRESS_CREDITS", default=60)
# A submit whose answer was lost may be sent again, once and on evidence, up to so many credits; 0: never.
RESUBMIT_AMBIGUOUS = env.int("RESUBMIT_AMBIGUOUS", default=0)
# fal's pages disagree on how long a clip it extends may be (8 s or 30 s); the safe reading is ours.
EXTEND_MAX_SECONDS = env.float("EXTEND_MAX_SECONDS", default=8.0)

# ── The API and webhooks to other programs ──────────────────────────────────────────────────────
# Requests a minute that one token may make.
API_RATE = env.int("API_RATE", default=600)
# Whether webhooks may go to addresses inside the network, and by plain http. Only for a machine of one's own.
WEBHOOKS_INSIDE = env.bool("WEBHOOKS_INSIDE", default=False)

# ── Files ───────────────────────────────────────────────────────────────────────────────────────
MEDIA_ROOT = Path(env.str("MEDIA_ROOT", default=str(DATA_DIR / "media")))
STORAGE_URL = env.str("STORAGE_URL", default="")
STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STATICFILES_DIRS = [BASE_DIR / "static"]
FILE_UPLOAD_HANDLERS = [
    "generations.media.receiving.SizeLimit",
    "django.core.files.uploadhandler.MemoryFileUploadHandler",
    "django.core.files.uploadhandler.TemporaryFileUploadHandler",
]
FILE_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024
DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024


def private_storage(url: str) -> dict[str, Any]:
    """Where clips and inputs live: `""` is `MEDIA_ROOT`, `s3://bucket[/prefix][?endpoint=…]` is S3."""
    if not url:
        return {"BACKEND": "generations.media.vault.LocalVault", "OPTIONS": {"location": MEDIA_ROOT}}
    parts = environ.urlparse(url)
    query = dict(pair.split("=", 1) for pair in parts.query.split("&") if "=" in pair)
    return {
        "BACKEND": "storages.backends.s3.S3Storage",
        "OPTIONS": {
            "bucket_name": parts.hostname,
            "location": parts.path.strip("/"),
            "endpoint_url": query.get("endpoint"),
            "querystring_auth": True,
            "querystring_expire": 300,
            "file_overwrite": False,
        },
    }


STORAGES = {
    "default": private_storage(STORAGE_URL),
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}

# ── Language and time ───────────────────────────────────────────────────────────────────────────
LANGUAGE_CODE = "en"
USE_TZ = True
TIME_ZONE = "UTC"

# ── Browser security ────────────────────────────────────────────────────────────────────────────
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF, NONCE],
        "style-src": [SELF, NONCE],
        "img-src": [SELF, "blob:", "data:"],
        "media-src": [SELF, "blob:"],
        "connect-src": [SELF],
        "font-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
        "object-src": [NONE],
        "manifest-src": [SELF],
    },
}
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE
CSRF_COOKIE_HTTPONLY = True
SECURE_SSL_REDIRECT = SECURE
# Probes and scrapers arrive without TLS inside a cluster.
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$", r"^metrics$"]
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if SECURE else None
# A promise to browsers, for a year and for every sub-domain, that there is only https here.
HSTS = env.bool("HSTS", default=SECURE)
SECURE_HSTS_SECONDS = 31_536_000 if HSTS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HSTS

# ── Logs ────────────────────────────────────────────────────────────────────────────────────────
LOG_FORMAT = env.str("LOG_FORMAT", default="plain" if DEBUG else "json")
# Whoever asks for /metrics shows this token; without one there are no metrics.
METRICS_TOKEN = env.str("METRICS_TOKEN", default="")
LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        name: {"()": f"config.logs.{name.title()}", "secrets": [SECRET_KEY, FAL_KEY, METRICS_TOKEN], **more}
        for name, more in {"json": {}, "plain": {"telling": DEBUG}}.items()
    },
    "handlers": {
        "console": {"class": "logging.StreamHandler", "formatter": LOG_FORMAT},
        "alarms": {"class": "config.logs.Alarms", "level": "ERROR"},
    },
    "root": {"handlers": ["console", "alarms"], "level": "INFO"},
    "loggers": {
        "django.request": {"level": "ERROR"},
        # httpx logs whole addresses, and the webhook's token is part of one.
        "httpx": {"level": "WARNING"},
        "rq": {"level": "WARNING"},
    },
}
