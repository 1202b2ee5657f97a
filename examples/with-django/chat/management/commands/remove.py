from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.core.management.base import BaseCommand


class Command(BaseCommand):
    help = "Takes a connection out of the room, whichever server it is on."

    def add_arguments(self, parser):
        parser.add_argument("channel")

    def handle(self, channel, **options):
        async_to_sync(remove_from_group)(get_channel_layer(), "room", channel)


async def remove_from_group(layer, group, channel):
    """
    For a channel of Daphne the first call is enough, and for one of Millrace too while its group is not very
    large. The second one, to the process of the channel, works whatever the size; Daphne passes over it.
    """
    await layer.group_discard(group, channel)
    process, mark, _ = channel.partition("!")
    if mark:
        await layer.send(process + mark, {"type": "group.discard", "group": group, "channel": channel})
