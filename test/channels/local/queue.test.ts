import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { ChannelMessage } from '../../../src/channels/layer.ts'
import { ChannelQueue } from '../../../src/channels/local/queue.ts'

function message(n: number): ChannelMessage {
  return { type: 'test', n }
}

describe('a queue', () => {
  it('hands out in order and is idle in between', async () => {
    const queue = new ChannelQueue(3)
    expect(queue.idle).toBe(true)
    for (const n of [1, 2, 3]) expect(queue.put(message(n), false, 0, 10)).toBe(true)
    expect(queue.put(message(4), false, 0, 10)).toBe(false)
    expect(queue.length).toBe(3)
    for (const n of [1, 2, 3]) expect(await queue.receive(0)).toEqual(message(n))
    expect(queue.idle).toBe(true)
  })

  it('gives a message of its own as it is, and a copy of a shared one', async () => {
    const queue = new ChannelQueue(2)
    const shared = message(1)
    const own = message(2)
    queue.put(shared, true, 0, 10)
    queue.put(own, false, 0, 10)
    const first = await queue.receive(0)
    expect(first).toEqual(shared)
    expect(first).not.toBe(shared)
    expect(await queue.receive(0)).toBe(own)

    const waiting = queue.receive(0)
    queue.put(shared, true, 0, 10)
    expect(await waiting).not.toBe(shared)
  })

  it('never waits with an aborted signal, and listens to none it no longer needs', async () => {
    const queue = new ChannelQueue(1)
    const { signal, listeners, controller } = counted()
    const waiting = queue.receive(0, signal)
    expect(listeners()).toBe(1)
    queue.put(message(1), false, 0, 10)
    expect(await waiting).toEqual(message(1))
    expect(listeners()).toBe(0)

    const aborted = queue.receive(0, signal)
    controller.abort()
    await expect(aborted).rejects.toBe(signal.reason)
    await expect(queue.receive(0, signal)).rejects.toBe(signal.reason)
    expect(listeners()).toBe(0)
    expect(queue.idle).toBe(true)
  })

  it('holds a message that only aborted receivers waited for', async () => {
    const queue = new ChannelQueue(1)
    const controller = new AbortController()
    controller.signal.addEventListener('abort', () => queue.put(message(1), false, 0, 10))
    const aborted = [queue.receive(0, controller.signal), queue.receive(0, controller.signal)]
    controller.abort()
    for (const { status } of await Promise.allSettled(aborted)) expect(status).toBe('rejected')
    expect(await queue.receive(0)).toEqual(message(1))
  })

  it('ends for those who wait, with what it held', async () => {
    const queue = new ChannelQueue(1)
    const waiting = [queue.receive(0), queue.receive(0)]
    const reason = new Error('over')
    queue.end(reason)
    for (const receiving of waiting) await expect(receiving).rejects.toBe(reason)
    queue.put(message(1), false, 0, 10)
    queue.end(reason)
    expect(queue.idle).toBe(true)
  })

  it('takes 100,000 messages and as many receivers, each as quickly as the first', async () => {
    // An array that is shifted, or a list of receivers that is searched, would take minutes.
    const count = 100_000
    const queue = new ChannelQueue(count)
    for (let n = 0; n < count; n++) queue.put(message(n), false, 0, 10)
    for (let n = 0; n < count; n++)
      if ((await queue.receive(0))['n'] !== n) expect.fail(`message ${n} is next`)

    const controllers = Array.from({ length: count }, () => new AbortController())
    const waiting = controllers.map((controller) =>
      queue.receive(0, controller.signal).catch(() => 'aborted'),
    )
    expect(queue.receivers).toBe(count)
    for (let n = count - 1; n > 0; n--) if (n % 2) controllers[n]?.abort()
    for (let n = 0; n < count; n += 2) queue.put(message(n), false, 0, 10)
    expect(queue.idle).toBe(true)
    for (const [n, outcome] of (await Promise.all(waiting)).entries()) {
      const expected = n % 2 ? 'aborted' : n
      if ((typeof outcome === 'string' ? outcome : outcome['n']) !== expected) expect.fail(`receiver ${n}`)
    }
  }, 60_000)
})

const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('put' as const), shared: fc.boolean() }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('receive' as const) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('abort' as const), which: fc.nat(5) }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('pass' as const), time: fc.integer({ min: 1, max: 6 }) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('clear', 'end', 'dropExpired') }) },
)

it('does as a plain list would, whatever is asked of it', async () => {
  const EXPIRY = 5
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { maxLength: 50 }),
      fc.integer({ min: 1, max: 4 }),
      async (steps, capacity) => {
        const queue = new ChannelQueue(capacity)
        let now = 0
        let held: { n: number; until: number }[] = []
        let waiting: number[] = []
        const controllers: AbortController[] = []
        const outcomes: Promise<unknown>[] = []
        const expected: unknown[] = []
        const END = new Error('over')

        for (const [n, action] of steps.entries()) {
          switch (action.kind) {
            case 'put': {
              const accepted = queue.put(message(n), action.shared, now, now + EXPIRY)
              const receiver = waiting.shift()
              if (receiver === undefined) held = held.filter(({ until }) => until > now)
              expect(accepted).toBe(receiver !== undefined || held.length < capacity)
              if (receiver !== undefined) expected[receiver] = n
              else if (accepted) held.push({ n, until: now + EXPIRY })
              break
            }
            case 'receive': {
              const controller = new AbortController()
              const index = controllers.push(controller) - 1
              outcomes.push(
                queue.receive(now, controller.signal).then(
                  (got) => got['n'],
                  (error: unknown) => error,
                ),
              )
              held = held.filter(({ until }) => until > now)
              const next = held.shift()
              if (next) expected[index] = next.n
              else waiting.push(index)
              break
            }
            case 'abort': {
              const controller = controllers[action.which]
              if (!controller || controller.signal.aborted) break
              controller.abort(`aborted ${action.which}`)
              if (waiting.includes(action.which)) expected[action.which] = `aborted ${action.which}`
              waiting = waiting.filter((index) => index !== action.which)
              break
            }
            case 'pass':
              now += action.time
              break
            case 'dropExpired':
              queue.dropExpired(now)
              held = held.filter(({ until }) => until > now)
              break
            case 'clear':
              queue.clear()
              held = []
              break
            case 'end':
              queue.end(END)
              held = []
              for (const index of waiting.splice(0)) expected[index] = END
          }
          expect({ length: queue.length, receivers: queue.receivers }).toEqual({
            length: held.length,
            receivers: waiting.length,
          })
          expect(queue.idle).toBe(held.length + waiting.length === 0)
        }
        queue.end(END)
        for (const index of waiting) expected[index] = END
        expect(await Promise.all(outcomes)).toEqual(expected)
      },
    ),
    { numRuns: 2000 },
  )
})

/** A signal that counts who listens to it. */
function counted(): { controller: AbortController; signal: AbortSignal; listeners: () => number } {
  const controller = new AbortController()
  const { signal } = controller
  const add = signal.addEventListener.bind(signal)
  const remove = signal.removeEventListener.bind(signal)
  const listening = new Set<unknown>()
  signal.addEventListener = (type: string, listener: { handleEvent(event: object): void }) => {
    listening.add(listener)
    add(type, listener)
  }
  signal.removeEventListener = (type: string, listener: { handleEvent(event: object): void }) => {
    listening.delete(listener)
    remove(type, listener)
  }
  return { controller, signal, listeners: () => listening.size }
}
