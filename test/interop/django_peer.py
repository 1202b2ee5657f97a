"""channels_peer.py with the channel layer of the Django project that DJANGO_SETTINGS_MODULE names."""

import asyncio

import channels_peer
import django
from channels.layers import get_channel_layer

django.setup()
asyncio.run(channels_peer.main(lambda settings: get_channel_layer()))
