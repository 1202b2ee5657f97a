"""A channels_redis layer that does what it is told: JSON lines in, JSON lines out.

A request is {"id": n, "do": name, ...}; its answer {"id": n, "result": ...} or {"id": n, "error": text}.
What JSON cannot carry travels as {"$": kind, "of": text}: bytes in base64, integers and floats in Python's
own notation, so that both sides can tell an integer from a float; maps with keys that are no text as a
list of pairs.
"""

import asyncio
import base64
import json
import sys
import time

from channels_redis.core import RedisChannelLayer


def to_json(value):
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return value
    if isinstance(value, int):
        return {"$": "int", "of": str(value)}
    if isinstance(value, float):
        return {"$": "float", "of": repr(value)}
    if isinstance(value, bytes):
        return {"$": "bytes", "of": base64.b64encode(value).decode()}
    if isinstance(value, (list, tuple)):
        return [to_json(item) for item in value]
    return {key: to_json(item) for key, item in value.items()}


def from_json(value):
    if isinstance(value, list):
        return [from_json(item) for item in value]
    if not isinstance(value, dict):
        return value
    kind = value.get("$")
    if kind == "int":
        return int(value["of"])
    if kind == "float":
        return float(value["of"])
    if kind == "bytes":
        return base64.b64decode(value["of"])
    if kind == "map":
        return {from_json(key): from_json(item) for key, item in value["of"]}
    return {key: from_json(item) for key, item in value.items()}


def skew_clock(seconds):
    """Sets the clock that this process tells the time by."""
    right = time.time
    if seconds:
        time.time = lambda: right() + seconds


class Peer:
    def __init__(self, layer):
        self.layer = layer

    async def new_channel(self, prefix="specific"):
        return await self.layer.new_channel(prefix)

    async def send(self, channel, message):
        await self.layer.send(channel, from_json(message))

    async def send_numbers(self, channel, count):
        for n in range(count):
            await self.layer.send(channel, {"type": "test", "n": n})

    async def receive(self, channel):
        return to_json(await self.layer.receive(channel))

    async def receive_numbers(self, channel, count):
        return [(await self.layer.receive(channel))["n"] for _ in range(count)]

    async def group_add(self, group, channel):
        await self.layer.group_add(group, channel)

    async def group_discard(self, group, channel):
        await self.layer.group_discard(group, channel)

    async def group_send(self, group, message):
        await self.layer.group_send(group, from_json(message))

    async def group_send_numbers(self, group, count):
        for n in range(count):
            await self.layer.group_send(group, {"type": "test", "n": n})

    async def group_send_all(self, group, messages):
        for message in messages:
            await self.layer.group_send(group, from_json(message))

    async def flush(self):
        await self.layer.flush()


async def main(make_layer):
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    settings = json.loads(await reader.readline())
    skew_clock(settings.pop("clock_skew", 0))
    peer = Peer(make_layer(settings))
    running = set()

    async def answer(request):
        id = request.pop("id")
        try:
            reply = {"id": id, "result": await getattr(peer, request.pop("do"))(**request)}
        except Exception as error:
            reply = {"id": id, "error": f"{type(error).__name__}: {error}"}
        print(json.dumps(reply), flush=True)

    while line := await reader.readline():
        task = asyncio.create_task(answer(json.loads(line)))
        running.add(task)
        task.add_done_callback(running.discard)
    for task in list(running):
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)
    await peer.layer.close_pools()


if __name__ == "__main__":
    asyncio.run(main(lambda settings: RedisChannelLayer(**settings)))
