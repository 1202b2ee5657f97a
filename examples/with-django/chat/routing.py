from django.urls import re_path

from . import consumers

websocket_urlpatterns = [
    re_path(r"ws/openai/$", consumers.OpenAIConsumer.as_asgi()),
    re_path(r"ws/room/$", consumers.RoomConsumer.as_asgi()),
]
