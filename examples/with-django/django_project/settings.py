import os
from pathlib import Path

from django.core.management.utils import get_random_secret_key

BASE_DIR = Path(__file__).resolve().parent.parent

# No sessions and no passwords here, so a key for each process will do.
SECRET_KEY = os.environ.get("DJANGO_SECRET_KEY") or get_random_secret_key()
ALLOWED_HOSTS = ["localhost", "127.0.0.1"]

INSTALLED_APPS = ["channels", "chat"]
ROOT_URLCONF = "django_project.urls"
ASGI_APPLICATION = "django_project.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        # room.html lies beside manage.py, where app.ts serves it from, too.
        "DIRS": [BASE_DIR],
        "APP_DIRS": True,
    }
]

# What app.ts has as redisChannels({ url, encryptionKeys }): the same Redis, the same secrets.
CHANNEL_SECRET = os.environ.get("CHANNEL_SECRET")
CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels_redis.core.RedisChannelLayer",
        "CONFIG": {
            "hosts": [os.environ.get("REDIS_URL", "redis://localhost:6379")],
            "symmetric_encryption_keys": [CHANNEL_SECRET] if CHANNEL_SECRET else None,
        },
    }
}
