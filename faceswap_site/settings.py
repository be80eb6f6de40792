"""Every setting, grouped by subject, read from the environment (or a `.env` beside manage.py).

README.md lists each variable with its default.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import environ
from corsheaders.defaults import default_headers
from csp.constants import NONCE, NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from faceswap_site.secrets import kept_secret

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.FileAwareEnv()  # a secret may stand in a file: RUNPOD_API_KEY_FILE=/run/secrets/…
env.read_env(BASE_DIR / ".env")

MIB = 1024 * 1024

# --- Where things are kept
DATA_DIR = Path(env.str("DATA_DIR", str(BASE_DIR / "data"))).resolve()
DATA_DIR.mkdir(parents=True, exist_ok=True)
MEDIA_ROOT = DATA_DIR / "media"
STATIC_ROOT = DATA_DIR / "static"

# --- Secrets
SECRET_KEY = env.str("SECRET_KEY", "") or kept_secret(DATA_DIR, "secret-key")
CALLBACK_SECRET = env.str("CALLBACK_SECRET", "") or kept_secret(DATA_DIR, "callback-secret")
CALLBACK_SECRET_SHARED = env.bool("CALLBACK_SECRET_SHARED", False)

# --- Addresses
HOST = env.str("HOST", "127.0.0.1")
PORT = env.int("PORT", 8000)
PUBLIC_BASE_URL = env.str("PUBLIC_BASE_URL", "").rstrip("/")
PUBLIC_HOST = urlsplit(PUBLIC_BASE_URL).hostname or ""
LOOPBACK_HOSTS = ["localhost", "127.0.0.1", "[::1]"]
# Where people sign in. The host of PUBLIC_BASE_URL, unless it is one of these, answers workers only.
SIGN_IN_HOSTS = env.list("ALLOWED_HOSTS", default=[*LOOPBACK_HOSTS, HOST])
# Our own worker calls by a loopback address or by HOST, wherever people sign in.
ALLOWED_HOSTS = [*SIGN_IN_HOSTS, *LOOPBACK_HOSTS, HOST, *([PUBLIC_HOST] if PUBLIC_HOST else [])]
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])
# Behind a proxy of one's own that sets X-Forwarded-Proto; a stranger could set it otherwise.
BEHIND_TLS_PROXY = env.bool("BEHIND_TLS_PROXY", False)

DEBUG = env.bool("DEBUG", False)
ROOT_URLCONF = "faceswap_site.urls"
WSGI_APPLICATION = "faceswap_site.wsgi.application"

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "corsheaders",
    "csp",
    "django_htmx",
    "django_q",
    "ninja",
    "assets",
    "jobs",
    "runpod_bridge",
    "faceswap_site",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "faceswap_site.middleware.WorkersOnlyOnThePublicHost",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "faceswap_site.middleware.Language",  # before all that answers in words
    "faceswap_site.middleware.RequestId",
    "corsheaders.middleware.CorsMiddleware",
    "assets.uploads.BodyLimit",
    "faceswap_site.middleware.WrongMethodIsAProblem",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    # Before CSRF, whose check reads the whole body: a stranger must not be able to make us store one.
    "faceswap_site.middleware.LoginRequired",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

# --- Database. IMMEDIATE: a deferred transaction that reads, then writes, fails at once with "locked".
DATABASES = {"default": env.db("DATABASE_URL", f"sqlite:///{DATA_DIR / 'db.sqlite3'}")}
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA busy_timeout=20000;",
    }
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- Files
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
STATIC_URL = "static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
FILE_UPLOAD_TEMP_DIR = MEDIA_ROOT / "tmp"  # same file system as the media: moving into place is a rename
FILE_UPLOAD_TEMP_DIR.mkdir(parents=True, exist_ok=True)
FILE_UPLOAD_HANDLERS = ["assets.uploads.HashingUploadHandler"]
FILE_UPLOAD_PERMISSIONS = 0o600
MAX_UPLOAD_BYTES = env.int("MAX_UPLOAD_MB", 2048) * MIB
MIN_FREE_BYTES = env.int("MIN_FREE_MB", 512) * MIB  # with less left on the disk, nothing is taken in
MAX_VIDEO_SECONDS = env.int("MAX_VIDEO_SECONDS", 1200)
MAX_VIDEO_PIXELS = 3840 * 2160
MAX_OUTPUT_PIXELS = 7680 * 4320  # a wide clip with its short side at 2160
MAX_IMAGE_PIXELS = 40_000_000
CALLBACK_MAX_BYTES = 64 * MIB
PROBE_TIMEOUT = timedelta(seconds=60)
ASSET_TOKEN_TTL = timedelta(seconds=env.int("ASSET_TOKEN_TTL_SECONDS", 3600))
OUTPUT_LINK_TTL = timedelta(hours=24)
UNFINISHED_UPLOAD_TTL = timedelta(hours=1)
STAGED_UPLOAD_TTL = timedelta(hours=env.int("STAGED_UPLOAD_HOURS", 24))  # of a file that no job was made of
LOOK_TIMEOUT = timedelta(seconds=60)  # a quick look at a file takes a few; a busy machine needs longer
LOOK_LOST_AFTER = timedelta(seconds=75)
UNDO_TIME = timedelta(seconds=15)  # so long a person may take back that a job was deleted
# How long files stay after the end of their job; 0 keeps them.
_days = env.int("RETENTION_DAYS", 0)
RETENTION_DAYS = {
    "video": env.int("RETENTION_DAYS_VIDEO", _days),
    "image": env.int("RETENTION_DAYS_IMAGE", _days),
    "audio": env.int("RETENTION_DAYS_AUDIO", _days),
    "output": env.int("RETENTION_DAYS_OUTPUT", _days),
}
if min(RETENTION_DAYS.values()) < 0:
    raise ImproperlyConfigured(f"RETENTION_DAYS must not be negative: {RETENTION_DAYS}.")
# `host:port` of stores of one's own that a worker's `output_url` may point to, http and private included.
OUTPUT_URL_ALLOWED_HOSTS = env.list("OUTPUT_URL_ALLOWED_HOSTS", default=[])

# --- Compute
RUNPOD_API_KEY = env.str("RUNPOD_API_KEY", "")
RUNPOD_ENDPOINT_ID = env.str("RUNPOD_ENDPOINT_ID", "")
RUNPOD_API_BASE = env.str("RUNPOD_API_BASE", "https://api.runpod.ai/v2").rstrip("/")
COMPUTE_PROVIDER = env.str(
    "COMPUTE_PROVIDER",
    "runpod_bridge.runpod.RunpodProvider"
    if RUNPOD_API_KEY and RUNPOD_ENDPOINT_ID
    else "runpod_bridge.pool.PoolProvider",
)
LOCAL_WORKER = env.bool("LOCAL_WORKER", True)  # whether `make run` starts a worker on this machine
MAX_ATTEMPTS = env.int("MAX_ATTEMPTS", 4)  # by itself; a person may always retry
# Before its second try, its third, and so on; the last one counts for all that follow.
RETRY_PAUSES = [timedelta(seconds=s) for s in env.list("RETRY_PAUSES_SECONDS", int, [10, 60, 300])]
CLAIM_GRACE = timedelta(seconds=env.int("CLAIM_GRACE_SECONDS", 600))
LEASE = timedelta(seconds=env.int("LEASE_SECONDS", 30))  # a pool worker pings every few seconds
TAKE_HOLD = timedelta(seconds=10)
# How long a worker may compute, and a job wait for one: Runpod's `executionTimeout`, and with it its `ttl`.
SECONDS_PER_CLIP_SECOND = env.int("SECONDS_PER_CLIP_SECOND", 60)
EXECUTION_TIMEOUT_MIN = timedelta(seconds=env.int("EXECUTION_TIMEOUT_MIN_SECONDS", 600))
EXECUTION_TIMEOUT_MAX = timedelta(days=7)  # Runpod takes no more.
QUEUE_TIME = timedelta(seconds=env.int("QUEUE_TIME_SECONDS", 6 * 3600))
CANCEL_TIME = timedelta(hours=1)  # for so long a provider that does not answer is told again to stop

# --- Queue: the broker is the job's own database, so that a queue row commits with its job.
SWEEP_EVERY = timedelta(seconds=10)
POLL_EVERY = timedelta(seconds=10)
# Together with a sweep less than a minute, so that whoever dies at a job, it goes on within one.
DISPATCH_LOST_AFTER = timedelta(seconds=20)
QUEUE_HISTORY = timedelta(days=7)  # how long finished queue rows stay
COLLECT_LEASE = timedelta(seconds=15)  # renewed every few seconds by whoever fetches a result
COLLECT_TIME = timedelta(hours=24)  # A result that nobody took in for so long is given up,
MAX_COLLECTS = 5  # and one at which the process died as often.
Q_CLUSTER = {
    "name": "dispatch",
    "orm": "default",
    "workers": 2,
    "queue_limit": 2,
    "bulk": 1,
    "poll": 0.2,
    "timeout": 90,
    "retry": 600,  # longer than a full prefetch of the slowest tasks: else they run twice
    "max_attempts": 5,
    "catch_up": False,
    "scheduler": False,
    "save_limit": 200,
    "recycle": 200,
    "ALT_CLUSTERS": {
        # Fetching and proving a result may take long; dispatch must not wait behind it, nor behind looks at
        # files. Two, so that a look need not wait behind a result either.
        "outputs": {"workers": 2, "timeout": 3600, "retry": 14400, "max_attempts": 3},
    },
}

# --- Who may come in
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "jobs:list"
LOGOUT_REDIRECT_URL = "login"
OPEN_LOCAL_MODE = env.bool("OPEN_LOCAL_MODE", False)
CORS_ALLOWED_ORIGINS = env.list("CORS_ALLOWED_ORIGINS", default=[])
CORS_URLS_REGEX = r"^/v1/"
CORS_ALLOW_HEADERS = [*default_headers, "idempotency-key"]
CORS_EXPOSE_HEADERS = ["Location", "X-Request-ID", "Idempotency-Replayed", "Retry-After"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]

# --- What a browser may do with our pages
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF, NONCE],
        "style-src": [SELF, NONCE],
        "img-src": [SELF, "data:", "blob:"],
        "media-src": [SELF, "blob:"],
        "connect-src": [SELF],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
        "form-action": [SELF],
        "object-src": [NONE],
    }
}
# Not "no-referrer": with that a browser sends `Origin: null` with a form, and the CSRF check refuses it.
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
if BEHIND_TLS_PROXY:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = True
    SECURE_SSL_REDIRECT = True
    SECURE_HSTS_SECONDS = env.int("SECURE_HSTS_SECONDS", 3600)
    # Whether all subdomains have TLS, and whether browsers learn it for good: the domain's owner knows.
    SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]
    # Workers on the same machine call over plain http.
    SECURE_REDIRECT_EXEMPT = [r"^runpod/", r"^v1/assets/", r"^v1/runpod/", r"^healthz$", r"^readyz$"]

# --- E-mail: none is sent unless a server is named, such as smtp+tls://name:password@mail.example:587
CAN_MAIL = bool(env.str("EMAIL_URL", ""))
vars().update(env.email_url("EMAIL_URL", default="dummymail://"))
DEFAULT_FROM_EMAIL = env.str("EMAIL_FROM", "TrueFaceSwapVideo <noreply@localhost>")
EMAIL_TIMEOUT = 20  # seconds
SITE_URL = env.str("SITE_URL", PUBLIC_BASE_URL).rstrip("/")  # where the links in e-mails lead

# --- Language and time: the pages' texts are in locale/; what programs read stays English
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("de", "Deutsch")]
LOCALE_PATHS = [BASE_DIR / "locale"]
LANGUAGE_COOKIE_AGE = 365 * 24 * 3600
LANGUAGE_COOKIE_SAMESITE = "Lax"
USE_TZ = True
TIME_ZONE = "UTC"

# --- Logs: `json` has the request, the job and the attempt in every line
LOG_FORMAT = env.str("LOG_FORMAT", "text")
if LOG_FORMAT not in ("text", "json"):
    raise ImproperlyConfigured(f"LOG_FORMAT is {LOG_FORMAT!r}; it must be text or json.")
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "text": {
            "()": "faceswap_site.logs.TextFormatter",
            "format": "{asctime} {levelname} {name}: {message}",
            "style": "{",
        },
        "json": {"()": "faceswap_site.logs.JsonFormatter"},
    },
    "filters": {"subject": {"()": "jobs.trace.SubjectFilter"}},
    "handlers": {
        "console": {"class": "logging.StreamHandler", "formatter": LOG_FORMAT, "filters": ["subject"]}
    },
    "root": {"handlers": ["console"], "level": env.str("LOG_LEVEL", "INFO")},
    # INFO names the processes of the queue, and every task that they begin.
    "loggers": {"django-q": {"level": env.str("QUEUE_LOG_LEVEL", "WARNING")}},
}

if not RETRY_PAUSES:
    raise ImproperlyConfigured("RETRY_PAUSES_SECONDS is empty; it needs at least one number.")
if PUBLIC_BASE_URL and not PUBLIC_HOST:
    raise ImproperlyConfigured(f"PUBLIC_BASE_URL is {PUBLIC_BASE_URL!r}, which names no host.")
