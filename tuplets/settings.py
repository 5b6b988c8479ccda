"""Every environment variable, read once, in the order an operator meets them.

What customers are promised (prices, limits, retention) is a constant in a data module, not a setting:
see README, "Where a rule lives".
"""

import logging
import os
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import environ
import structlog

from tuplets.stack.layout import Layout

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()

# --- Where data lives, and the address customers see -----------------------------------------------------------------
LAYOUT = Layout.from_env()  # TUPLETS_DATA_DIR, default var/
LAYOUT.prepare()
PORT = env.int("PORT", 8000)
# Every URL in an answer starts with this; never taken from a request's Host header.
PUBLIC_URL = env.str("PUBLIC_URL", f"http://127.0.0.1:{PORT}").rstrip("/")
ALLOWED_HOSTS = [
    *env.list("ALLOWED_HOSTS", default=[]),
    urlsplit(PUBLIC_URL).hostname,
    "127.0.0.1",
    "localhost",
    "[::1]",
]
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]
DEBUG = env.bool("DEBUG", False)

# --- Secrets: made once under the data folder when the environment gives none -----------------------------------------
SECRET_KEY = env.str("SECRET_KEY", "") or LAYOUT.secret_key()
SECRET_KEY_FALLBACKS = env.list("SECRET_KEY_FALLBACKS", default=[])

# --- Database and queue: the embedded ones unless the environment names others ----------------------------------------
DATABASES = {"default": env.db_url("DATABASE_URL", default=LAYOUT.database_url())}
DATABASES["default"] |= {"CONN_MAX_AGE": 600, "CONN_HEALTH_CHECKS": True, "ATOMIC_REQUESTS": False}
REDIS_URL = env.str("REDIS_URL", default=LAYOUT.redis_url())
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "OPTIONS": {"socket_timeout": 2, "socket_connect_timeout": 2},
        "KEY_PREFIX": "tuplets",
    }
}

# --- Engines ----------------------------------------------------------------------------------------------------------
ENGINE_PROFILE = env.str("TUPLETS_ENGINE_PROFILE", "embedded")  # embedded | gpu: jobs/engines/profiles.py
MODELS_DIR = Path(env.str("TUPLETS_MODELS_DIR", str(LAYOUT.models)))
CPU_THREADS = env.int("TUPLETS_CPU_THREADS", os.cpu_count() or 1)
WHISPER_MODEL_DIR = env.str("TUPLETS_WHISPER_MODEL_DIR", "")  # an operator's own CTranslate2 Whisper folder
# off: never fetched, analytics does without the language model (read by `python -m tuplets.stack weights` too)
ANALYST_WEIGHTS = env.str("TUPLETS_ANALYST_WEIGHTS", "packaged")
DIARIZER_DIR = env.str("TUPLETS_DIARIZER_DIR", "")  # an operator's own community-1 folder; "" = the carried weights
DEVICE = env.str("TUPLETS_DEVICE", "")  # "" = the profile's own; cpu or cuda
# The gpu profile's premium tier: two vLLM servers, deploy/gpu/README.md; "" = no premium tier, no word times.
QWEN_ASR_URL = env.str("TUPLETS_QWEN_ASR_URL", "")
QWEN_ALIGNER_URL = env.str("TUPLETS_QWEN_ALIGNER_URL", "")
QWEN_API_KEY = env.str("TUPLETS_QWEN_API_KEY", "")  # what both were given as --api-key
# Analytics: an OpenAI-compatible server of the operator's own, such as vLLM; "" = the packaged model.
ANALYST_URL = env.str("TUPLETS_ANALYST_URL", "")  # ends in /v1
ANALYST_KEY = env.str("TUPLETS_ANALYST_KEY", "")
ANALYST_MODEL = env.str("TUPLETS_ANALYST_MODEL", "")  # the model's name there; "" = the first that it serves
ANALYST_CONTEXT_TOKENS = env.int("TUPLETS_ANALYST_CONTEXT_TOKENS", 32_768)  # prompt and answer together
ANALYST_PARALLEL = env.int("TUPLETS_ANALYST_PARALLEL", 8)  # questions of one job side by side

