"""Settings, all from the environment; `MEDPORTAL_DATA_DIR` alone is enough to find database, broker and secret."""

from __future__ import annotations

import contextlib
import secrets
import sys
from pathlib import Path

import environ
import structlog
from django.core.exceptions import ImproperlyConfigured

env = environ.Env()
BASE_DIR = Path(__file__).resolve().parents[2]

# Where everything that must be kept lies.
DATA_DIR = Path(env("MEDPORTAL_DATA_DIR", default=str(BASE_DIR / "var"))).resolve()
MODEL_ZOO_DIR = Path(
    env(
        "MEDPORTAL_MODEL_ZOO",
        default=str(DATA_DIR / "model_zoo" if "MEDPORTAL_DATA_DIR" in env.ENVIRON else BASE_DIR / "model_zoo"),
    )
).resolve()
SHIPPED_ZOO_DIR = BASE_DIR / "model_zoo"


def _secret_from_file(name: str) -> str:
    """Read a secret of this data directory, making it on first use (0600)."""
    path = DATA_DIR / "secrets" / name
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        candidate = path.with_suffix(f".{secrets.token_hex(4)}")
        candidate.touch(mode=0o600)
        candidate.write_text(secrets.token_urlsafe(48))
        # Linking fails when another process was first: then its secret is the one.
        with contextlib.suppress(FileExistsError):
            path.hardlink_to(candidate)
        candidate.unlink()
    return path.read_text().strip()


DEBUG = env.bool("MEDPORTAL_DEBUG", default=False)
SECRET_KEY = env("MEDPORTAL_SECRET_KEY", default="") or _secret_from_file("django")
ALLOWED_HOSTS = env.list("MEDPORTAL_ALLOWED_HOSTS", default=["127.0.0.1", "localhost", "[::1]"])
CSRF_TRUSTED_ORIGINS = env.list("MEDPORTAL_TRUSTED_ORIGINS", default=[])

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "channels",
    "csp",
    "medportal.messaging",
    "medportal.audit",
    "medportal.accounts",
    "medportal.jobs",
    "medportal.archive",
    "medportal.annotations",
    "medportal.cohorts",
    "medportal.zoo",
    "medportal.analysis",
    "medportal.training",
    "medportal.config",
]

MIDDLEWARE = [
    "medportal.config.problems.ProblemMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "medportal.config.static.StaticFilesMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "medportal.config.urls"
ASGI_APPLICATION = "medportal.config.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

DATABASES = {"default": env.db_url("DATABASE_URL", default=f"sqlite:///{DATA_DIR / 'medportal.sqlite3'}")}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    DATABASES["default"]["OPTIONS"] = {
        # IMMEDIATE takes the write lock at BEGIN: without it two readers that both turn writers deadlock at once.
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        # FULL: what has been acknowledged survives a power cut.
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA busy_timeout=20000;",
    }
else:
    DATABASES["default"]["CONN_MAX_AGE"] = 60
    DATABASES["default"]["CONN_HEALTH_CHECKS"] = True

DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_USER_MODEL = "accounts.User"

# The supervisor writes the address of the bundled Valkey here; `REDIS_URL` goes before it.
BROKER_URL_FILE = DATA_DIR / "run" / "broker.url"


def _broker_url() -> str:
    """Find the broker: `REDIS_URL`, else what the supervisor wrote, else Redis' usual port."""
    if url := env("REDIS_URL", default=""):
        return str(url)
    if BROKER_URL_FILE.exists():
        return BROKER_URL_FILE.read_text().strip()
    return "redis://127.0.0.1:6379/0"


REDIS_URL = _broker_url()
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("zh-hans", "简体中文")]

FRONTEND_DIST = BASE_DIR / "frontend" / "dist"
STATIC_URL = "/static/"
STATICFILES_DIRS = [FRONTEND_DIST] if FRONTEND_DIST.is_dir() else []
# Files are served from where they lie: nothing has to be collected, and Vite's names carry a hash.
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = False
WHITENOISE_ALLOW_ALL_ORIGINS = False
WHITENOISE_IMMUTABLE_FILE_TEST = r"^/static/assets/.+-[\w-]{8,}\.\w+$"

if len(SECRET_KEY) < 40 and not DEBUG:
    raise ImproperlyConfigured("MEDPORTAL_SECRET_KEY is shorter than 40 characters.")

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]

