"""Settings, all from the environment; `MEDPORTAL_DATA_DIR` alone is enough to find database, broker and secret."""

from __future__ import annotations

import secrets
from pathlib import Path

import environ

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
        try:
            # Linking fails when another process was first: then its secret is the one.
            path.hardlink_to(candidate)
        except FileExistsError:
            pass
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
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
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
        return url
    if BROKER_URL_FILE.exists():
        return BROKER_URL_FILE.read_text().strip()
    return "redis://127.0.0.1:6379/0"


REDIS_URL = _broker_url()
USE_TZ = True
TIME_ZONE = "UTC"