# --- Files ------------------------------------------------------------------------------------------------------------
STORAGES = {
    "default": {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {
            "location": str(LAYOUT.storage),
            "file_permissions_mode": 0o600,
            "directory_permissions_mode": 0o700,
        },
    },
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedStaticFilesStorage"},
}
FILE_UPLOAD_TEMP_DIR = str(LAYOUT.uploads)  # the storage's disk, so that keeping an upload is a rename
FILE_UPLOAD_HANDLERS = ["django.core.files.uploadhandler.TemporaryFileUploadHandler"]
STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_USE_FINDERS = True  # served from the packages: no collectstatic step

# --- Payments ---------------------------------------------------------------------------------------------------------
STRIPE_SECRET_KEY = env.str("STRIPE_SECRET_KEY", "")  # "" = top-ups by card are off; staff can grant credit
# Of the endpoint PUBLIC_URL/billing/stripe/webhook, as Stripe shows it ("whsec_…"); without it no event is believed.
STRIPE_WEBHOOK_SECRET = env.str("STRIPE_WEBHOOK_SECRET", "")
STRIPE_API_BASE = env.str("STRIPE_API_BASE", "")  # "" = Stripe's own; tests point it at a fake

# --- E-mail -----------------------------------------------------------------------------------------------------------
# smtp+tls://user:password@host:587, smtp+ssl://…; without one, messages become files in the data folder
globals().update(env.email_url("EMAIL_URL", default="filemail://"))
EMAIL_FILE_PATH = str(LAYOUT.data_dir / "mail")
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", f"Tuplets <no-reply@{urlsplit(PUBLIC_URL).hostname}>")

# --- Nothing below reads the environment ------------------------------------------------------------------------------
INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "rest_framework",
    "accounts",
    "analytics",
    "billing",
    "jobs",
]
MIDDLEWARE = [
    "tuplets.http.RequestIdMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "tuplets.urls"
WSGI_APPLICATION = "tuplets.wsgi.application"
APPEND_SLASH = False  # no redirect on an API route
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
            ]
        },
    }
]
AUTH_USER_MODEL = "accounts.User"
LOGIN_URL = "/login"
LOGIN_REDIRECT_URL = "/dashboard/billing"
LOGOUT_REDIRECT_URL = "/login"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = False

SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = PUBLIC_URL.startswith("https://")
X_FRAME_OPTIONS = "DENY"
DATA_UPLOAD_MAX_MEMORY_SIZE = 2**20  # form fields and JSON bodies; files are streamed to disk and have their own limit
DATA_UPLOAD_MAX_NUMBER_FIELDS = 100
DATA_UPLOAD_MAX_NUMBER_FILES = 4

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "accounts.api.authentication.ApiKeyAuthentication",
        "accounts.api.authentication.SessionCookieAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["accounts.api.permissions.VerifiedAccount"],
    "DEFAULT_RENDERER_CLASSES": ["tuplets.http.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": [
        "tuplets.http.JSONParser",
        "tuplets.http.FormParser",
        "rest_framework.parsers.MultiPartParser",
    ],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "tuplets.http.OnlyJSON",
    "EXCEPTION_HANDLER": "tuplets.http.exception_handler",
    "URL_FORMAT_OVERRIDE": None,
}

# One JSON object a line, with the request's or job's id bound by structlog.contextvars. No secret, no transcript text.
_SHARED_PROCESSORS: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.format_exc_info,
]
structlog.configure(
    processors=[*_SHARED_PROCESSORS, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
    logger_factory=structlog.stdlib.LoggerFactory(),
    cache_logger_on_first_use=True,
)
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "json": {
            "()": structlog.stdlib.ProcessorFormatter,
            "foreign_pre_chain": _SHARED_PROCESSORS,
            "processors": [
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(),
            ],
        }
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "json"}},
    "root": {"handlers": ["console"], "level": logging.getLevelName(env.str("LOG_LEVEL", "INFO").upper())},
    "loggers": {
        "django": {"level": "INFO"},
        "django.request": {"level": "ERROR"},  # 4xx are answers, not events
        "django.security": {"level": "CRITICAL"},  # so are wrong Host headers
        "dramatiq": {"level": "WARNING"},
        "apscheduler": {"level": "WARNING"},
        "faster_whisper": {"level": "WARNING"},
        "httpx": {"level": "WARNING"},  # a line for each request
        "stripe": {"level": "WARNING"},  # as httpx
    },
}
