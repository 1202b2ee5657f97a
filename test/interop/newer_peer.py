"""A peer with either layer of channels_redis, and with what version 4.2.1 added to them.

Its settings are those of the layer, and "layer": "core" or "pubsub". Where the installed version knows
neither serializer_format nor, in pub/sub, symmetric_encryption_keys, this does what later versions do, by
the hooks that older ones have for it: Python's own json and cryptography write and read the messages.
"""

import asyncio
import base64
import hashlib
import json
import os

import msgpack
from channels_redis.core import RedisChannelLayer
from channels_redis.pubsub import RedisPubSubChannelLayer
from cryptography.fernet import Fernet, MultiFernet

from channels_peer import main

try:
    from channels_redis import serializers
except ImportError:
    serializers = None


def fernet(keys):
    digests = [hashlib.sha256(key.encode()).digest() for key in keys]
    return MultiFernet([Fernet(base64.urlsafe_b64encode(digest)) for digest in digests])


class Written:
    """How messages are written, for a version that cannot be told."""

    def write_as(self, serializer_format, keys, prefix_length):
        self.is_json = serializer_format == "json"
        self.tokens = fernet(keys) if keys else None
        self.prefix_length = prefix_length

    def serialize(self, message):
        packed = json.dumps(message).encode() if self.is_json else msgpack.packb(message)
        return os.urandom(self.prefix_length) + (self.tokens.encrypt(packed) if self.tokens else packed)

    def deserialize(self, message):
        message = message[self.prefix_length :]
        packed = self.tokens.decrypt(message) if self.tokens else message
        return json.loads(packed) if self.is_json else msgpack.unpackb(packed)


class OlderCore(Written, RedisChannelLayer):
    def __init__(self, serializer_format="msgpack", random_prefix_length=12, **settings):
        super().__init__(**settings)
        self.write_as(serializer_format, settings.get("symmetric_encryption_keys"), random_prefix_length)


class OlderPubSub(Written, RedisPubSubChannelLayer):
    def __init__(self, serializer_format="msgpack", symmetric_encryption_keys=None, **settings):
        super().__init__(**settings)
        self.write_as(serializer_format, symmetric_encryption_keys, 0)


def make_layer(settings):
    is_core = settings.pop("layer") == "core"
    if serializers:
        made = (RedisChannelLayer if is_core else RedisPubSubChannelLayer)(**settings)
    else:
        made = (OlderCore if is_core else OlderPubSub)(**settings)
    if not is_core:
        # What it does at the end of an event loop.
        made.close_pools = made.flush
    return made


if __name__ == "__main__":
    asyncio.run(main(make_layer))
