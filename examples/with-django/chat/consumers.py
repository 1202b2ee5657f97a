import asyncio
import json

from channels.exceptions import ChannelFull
from channels.generic.websocket import AsyncWebsocketConsumer


class OpenAIConsumer(AsyncWebsocketConsumer):
    """The tutorial's."""

    async def connect(self):
        await self.accept()

    async def disconnect(self, close_code):
        pass

    async def receive(self, text_data):
        text_data_json = json.loads(text_data)
        message = text_data_json["message"]

        if message == "start":
            for i in range(10):
                await self.send(text_data=json.dumps({"message": f"Number {i}"}))
                await asyncio.sleep(0.5)


class RoomConsumer(AsyncWebsocketConsumer):
    """Daphne's half of the room; room-consumer.ts is Millrace's. Each has a method for every type."""

    groups = ["room"]

    async def connect(self):
        await self.accept()
        await self.tell(welcome="Django", channel=self.channel_name)

    async def receive(self, text_data=None, bytes_data=None):
        if bytes_data is not None:
            await self.to_room("room.picture", by="Django", picture=bytes_data)
            return
        frame = json.loads(text_data)
        if frame.get("who"):
            await self.to_room("room.who", reply_to=self.channel_name)
        else:
            await self.to_room("room.message", by="Django", message=str(frame["message"]))

    async def room_message(self, event):
        await self.tell(by=event["by"], message=event["message"])

    async def room_picture(self, event):
        await self.tell(by=event["by"], picture=len(event["picture"]))
        await self.send(bytes_data=event["picture"])

    async def room_who(self, event):
        """Answers the one who asked, whose channel may be in another process and another language."""
        try:
            await self.channel_layer.send(event["reply_to"], {"type": "room.here", "server": "Django"})
        except ChannelFull:
            pass  # Too many answered at once; an exception would end this connection instead.

    async def room_here(self, event):
        await self.tell(here=event["server"])

    async def to_room(self, type, **event):
        await self.channel_layer.group_send("room", {"type": type, **event})

    async def tell(self, **frame):
        await self.send(text_data=json.dumps(frame))
