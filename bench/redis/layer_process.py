"""A channels_redis layer that is told what to do by JSON lines and answers by JSON lines.

The same requests as layer-process.ts takes; the first argument is the URL of the Redis.
"""

import asyncio
import json
import sys
import time

from channels_redis.core import RedisChannelLayer

layer = RedisChannelLayer(hosts=[sys.argv[1]], capacity=100_000)


def message(n):
    return {"type": "bench.message", "t": time.monotonic_ns() // 1000, "d": f"token {n % 10000} "}


async def channel():
    return await layer.new_channel()


async def receive(channel, count):
    for _ in range(count):
        await layer.receive(channel)


async def send(channel, count, senders):
    async def some(number):
        for n in range(number, count, senders):
            await layer.send(channel, message(n))

    await asyncio.gather(*(some(number) for number in range(senders)))


async def pace(group, rate, count):
    begun = time.monotonic()
    for n in range(count):
        if rate > 0:
            await asyncio.sleep(max(0, begun + n / rate - time.monotonic()))
        await layer.group_send(group, message(n))


async def main():
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    print(json.dumps({"ready": True}), flush=True)
    while line := await reader.readline():
        request = json.loads(line)
        result = await globals()[request.pop("do")](**request)
        print(json.dumps({"result": result}), flush=True)


asyncio.run(main())
