/**
 * A layer of Millrace on Redis that is told what to do by JSON lines and answers by JSON lines, as
 * layer_process.py does; the first argument is the URL of the Redis.
 */
import { createInterface } from 'node:readline'
import { redisChannels } from '../../src/channels/redis/queues/open.ts'
import type { ChannelMessage } from '../../src/channels/layer.ts'
import { makeRecord } from '../delivery/record.ts'

export type LayerRequest =
  | { readonly do: 'channel' }
  | { readonly do: 'receive'; readonly channel: string; readonly count: number }
  /** So many messages by so many senders, each of which awaits its own. */
  | { readonly do: 'send'; readonly channel: string; readonly count: number; readonly senders: number }
  /** So many messages to a group, so many a second; with 0, all at once. */
  | { readonly do: 'pace'; readonly group: string; readonly rate: number; readonly count: number }

const layer = redisChannels({ url: process.argv[2] ?? '', capacity: 100_000 })

function message(n: number): ChannelMessage {
  return { type: 'bench.message', ...makeRecord(n) }
}

async function perform(request: LayerRequest): Promise<string | undefined> {
  switch (request.do) {
    case 'channel':
      return layer.newChannel()
    case 'receive':
      for (let n = 0; n < request.count; n++) await layer.receive(request.channel)
      return undefined
    case 'send': {
      const { channel, count, senders } = request
      const some = async (number: number): Promise<void> => {
        for (let n = number; n < count; n += senders) await layer.send(channel, message(n))
      }
      await Promise.all(Array.from({ length: senders }, (_, number) => some(number)))
      return undefined
    }
    case 'pace': {
      const { group, rate, count } = request
      if (rate === 0) {
        await Promise.all(Array.from({ length: count }, (_, n) => layer.groupSend(group, message(n))))
        return undefined
      }
      const begun = performance.now()
      for (let n = 0; n < count; n++) {
        const wait = begun + (n / rate) * 1000 - performance.now()
        if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait))
        await layer.groupSend(group, message(n))
      }
      return undefined
    }
  }
}

const answer = (value: object): void => void process.stdout.write(`${JSON.stringify(value)}\n`)
answer({ ready: true })
for await (const line of createInterface({ input: process.stdin })) {
  answer({ result: (await perform(JSON.parse(line) as LayerRequest)) ?? null })
}
await layer.close()