# Cookies are Secure wherever the site is reached by TLS, which the deployment says.
IS_BEHIND_TLS = env.bool("MEDPORTAL_TLS", default=False)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = IS_BEHIND_TLS
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = env.int("MEDPORTAL_SESSION_AGE_S", default=12 * 3600)
CSRF_FAILURE_VIEW = "medportal.config.problems.csrf_failure"
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if IS_BEHIND_TLS else None
SECURE_HSTS_SECONDS = 31_536_000 if IS_BEHIND_TLS else 0
# Whether other names below ours take TLS (W005), whether browsers shall preload that (W021), is for the names' owner to
# say; who comes without TLS is sent on by the proxy that ends it (W008), which must reach us without.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W008", "security.W021"]
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'self'"],
        # Codecs are WebAssembly.
        "script-src": ["'self'", "'wasm-unsafe-eval'"],
        "worker-src": ["'self'", "blob:"],
        # Mantine and Cornerstone set styles on elements.
        "style-src": ["'self'", "'unsafe-inline'"],
        "img-src": ["'self'", "blob:", "data:"],
        "connect-src": ["'self'"],
        "object-src": ["'none'"],
        "base-uri": ["'none'"],
        "form-action": ["'self'"],
        "frame-ancestors": ["'none'"],
    }
}

# One DICOM object at most; larger ones are refused before they are read.
MAX_OBJECT_BYTES = env.int("MEDPORTAL_MAX_OBJECT_MB", default=2048) * 1024 * 1024
# One data set that is uploaded as a ZIP or NPZ; it may unpack to four times as much.
MAX_DATASET_BYTES = env.int("MEDPORTAL_MAX_DATASET_MB", default=4096) * 1024 * 1024
# JSON bodies; uploads are streamed and do not count.
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 200
FILE_UPLOAD_TEMP_DIR = None

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        # The first one makes a refusal a 401.
        "medportal.accounts.authentication.BearerAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_PAGINATION_CLASS": "rest_framework.pagination.PageNumberPagination",
    "PAGE_SIZE": 50,
    "EXCEPTION_HANDLER": "medportal.config.problems.drf_exception_handler",
    "UNICODE_JSON": True,
    "STRICT_JSON": True,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "medportal",
    "DESCRIPTION": "Studies, models and their results. Errors are application/problem+json.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.IsAuthenticated"],
    "SERVE_AUTHENTICATION": [
        "medportal.accounts.authentication.BearerAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "COMPONENT_SPLIT_REQUEST": True,
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "medportal.config.schema.add_events",
    ],
    "ENUM_NAME_OVERRIDES": {
        "JobStateEnum": "medportal.jobs.models.State",
        "RoleEnum": "medportal.accounts.models.Role",
        "StageEnum": "medportal.zoo.models.Stage",
        "AiStatusEnum": "medportal.archive.models.AiStatus",
        "KindEnum": "medportal.cohorts.models.Kind",
        "MarkKindEnum": "medportal.annotations.marks.kinds.NAMES",
    },
}

# Trainings of a machine that run together: each takes all its cores, or its GPU's memory, and two in turn end no later
# than two at once.
TRAININGS_AT_ONCE = max(1, env.int("MEDPORTAL_TRAININGS_AT_ONCE", default=1))
# A training child's threads (0: as many as there are cores) and the longest that one attempt may take.
TRAINING_THREADS = env.int("MEDPORTAL_TRAINING_THREADS", default=0)
TRAINING_TIME_LIMIT_S = env.int("MEDPORTAL_TRAINING_TIME_LIMIT_S", default=24 * 3600)
# Decoded volumes that the inference worker keeps between jobs.
RESIDENT_VOLUMES_BYTES = env.int("MEDPORTAL_RESIDENT_VOLUMES_MB", default=1024) * 1024 * 1024
# Similar cases are looked for by PostgreSQL's extension, not in the web processes' memory.
USE_PGVECTOR = env.bool("MEDPORTAL_PGVECTOR", default=False)

structlog.configure(
    processors=[
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        structlog.processors.JSONRenderer(),
    ],
    logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
)
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "loggers": {
        # Faults are logged in problems.py, without addresses, which name studies; refusals are not news.
        "django.request": {"level": "CRITICAL"},
    },
    "root": {"handlers": ["stderr"], "level": env("MEDPORTAL_LOG_LEVEL", default="WARNING")},
}
