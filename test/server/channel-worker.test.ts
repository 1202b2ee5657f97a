import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import { layerUnavailable } from '../../src/channels/errors.ts'
import type { ChannelMessage } from '../../src/channels/layer.ts'
import { memoryChannels } from '../../src/channels/memory/layer.ts'
import { ChannelConsumer, type ChannelConsumerClass } from '../../src/consumers/channel-consumer.ts'
import { type Application, channel } from '../../src/index.ts'
import { millrace } from '../../src/millrace.ts'
import type { RunningWorker, WorkOptions } from '../../src/server/channel-worker.ts'
import { type CollectingLogger, collectingLogger } from '../support/logger.ts'

interface World {
  readonly app: Application
  readonly worker: RunningWorker
  readonly logger: CollectingLogger
  send(message: ChannelMessage): Promise<void>
}

/** An application with one channel, `work`, and a worker for it. */
function work(consumer: ChannelConsumerClass, options: WorkOptions = {}, channels = memoryChannels()): World {
  const logger = collectingLogger()
  const app = millrace({ channels, logger, routes: [channel('work', consumer)] })
  const worker = app.work({ shutdownTimeout: 0, ...options })
  onTestFinished(() => app.close())
  return { app, worker, logger, send: (message) => channels.send('work', message) }
}

/** What came of the handlers, and a way to wait for it. */
class Record {
  readonly seen: unknown[] = []
  #changed = Promise.withResolvers<void>()

  note(what: unknown): void {
    this.seen.push(what)
    this.#changed.resolve()
    this.#changed = Promise.withResolvers()
  }

  async reaches(count: number): Promise<readonly unknown[]> {
    while (this.seen.length < count) await this.#changed.promise
    return this.seen
  }
}

