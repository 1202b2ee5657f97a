from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.core.management.base import BaseCommand


class Command(BaseCommand):
    help = "Says something in the room, from a process of its own."

    def add_arguments(self, parser):
        parser.add_argument("message")

    def handle(self, message, **options):
        event = {"type": "room.message", "by": "manage.py", "message": message}
        async_to_sync(get_channel_layer().group_send)("room", event)
