/** How each kind of load on delivery is measured. */
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { TooSlow } from '../harness/program.ts'
import { NotMeasured } from '../harness/load.ts'
import type { Context, Values } from '../harness/load.ts'
import { DIALECTS } from './peers/peers.ts'
import type { PeerName } from './peers/peers.ts'
import { Readers, Server, deliveryValues } from './rig.ts'

/** A stream's pace in every paced load: what a fast model writes. */
export const RATE = 50

/** Seconds that compilers and heaps have to settle before a paced load is measured. */
export const WARM_UP = 3

/** Seconds after the last record was made in which it has to arrive. A quick run asks for no speed. */
const GRACE = 3
const graceOf = ({ quick }: Context): number => (quick ? 60 : GRACE)

/** Milliseconds that a round of unpaced records takes, about. */
const ROUND_MS = 400
const MAX_ROUND = 200_000

export interface PacedOptions {
  readonly streams: number
  readonly rate?: number
  readonly store?: string
}

/**
 * Streams with a reader each, at a steady pace. Of a server that cannot keep up it tells what it did,
 * late as it was. @throws {NotMeasured} when not even that can be said.
 */
export async function paced(context: Context, peer: PeerName, options: PacedOptions): Promise<Values> {
  const { streams, rate = RATE, store } = options
  const { seconds } = context
  const grace = graceOf(context)
  const server = await Server.start(context, {
    peer,
    streams,
    history: 0,
    ...(store !== undefined && { store }),
  })
  let readers: Readers | undefined
  try {
    readers = await Readers.start(context, {
      port: server.port,
      dialect: DIALECTS[peer],
      streams,
      readers: streams,
    })
    const warmUp = Math.min(WARM_UP, seconds)
    const pacing = server.pace(rate, warmUp + seconds, grace)
    let begun = performance.now()
    try {
      // Without a pause in between: what a load is like once it goes on is the question.
      await Promise.race([pacing, sleep(warmUp * 1000, undefined, { signal: context.signal })])
      server.reset()
      readers.reset()
      begun = performance.now()
      await readers.expect(await pacing, grace)
    } catch (error) {
      // What was delivered until now is told; its latency says the rest.
      if (!(error instanceof TooSlow)) throw error
    }
    const wallMs = performance.now() - begun
    const [usage, collected] = await Promise.all([server.usage(), readers.collect()])
    return deliveryValues(collected.records, wallMs, usage, collected)
  } catch (error) {
    if (!(error instanceof TooSlow)) throw error
    throw new NotMeasured('did not keep up', { cause: error })
  } finally {
    await Promise.all([server.end(), readers?.end()])
  }
}

/**
 * One stream as fast as it goes. In rounds: the source makes so many records, the readers get them
 * all, and the next round begins. A round is as large as a server can deliver in about half a second;
 * otherwise one that drops nothing and waits for nobody would only show how much memory there is.
 */
export async function unpaced(context: Context, peer: PeerName, count: number): Promise<Values> {
  const server = await Server.start(context, { peer, streams: 1, history: 0 })
  let readers: Readers | undefined
  try {
    readers = await Readers.start(context, {
      port: server.port,
      dialect: DIALECTS[peer],
      streams: 1,
      readers: count,
    })
    let made = 0
    let round = 100
    const deliver = async (): Promise<number> => {
      const begun = performance.now()
      await server.produce(round)
      made += round
      await readers?.expect(made, 60)
      return performance.now() - begun
    }
    const warmUntil = performance.now() + Math.min(1, context.seconds) * 1000
    for (let ms = 0; performance.now() < warmUntil || ms < ROUND_MS / 2;) {
      ms = await deliver()
      if (ms < ROUND_MS && round >= MAX_ROUND) break
      if (ms < ROUND_MS) round = Math.min(MAX_ROUND, round * 2)
    }
    server.reset()
    readers.reset()
    const before = made
    const begun = performance.now()
    do await deliver()
    while (performance.now() - begun < context.seconds * 1000)
    const wallMs = performance.now() - begun
    const usage = await server.usage()
    return deliveryValues((made - before) * count, wallMs, usage, await readers.collect())
  } finally {
    await Promise.all([server.end(), readers?.end()])
  }
}

/** Connections that come and go before anything is counted. */
const FIRST = 200
const IDLE = 5000
const QUICK_IDLE = 300

/** What a connection takes that is subscribed and gets nothing. */
export async function idle(context: Context, peer: PeerName): Promise<Values> {
  const connections = Math.min(context.quick ? QUICK_IDLE : IDLE, connectionLimit())
  const server = await Server.start(context, { peer, streams: 1, history: 0 }, '--expose-gc')
  const given = { port: server.port, dialect: DIALECTS[peer], streams: 1 }
  let readers: Readers | undefined
  try {
    const first = await Readers.start(context, { ...given, readers: FIRST })
    await first.end()
    const before = await server.usage('settle')
    server.reset()
    const begun = performance.now()
    readers = await Readers.start(context, { ...given, readers: connections })
    const ms = performance.now() - begun
    const connecting = await server.usage()
    const after = await server.usage('settle')
    return {
      connections,
      kilobytes: (after.rss - before.rss) / connections / 1000,
      connectCpu: connecting.cpuMicros / connections,
      perSecond: (connections / ms) * 1000,
      rss: after.rss / 1024 / 1024,
    }
  } finally {
    await Promise.all([server.end(), readers?.end()])
  }
}

/** How many connections a process may hold, less what it needs itself. */
function connectionLimit(): number {
  try {
    const limits = readFileSync('/proc/self/limits', 'latin1')
    // Node raises the soft limit to the hard one when it starts.
    const hard = Number(/^Max open files\s+\S+\s+(\d+)/m.exec(limits)?.[1] ?? Number.POSITIVE_INFINITY)
    return hard - 200
  } catch {
    return 2000
  }
}

export const HISTORY = 10_000
const JOINS = 30

/** A reader comes late: how long until it has all that was, and what that takes. */
export async function lateJoin(context: Context, peer: PeerName): Promise<Values> {
  const server = await Server.start(context, { peer, streams: 1, history: HISTORY })
  let readers: Readers | undefined
  try {
    readers = await Readers.start(context, {
      port: server.port,
      dialect: DIALECTS[peer],
      streams: 1,
      readers: 0,
    })
    const times = context.quick ? 2 : JOINS
    await readers.join(HISTORY, times)
    server.reset()
    const joins = await readers.join(HISTORY, times)
    const usage = await server.usage()
    const sorted = joins.map(({ ms }) => ms).toSorted((a, b) => a - b)
    return {
      cpu: usage.cpuMicros / times / 1000,
      ms: sorted[Math.floor(sorted.length / 2)] ?? Number.NaN,
      slowest: sorted.at(-1) ?? Number.NaN,
      frames: joins[0]?.frames ?? Number.NaN,
      kilobytes: (joins[0]?.bytes ?? Number.NaN) / 1000,
    }
  } finally {
    await Promise.all([server.end(), readers?.end()])
  }
}
