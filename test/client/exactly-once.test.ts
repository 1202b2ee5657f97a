/** Whatever a network and a server do, a reader has each record once and in order, or an error. */
import fc from 'fast-check'
import { expect, it, vi } from 'vitest'
import { type RemoteStream, type StreamClient, connect } from '../../src/client/index.ts'
import type { ServerFrame } from '../../src/protocol/stream-frames.ts'
import { FakeNetwork, type FakeSocket, type Said, at, numbers, records } from './fakes.ts'

/** What happens next. Fractions choose among what there is. */
type Step =
  | { readonly do: 'append' | 'send' | 'deliver'; readonly count: number }
  /** What no correct server sends: records that were sent before, some of both, and a hole. */
  | { readonly do: 'repeat' | 'overlap' | 'skip'; readonly where: number; readonly count: number }
  | { readonly do: 'close' | 'answer' | 'cut' | 'wait' | 'take' }
  | { readonly do: 'join'; readonly where: number | 'now' | 'start' }
  | { readonly do: 'leave'; readonly where: number }

const fraction = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })
const count = fc.integer({ min: 1, max: 5 })
const place = fc.oneof(fraction, fc.constantFrom('now', 'start'))
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constantFrom('append', 'send', 'deliver'), count }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constantFrom('answer', 'wait', 'take') }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('repeat', 'overlap'), where: fraction, count }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('skip'), where: fraction, count }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('cut', 'close') }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('join'), where: place }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('leave'), where: fraction }) },
) as fc.Arbitrary<Step>

/** A server with one stream of numbers, whose frames are a while on their way. */
class Server {
  readonly network = new FakeNetwork()
  tail = 0
  closed = false
  holes = 0
  #socket: FakeSocket | undefined
  /** Where the subscriptions of that socket stand; the first has its turn. */
  readonly #cursors = new Map<number, number>()
  #wire: (ServerFrame | Said)[] = []
  /** The newest answer to `now`, while it is on its way. */
  #now: { frame: number; readonly position: number } | undefined

  /** Where a reader that joins now may begin, at least: an answer that is on its way will do for it, too. */
  get now(): number {
    this.#live()
    return this.#now?.position ?? this.tail
  }

  get cursor(): number {
    const [turn] = this.#cursors
    return turn?.[1] ?? 0
  }

