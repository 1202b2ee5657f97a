/**
 * The server that is measured, in a process of its own: it connects readers, makes records when it is
 * told to, and says what that cost it. The source of the records is the same for every peer.
 */
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises'
import { startPeer } from './peers/peers.ts'
import type { PeerName } from './peers/peers.ts'
import type { Peer } from './peers/peer.ts'
import { makeRecord, nowMicros } from './record.ts'

export interface ServerArguments {
  readonly peer: PeerName
  readonly streams: number
  /** Records that each stream holds from the start. */
  readonly history: number
  readonly store?: string
}

export type ServerRequest =
  /** So many records on the first stream, as fast as they go. */
  | { readonly type: 'produce'; readonly records: number }
  /** So many a second on every stream, for so long. */
  | { readonly type: 'pace'; readonly rate: number; readonly seconds: number }
  /** Counts from here. */
  | { readonly type: 'reset' }
  | { readonly type: 'usage' }
  /** Collects garbage, then answers with `usage`. */
  | { readonly type: 'settle' }

export type ServerReply =
  | { readonly type: 'listening'; readonly port: number }
  /** `records`: on each stream. */
  | { readonly type: 'produced'; readonly records: number }
  | { readonly type: 'usage'; readonly cpuMicros: number; readonly userMicros: number; readonly rss: number }

const given = JSON.parse(process.argv[2] ?? '{}') as ServerArguments
const history = Array.from({ length: given.history }, (_, n) => makeRecord(n))
const peer = await startPeer(given.peer, { streams: given.streams, history, store: given.store })

async function produce(to: Peer, records: number): Promise<number> {
  for (let n = 0; n < records; n++) {
    await to.put(0, makeRecord(n))
    // A provider reads its records from a socket: it takes turns with everything else.
    if (n % 64 === 63) await turn()
  }
  return records
}

/**
 * One timer for all streams: what is due since it last fired is sent, one stream after the other. A
 * record bears the time it was due at, so that a server too busy to make it in time does not look fast.
 */
async function pace(to: Peer, streams: number, rate: number, seconds: number): Promise<number> {
  const each = Math.round(rate * seconds)
  const total = each * streams
  const every = 1_000_000 / (rate * streams)
  const begun = nowMicros()
  for (let made = 0; made < total;) {
    const due = Math.min(total, Math.floor((nowMicros() - begun) / every))
    for (; made < due; made++) {
      void to.put(made % streams, makeRecord(made, Math.round(begun + (made + 1) * every)))
    }
    await sleep(1)
  }
  return each
}

const reply = (message: ServerReply): void => void process.send?.(message)
const produced = (records: number): void => reply({ type: 'produced', records })

let base = process.cpuUsage()

function usage(): void {
  const { user, system } = process.cpuUsage(base)
  reply({ type: 'usage', cpuMicros: user + system, userMicros: user, rss: process.memoryUsage.rss() })
}

async function settle(): Promise<void> {
  for (let round = 0; round < 3; round++) {
    globalThis.gc?.()
    await sleep(50)
  }
  usage()
}

process.on('message', (request: ServerRequest) => {
  switch (request.type) {
    case 'produce':
      return void produce(peer, request.records).then(produced)
    case 'pace':
      return void pace(peer, given.streams, request.rate, request.seconds).then(produced)
    case 'reset':
      return void (base = process.cpuUsage())
    case 'usage':
      return usage()
    case 'settle':
      return void settle()
  }
})
process.on('disconnect', () => process.exit(0))
reply({ type: 'listening', port: peer.port })