describe('a channel consumer', () => {
  test('gets the messages of its channel by type, one at a time and in order', async () => {
    const record = new Record()
    class Thumbnails extends ChannelConsumer {
      #busy = false

      async thumbnail_make({ id }: { id: number } & ChannelMessage): Promise<void> {
        expect(this.#busy).toBe(false)
        this.#busy = true
        await Promise.resolve()
        this.#busy = false
        record.note([this.channel, id])
      }
    }
    const { send } = work(Thumbnails)
    for (const id of [1, 2, 3]) await send({ type: 'thumbnail.make', id })
    expect(await record.reaches(3)).toEqual([
      ['work', 1],
      ['work', 2],
      ['work', 3],
    ])
  })

  test('answers over the layer, to a channel and to a group', async () => {
    class Echo extends ChannelConsumer {
      async echo({ reply, text }: { reply: string; text: string }): Promise<void> {
        await this.channels.send(reply, { type: 'answer', text })
        await this.groupSend('all', { type: 'heard' })
      }
    }
    const channels = memoryChannels()
    const { send } = work(Echo, {}, channels)
    const reply = channels.newChannel()
    await channels.groupAdd('all', reply)
    await send({ type: 'echo', reply, text: 'hello' })
    expect(await channels.receive(reply)).toEqual({ type: 'answer', text: 'hello' })
    expect(await channels.receive(reply)).toEqual({ type: 'heard' })
  })

  test('that throws is logged, and the next message is served', async () => {
    const record = new Record()
    class Fragile extends ChannelConsumer {
      work({ ok }: ChannelMessage): void {
        if (ok !== true) throw new Error('no')
        record.note(ok)
      }
    }
    const { send, logger } = work(Fragile)
    await send({ type: 'work', secret: 'hunter2' })
    await send({ type: 'work', ok: true })
    await record.reaches(1)
    expect(logger.entries).toEqual([
      {
        level: 'error',
        message: 'channel consumer failed; its message is lost',
        fields: { channel: 'work', type: 'work', err: expect.stringContaining('Error: no') as string },
      },
    ])
    expect(JSON.stringify(logger.entries)).not.toContain('hunter2')
  })

  test.each([
    ['of no method', 'unknown', 'the consumer has no method "unknown"'],
    ['with an underscore first', '_hidden', 'a type may not begin with an underscore or a dot'],
    [
      'of a method that every consumer has',
      'groupSend',
      'the type names a method that is not an event handler',
    ],
    ['of a method that every object has', 'toString', 'the type names a method that is not an event handler'],
    ['that is a constructor', 'constructor', 'the type names a method that is not an event handler'],
  ])('is not reached by a type %s', async (_what, type, reason) => {
    const record = new Record()
    class Plain extends ChannelConsumer {
      _hidden(): void {
        record.note('hidden')
      }
      done(): void {
        record.note('done')
      }
    }
    const { send, logger } = work(Plain)
    await send({ type })
    await send({ type: 'done' })
    expect(await record.reaches(1)).toEqual(['done'])
    expect(logger.entries).toEqual([
      {
        level: 'error',
        message: 'channel message refused: no handler for its type',
        fields: { channel: 'work', type, reason },
      },
    ])
  })

  test('may name its methods as those of a connection', async () => {
    const record = new Record()
    class Mail extends ChannelConsumer {
      send(): void {
        record.note('sent')
      }
    }
    const { send } = work(Mail)
    await send({ type: 'send' })
    expect(await record.reaches(1)).toEqual(['sent'])
  })

  test('has as many instances as messages may be handled at a time', async () => {
    const record = new Record()
    const release = Promise.withResolvers<void>()
    class Slow extends ChannelConsumer {
      async work(): Promise<void> {
        record.note(this)
        await release.promise
      }
    }
    const { send } = work(Slow, { concurrency: 3 })
    for (let n = 0; n < 4; n++) await send({ type: 'work' })
    expect(new Set(await record.reaches(3)).size).toBe(3)
    expect(record.seen).toHaveLength(3)
    release.resolve()
    await record.reaches(4)
  })
})

describe('a worker', () => {
  test('serves the channels that it is asked to', async () => {
    class Plain extends ChannelConsumer {}
    const routes = ['a', 'b', 'c'].map((name) => channel(name, Plain))
    const app = millrace({ routes, logger: collectingLogger() })
    onTestFinished(() => app.close())
    expect(app.work().channels).toEqual(['a', 'b', 'c'])
    expect(app.work({ channels: ['c', 'a', 'c'] }).channels).toEqual(['c', 'a'])
    expect(() => app.work({ channels: ['a', 'd'] })).toThrow(
      new RangeError('no consumer serves the channel "d"; the channels with a consumer are a, b, c'),
    )
    expect(() => app.work({ concurrency: 0 })).toThrow(RangeError)
    expect(() => app.work({ shutdownTimeout: -1 })).toThrow(RangeError)
    expect(() => millrace({ logger: collectingLogger() }).work()).toThrow(
      new RangeError('no channel has a consumer: put channel(name, Consumer) among the routes'),
    )
  })

  test('finishes the message in hand when it is closed, and takes no other', async () => {
    const record = new Record()
    const release = Promise.withResolvers<void>()
    class Slow extends ChannelConsumer {
      async work({ n }: { n: number }): Promise<void> {
        record.note(`begins ${n}`)
        await release.promise
        record.note(`ends ${n}, ${this.signal.aborted}`)
      }
    }
    const channels = memoryChannels()
    const { worker, send } = work(Slow, { shutdownTimeout: 600 }, channels)
    await send({ type: 'work', n: 1 })
    await send({ type: 'work', n: 2 })
    await record.reaches(1)
    const closing = worker.close()
    expect(worker.close()).toBe(closing)
    release.resolve()
    await closing
    await worker.closed
    expect(record.seen).toEqual(['begins 1', 'ends 1, false'])
    expect(await channels.receive('work')).toEqual({ type: 'work', n: 2 })
  })

  describe('on a clock of the test', () => {
    beforeEach(() => {
      vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    })
    afterEach(() => {
      vi.useRealTimers()
    })

    test('cuts the message in hand when its time is over', async () => {
      const record = new Record()
      class Endless extends ChannelConsumer {
        async work(): Promise<void> {
          record.note('begins')
          await new Promise((_resolve, reject) => {
            this.signal.addEventListener('abort', () => reject(this.signal.reason as Error))
          })
        }
      }
      const { worker, send, logger } = work(Endless, { shutdownTimeout: 5 })
      await send({ type: 'work' })
      await record.reaches(1)
      let isClosed = false
      const closing = worker.close().then(() => (isClosed = true))
      await vi.advanceTimersByTimeAsync(4999)
      expect(isClosed).toBe(false)
      await vi.advanceTimersByTimeAsync(1)
      await closing
      expect(logger.entries.map(({ message, fields }) => [message, fields])).toEqual([
        ['shutdown took too long: aborting the current message', { channel: 'work', type: 'work' }],
        [
          'channel consumer failed; its message is lost',
          expect.objectContaining({ err: expect.stringContaining('The worker shuts down') as string }),
        ],
      ])
    })

    test('leaves a handler behind that does not end', async () => {
      const record = new Record()
      class Stuck extends ChannelConsumer {
        async work(): Promise<void> {
          record.note('begins')
          await new Promise<void>(() => {})
        }
      }
      const { worker, send } = work(Stuck, { shutdownTimeout: 5 })
      await send({ type: 'work' })
      await record.reaches(1)
      const closing = worker.close()
      await vi.advanceTimersByTimeAsync(6000)
      await closing
      expect(record.seen).toEqual(['begins'])
    })

    test('tries again when the layer gives no message', async () => {
      const record = new Record()
      class Plain extends ChannelConsumer {
        work(): void {
          record.note('worked')
        }
      }
      const channels = memoryChannels()
      const receive = vi.spyOn(channels, 'receive')
      receive.mockRejectedValueOnce(layerUnavailable('Redis refused', false))
      const { send, logger } = work(Plain, {}, channels)
      await send({ type: 'work' })
      await vi.advanceTimersByTimeAsync(999)
      expect(record.seen).toEqual([])
      await vi.advanceTimersByTimeAsync(1)
      await record.reaches(1)
      expect(logger.entries.map(({ message }) => message)).toEqual(['channel not received; trying again'])
    })
  })

  test('ends with its application, and with its layer', async () => {
    class Plain extends ChannelConsumer {}
    const { app, worker, logger } = work(Plain)
    await app.close()
    await worker.closed
    expect(logger.entries).toEqual([])
    const other = work(Plain)
    await other.app.channels.close()
    await other.worker.close()
    expect(other.logger.entries).toEqual([])
  })
})