  /** Reads what came, and answers it. */
  answer(): boolean {
    const asked = this.#live()?.takenByNumber() ?? []
    for (const frame of asked) {
      if (frame.type === 'unsubscribe') this.#cursors.delete(frame.sub)
      if (frame.type !== 'subscribe') continue
      const { sub, offset = '-1' } = frame
      expect(this.#cursors.has(sub)).toBe(false)
      const cursor = offset === 'now' ? this.tail : offset === '-1' ? 0 : Number(offset.slice(0, 16))
      this.#cursors.set(sub, cursor)
      if (offset === 'now') this.#now = { frame: this.#wire.length, position: this.tail }
      this.#wire.push({ type: 'subscribed', sub, offset: at(cursor) })
    }
    return asked.length > 0
  }

  /** Sends the next records, or the end, to whose turn it is, and gives the turn to the next. */
  send(most: number): boolean {
    if (!this.#live()) return false
    for (const [sub, cursor] of Array.from(this.#cursors)) {
      this.#cursors.delete(sub)
      const next = Math.min(this.tail, cursor + most)
      if (next === cursor && this.closed) this.#wire.push({ type: 'end', sub, offset: at(this.tail) })
      else this.#cursors.set(sub, next)
      if (next === cursor && !this.closed) continue
      if (next > cursor) this.#wire.push(records(sub, cursor, next))
      return true
    }
    return false
  }

  /** Sends records that the cursor says nothing of. */
  stray(from: number, length: number): void {
    const last = Math.min(this.tail, from + length)
    const [turn] = this.#cursors
    if (this.#live() && turn && last > from) this.#wire.push(records(turn[0], from, last))
  }

  deliver(most: number): boolean {
    const frames = this.#live() ? this.#wire.splice(0, most) : []
    if (this.#now && (this.#now.frame -= frames.length) < 0) this.#now = undefined
    for (const frame of frames) this.#live()?.frame(frame)
    return frames.length > 0
  }

  cut(): void {
    this.#live()?.cut()
  }

  #live(): FakeSocket | undefined {
    const socket = this.network.sockets.at(-1)
    if (socket !== this.#socket) {
      this.#socket = socket
      this.#cursors.clear()
      this.#wire = []
      this.#now = undefined
    }
    if (socket?.state === 'connecting') socket.open().frame({ type: 'pong' })
    return socket?.state === 'open' ? socket : undefined
  }
}

class Follower {
  readonly stream: RemoteStream<number>
  readonly seen: number[] = []
  /** The first record that it has, at least and at most. */
  readonly first: readonly [number, number]

  constructor(stream: RemoteStream<number>, first: readonly [number, number]) {
    this.stream = stream
    this.first = first
  }

  take(): void {
    this.seen.push(...this.stream.take())
  }
}

function join(server: Server, client: StreamClient, where: number | 'now' | 'start'): Follower {
  if (where === 'start') return new Follower(client.stream('s'), [0, 0])
  if (where === 'now') return new Follower(client.stream('s', { offset: 'now' }), [server.now, Infinity])
  const first = Math.floor(where * (server.tail + 1))
  return new Follower(client.stream('s', { offset: at(first) }), [first, first])
}

async function run(steps: readonly Step[]): Promise<void> {
  const server = new Server()
  const client = connect('ws://server/', { webSocket: server.network.connect, http: false })
  const followers = [join(server, client, 'start')]
  const left = new Set<Follower>()
  for (const one of steps) {
    switch (one.do) {
      case 'append':
        if (!server.closed) server.tail += one.count
        break
      case 'send':
      case 'deliver':
        server[one.do](one.count)
        break
      case 'repeat':
        server.stray(Math.floor(one.where * server.cursor), one.count)
        break
      case 'overlap':
        server.stray(Math.max(0, server.cursor - 1 - Math.floor(one.where * 3)), one.count + 3)
        break
      case 'skip':
        server.holes++
        server.stray(server.cursor + 1 + Math.floor(one.where * 3), one.count)
        break
      case 'close':
        server.closed = true
        break
      case 'answer':
      case 'cut':
        server[one.do]()
        break
      case 'wait':
        await vi.advanceTimersByTimeAsync(1000)
        break
      case 'take':
        for (const follower of followers) follower.take()
        break
      case 'join':
        followers.push(join(server, client, one.where))
        break
      case 'leave': {
        const follower = followers[Math.floor(one.where * followers.length)]
        follower?.take()
        follower?.stream.close()
        if (follower) left.add(follower)
      }
    }
  }
  await settle(server, followers)
  client.close()
  for (const follower of followers) {
    follower.take()
    const { seen, stream } = follower
    const [least, most] = follower.first
    const from = seen[0] ?? Math.min(most, server.tail)
    expect(from).toBeGreaterThanOrEqual(least)
    expect(from).toBeLessThanOrEqual(most)
    expect(seen).toEqual(numbers(from, from + seen.length))
    if (left.has(follower)) continue
    if (stream.error) {
      expect([stream.error.code, server.holes > 1]).toEqual(['gap', true])
    } else {
      expect([stream.status, from + seen.length]).toEqual(['closed', server.tail])
    }
  }
}

/** The network gets well: everything is answered, sent and delivered. */
async function settle(server: Server, followers: readonly Follower[]): Promise<void> {
  server.closed = true
  for (let rounds = 0; rounds < 100; rounds++) {
    while (server.answer() || server.send(3) || server.deliver(1));
    if (followers.every(({ stream }) => stream.done)) return
    await vi.advanceTimersByTimeAsync(1000)
  }
  expect.fail('The streams did not come to their end')
}

it('holds for random cuts, repeats, overlaps, holes, joins and leaves', async () => {
  vi.useFakeTimers()
  try {
    await fc.assert(fc.asyncProperty(fc.array(step, { maxLength: 80, size: 'max' }), run), { numRuns: 1000 })
    expect(vi.getTimerCount()).toBe(0)
  } finally {
    vi.useRealTimers()
  }
})
