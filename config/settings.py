"""Settings: one file, read from the environment; production refuses what only a demo may have.

`BOWEI_PRODUCTION=1` asks for every secret and for outside servers; without it the defaults suit a
demo and the tests.
"""

import hashlib
import os
from pathlib import Path

import environ
from csp.constants import NONCE, NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from django.utils.functional import SimpleLazyObject
from django.utils.module_loading import import_string
from django.utils.translation import gettext_lazy as _

from accounts import sms
from core import environment, sizes
from payments import invoices, providers

SAID = environment.with_files(os.environ)  # BOWEI_SECRET_KEY_FILE=/run/secrets/… and the like
env = environ.Env()
env.ENVIRON = SAID
BASE_DIR = Path(__file__).resolve().parent.parent
PRODUCTION = env.bool("BOWEI_PRODUCTION", False)
DEBUG = False
TESTING = env.bool("BOWEI_TESTING", False)
DATA_DIR = Path(env.str("BOWEI_DATA", str(BASE_DIR / ".bowei")))


# What a demo seals with is a constant of this file; core.checks refuses it in production.
DEMO_SECRETS = {
    name: hashlib.sha256(f"bowei demo {name}".encode()).hexdigest()
    for name in ("BOWEI_SECRET_KEY", "BOWEI_PERSONAL_KEY", "BOWEI_TRAIL_KEY")
}


def _secret(name: str) -> str:
    """A secret of the environment; a demo gets a stable one of its own, production none."""
    value = env.str(name, "")
    if value:
        return value
    if PRODUCTION:
        raise ImproperlyConfigured(f"{name} must be set in production.")
    return DEMO_SECRETS[name]


SECRET_KEY = _secret("BOWEI_SECRET_KEY")
PERSONAL_KEY = _secret("BOWEI_PERSONAL_KEY")  # seals phone numbers, keys of devices and lots
# While keys are exchanged: what the former ones signed or sealed counts, several with spaces.
SECRET_KEY_FALLBACKS = env.str("BOWEI_SECRET_KEY_FORMER", "").split()
PERSONAL_KEY_FORMER = env.str("BOWEI_PERSONAL_KEY_FORMER", "").split()
DIGEST_KEY = env.str("BOWEI_DIGEST_KEY", "")  # pinned before the first exchange of the latter
TRAIL_KEY = _secret("BOWEI_TRAIL_KEY")  # signs the audit trail's seals and anchors
TRAIL_FORMER = env.str("BOWEI_TRAIL_FORMER", "").split()  # public keys that signed before it
BOWEI_ANCHORS = env.str("BOWEI_ANCHORS", str(DATA_DIR / "anchors"))  # one a night lies there
ALLOWED_HOSTS = env.list("BOWEI_HOSTS", default=["*"] if not PRODUCTION else [])
CSRF_TRUSTED_ORIGINS = env.list("BOWEI_ORIGINS", default=[])
PUBLIC_URL = env.str("BOWEI_PUBLIC_URL", "http://127.0.0.1:8000").rstrip("/")

# How many proxies of ours stand before it: whose address counts (core.addresses).
BOWEI_PROXIES = env.int("BOWEI_PROXIES", -1 if PRODUCTION else 0)  # -1: nobody has said

# Two clocks (docs/architecture.md): business time may be moved only outside production.
BOWEI_MOVABLE_CLOCK = not PRODUCTION
BOWEI_SANDBOX_PAYMENTS = not PRODUCTION
BOWEI_WIRING = "config.wiring"
BOWEI_DOORS = "config.doors"
BOWEI_ACTS = BASE_DIR / "docs" / "acts.csv"

ROWS = ["accounts", "devices", "payments", "parking", "arrears", "recovery", "monthlycard"]

INSTALLED_APPS = [
    "unfold",
    "unfold.contrib.filters",
    "unfold.contrib.import_export",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "channels",
    "csp",
    "django_filters",
    "django_htmx",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "import_export",
    "rest_framework",
    "config",
    "core",
    *ROWS,
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "core.middleware.Discreet",
    "csp.middleware.CSPMiddleware",
    "core.middleware.DeskPolicy",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "accounts.visits.Used",
    "accounts.entering.Refusals",
    "core.middleware.Limits",
    "core.middleware.Legible",
    "core.middleware.Errors",
    "accounts.proving.Again",
]

ROOT_URLCONF = "config.urls"
ASGI_APPLICATION = "config.asgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "OPTIONS": {
            "loaders": [
                (
                    "django.template.loaders.cached.Loader",
                    ["core.layout.Loader", "django.template.loaders.app_directories.Loader"],
                )
            ],
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
]

