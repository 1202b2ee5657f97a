/** Readers of chats, in a process of their own. */
import { Latencies } from '../harness/latencies.ts'
import { ChatReader } from './chat-reader.ts'

export interface ReadersArguments {
  readonly port: number
  readonly chats: number
}

export type ReadersRequest =
  /** Forgets what was timed, and begins to count the time of the processor. */
  | { readonly type: 'reset' }
  /** Answered with `done` when every reader has so many deltas. */
  | { readonly type: 'expect'; readonly deltas: number }
  | { readonly type: 'collect' }

export type ReadersReply =
  | { readonly type: 'ready' }
  | { readonly type: 'done' }
  /** `load`: the share of one core that these readers took. */
  | {
      readonly type: 'collected'
      readonly counts: Uint32Array
      readonly load: number
      readonly deltas: number
    }

/** About. */
const TIMED = 40
/** Sends that are under way at a time. */
const OPENING = 50

const { port, chats } = JSON.parse(process.argv[2] ?? '{}') as ReadersArguments
const timedEvery = Math.max(1, Math.floor(chats / TIMED))
const reply = (message: ReadersReply): void => void process.send?.(message)
const readers: ChatReader[] = []
const waiting = new Set<ChatReader>()
const latencies = new Latencies()
let expected = Number.POSITIVE_INFINITY
let before = 0
let base = process.cpuUsage()
let begun = performance.now()

const deltasOfAll = (): number => readers.reduce((sum, { deltas }) => sum + deltas, 0)

function onDeltas(reader: ChatReader): void {
  if (reader.deltas < expected || !waiting.delete(reader)) return
  if (waiting.size === 0) reply({ type: 'done' })
}

process.on('message', (request: ReadersRequest) => {
  switch (request.type) {
    case 'reset':
      latencies.clear()
      before = deltasOfAll()
      base = process.cpuUsage()
      begun = performance.now()
      return
    case 'expect':
      expected = request.deltas
      for (const reader of readers) if (reader.deltas < expected) waiting.add(reader)
      return waiting.size === 0 ? reply({ type: 'done' }) : undefined
    case 'collect': {
      const { user, system } = process.cpuUsage(base)
      const load = (user + system) / 1000 / (performance.now() - begun)
      return reply({ type: 'collected', counts: latencies.counts, load, deltas: deltasOfAll() - before })
    }
  }
})
process.on('disconnect', () => process.exit(0))

for (let n = 0; n < chats; n++) {
  const timed = n % timedEvery === 0 ? latencies : undefined
  readers.push(new ChatReader({ port, chat: `c${n}`, latencies: timed, onDeltas }))
  if (readers.length % OPENING === 0) await Promise.all(readers.slice(-OPENING).map(({ ready }) => ready))
}
await Promise.all(readers.map(({ ready }) => ready))
reply({ type: 'ready' })
