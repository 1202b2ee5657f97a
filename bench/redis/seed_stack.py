"""The seed's stack, as small as it gets: a consumer behind Daphne that sends what its group is told.

MILLRACE_BENCH_REDIS is the URL of the Redis. Ends when its standard input does, so that it outlives nobody.
"""

import json
import os
import sys
import threading

import django
from django.conf import settings

settings.configure(
    SECRET_KEY="bench",
    ALLOWED_HOSTS=["*"],
    INSTALLED_APPS=["channels"],
    CHANNEL_LAYERS={
        "default": {
            "BACKEND": "channels_redis.core.RedisChannelLayer",
            "CONFIG": {"hosts": [os.environ["MILLRACE_BENCH_REDIS"]]},
        }
    },
)
django.setup()

from channels.generic.websocket import AsyncWebsocketConsumer  # noqa: E402
from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402
from django.urls import path  # noqa: E402


class BenchConsumer(AsyncWebsocketConsumer):
    groups = ["bench"]

    async def bench_message(self, event):
        await self.send(text_data=json.dumps({"t": event["t"], "d": event["d"]}))


application = ProtocolTypeRouter({"websocket": URLRouter([path("", BenchConsumer.as_asgi())])})


def end_with_input():
    sys.stdin.read()
    os._exit(0)


threading.Thread(target=end_with_input, daemon=True).start()