# --- the database ------------------------------------------------------------------------------
_database = env.db("DATABASE_URL", default="postgresql://bowei@/bowei?host=/nonexistent")
_database["ENGINE"] = "django.db.backends.postgresql"
_database["CONN_HEALTH_CHECKS"] = True
_database["TEST"] = {"NAME": "test_bowei_" + env.str("BOWEI_TEST_NAME", "main")}
_database.setdefault("OPTIONS", {})
# A pooler in transaction mode gives each transaction another connection: a cursor that outlives
# one is gone. (Prepared statements, the other such thing, are off in Django's psycopg backend.)
_database["DISABLE_SERVER_SIDE_CURSORS"] = True
# What may work on the database at a time in a web process: requests of people and of machines
# (core/lanes.py), and the threads of the devices' sockets (devices/gateway.py).
BOWEI_PLACES = {
    "pages": 8,
    "log_ins": 2,
    "money": 2,
    "machines": 2,
    "device_messages": 2,
    "device_commands": 2,
    "device_log_ins": 2,
    "device_log_outs": 1,
}
if not TESTING:
    # Survives a restart of the server: a dead connection is noticed, waiting ends after 4 s.
    _most = sum(BOWEI_PLACES.values())
    _database["OPTIONS"]["pool"] = {"min_size": 1, "max_size": _most, "timeout": 4}
DATABASES = {"default": _database}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- Valkey: wake-ups, caches, the work queue. Nothing in it is the truth. -----------------------
REDIS_URL = env.str("REDIS_URL", "unix:///nonexistent/valkey.sock?db=0")


def celery_url(url: str) -> str:
    """The same server as Celery spells it: unix:///path?db=1 → redis+socket:///path?virtual_host=1."""
    if url.startswith("unix://"):
        return url.replace("unix://", "redis+socket://", 1).replace("?db=", "?virtual_host=")
    return url


CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "bowei",
    }
}
CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        "CONFIG": {
            "hosts": [{"address": REDIS_URL}],
            "prefix": env.str("BOWEI_TEST_NAME", "bowei"),
        },
    }
}

CELERY_BROKER_URL = env.str("CELERY_BROKER_URL", celery_url(REDIS_URL))
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_IGNORE_RESULT = True
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_ROUTES = {
    "parking.tasks.read_plate": {"queue": "vision"},
    "parking.tasks.read_glance": {"queue": "vision"},
    "parking.tasks.hide_strangers": {"queue": "vision"},
    "*": {"queue": "celery"},
}
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 120,
    "unacked_restore_interval": 2,
    "unacked_restore_throttle": 1,
}
CELERY_TIMEZONE = "Asia/Shanghai"
CELERY_TASK_ALWAYS_EAGER = False
CELERY_WORKER_HIJACK_ROOT_LOGGER = False

# --- people ------------------------------------------------------------------------------------
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["django.contrib.auth.backends.ModelBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "accounts.passwords.OurWords"},
]
# Who may touch money, rights, keys or files shows a second factor, and sets one up at first.
BOWEI_SECOND_FACTOR = env.bool("BOWEI_SECOND_FACTOR", PRODUCTION)
LOGIN_URL = "/login/"
LOGIN_REDIRECT_URL = "/merchant/"
LOGOUT_REDIRECT_URL = "/"
SESSION_ENGINE = "accounts.visits"
SESSION_COOKIE_AGE = 14 * 24 * 3600  # of nobody's; a log-in lasts as accounts.visits says
PASSWORD_RESET_TIMEOUT = 3600
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"

# --- text messages --------------------------------------------------------------------------------
BOWEI_SMS, BOWEI_SMS_ACCOUNT = sms.chosen(SAID, production=PRODUCTION)

# --- payments: a provider is offered where its settings are present ------------------------------
BOWEI_LOCK_LEASE_S = env.int("BOWEI_LOCK_LEASE_S", 1800)  # silent so long, a lock lowers itself
BOWEI_LOWER_WITHIN_S = env.int("BOWEI_LOWER_WITHIN_S", 120)  # then an alarm, and the fee goes back
BOWEI_ORDER_VALID_S = env.int("BOWEI_ORDER_VALID_S", 900)
BOWEI_INVOICES = invoices.NUONUO.read(SAID)  # likewise
BOWEI_PAYMENTS = providers.accounts(SAID)  # by name; docs/money.md tells the variables

# --- arrears --------------------------------------------------------------------------------------
BOWEI_GRACE_H = env.int("BOWEI_GRACE_H", 72)  # from a demand's delivery to an active listing
# A debt to one merchant is told to another's terminals only with the consent of PIPL art. 23.
BOWEI_SHARE_LISTINGS = env.bool("BOWEI_SHARE_LISTINGS", False)

# --- how long is kept what was only needed for a time, in days ------------------------------------
BOWEI_KEEP_EVENTS_DAYS = env.int("BOWEI_KEEP_EVENTS_DAYS", 30)  # domain events, once reacted to
BOWEI_KEEP_TEXTS_DAYS = env.int("BOWEI_KEEP_TEXTS_DAYS", 180)  # what came back of texts
BOWEI_KEEP_MESSAGES_DAYS = env.int("BOWEI_KEEP_MESSAGES_DAYS", 90)  # devices' raw messages
BOWEI_KEEP_NOTIFICATIONS_DAYS = env.int("BOWEI_KEEP_NOTIFICATIONS_DAYS", 3653)  # providers' ones

# --- words, time -------------------------------------------------------------------------------
LANGUAGE_CODE = "zh-hans"
LANGUAGES = [("zh-hans", _("Chinese")), ("en", _("English"))]
LOCALE_PATHS = [BASE_DIR / "core" / "locale"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = "Asia/Shanghai"

# --- files -------------------------------------------------------------------------------------
STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = BASE_DIR / "static_collected" if PRODUCTION else None  # filled by collectstatic
MEDIA_ROOT = Path(env.str("BOWEI_MEDIA", str(DATA_DIR / "media")))
STORAGES = {  # collectstatic packs what browsers take packed
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedStaticFilesStorage"
        if PRODUCTION
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}
BOWEI_PRINT_FONT = env.str("BOWEI_PRINT_FONT", "")  # of printed signs; core/paper.py finds one
WHITENOISE_USE_FINDERS = not PRODUCTION  # a demo and the tests serve files where they lie
DATA_UPLOAD_MAX_MEMORY_SIZE = sizes.PHOTOGRAPH_BYTES  # before that: core.bodies
DATA_UPLOAD_MAX_NUMBER_FIELDS = sizes.FORM_FIELDS
DATA_UPLOAD_MAX_NUMBER_FILES = sizes.FORM_FILES

# --- interfaces --------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["core.authentication.Session"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": [
        "core.inputs.JSONParser",
        "rest_framework.parsers.FormParser",
        "rest_framework.parsers.MultiPartParser",
    ],
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "DEFAULT_PAGINATION_CLASS": "core.api.Pages",
    "PAGE_SIZE": 50,
    "DEFAULT_SCHEMA_CLASS": "core.schema.Operation",
    "EXCEPTION_HANDLER": "core.api.problem_handler",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Bowei",
    "DESCRIPTION": "Roadside parking: berths, payment, arrears, recovery, monthly cards.",
    "VERSION": "1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SCHEMA_PATH_PREFIX": "/api/v1",  # what follows it, the row, groups the page of interfaces
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "OAS_VERSION": "3.1.1",  # whose schemas are JSON Schema: answers can be held against them
    "ENUM_NAME_OVERRIDES": SimpleLazyObject(lambda: import_string("core.schema.state_names")()),
}
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF, NONCE],
        "style-src": [SELF, NONCE],
        "img-src": [SELF, "data:"],
        "connect-src": [SELF],
        "object-src": [NONE],
        "base-uri": [NONE],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    }
}

# --- security ----------------------------------------------------------------------------------
X_FRAME_OPTIONS = "DENY"
SECURE_CONTENT_TYPE_NOSNIFF = True
# No path, which may hold a link's token, is told to anybody, our own logs included; the origin is,
# for without one the protection of forms refuses them.
SECURE_REFERRER_POLICY = "strict-origin"
if PRODUCTION:
    SECURE_SSL_REDIRECT = env.bool("BOWEI_SSL_REDIRECT", True)
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_HSTS_SECONDS = 31_536_000
    SECURE_HSTS_INCLUDE_SUBDOMAINS = True
    SECURE_HSTS_PRELOAD = True
    SESSION_COOKIE_SECURE = True
    CSRF_COOKIE_SECURE = True

PASSWORD_HASHERS = ["core.hashing.Aside"]
if TESTING:
    PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

# --- logs: a JSON object a line (core/logs.py); plates and phones never appear in full -----------
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"()": "core.logs.JsonLines"}},
    "filters": {"strangers": {"()": "core.logs.Strangers"}},
    "handlers": {
        "console": {
            "class": "logging.StreamHandler",
            "formatter": "line",
            "filters": ["strangers"],
        }
    },
    "root": {"handlers": ["console"], "level": env.str("BOWEI_LOG_LEVEL", "INFO")},
    "loggers": {
        "django.request": {"level": "ERROR"},
        "fontTools": {"level": "WARNING"},  # it tells of each letter of a font
        # uvicorn brings handlers of its own; these go, and its words reach ours.
        "uvicorn": {"propagate": True},
        "uvicorn.access": {"level": "WARNING", "propagate": True},
        "uvicorn.error": {"level": "WARNING"},  # it tells of each socket, with its address
    },
}

from config.admin_theme import UNFOLD  # noqa: E402,F401  (the operator's desk looks as the rest)
