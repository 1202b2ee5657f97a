/** Writers and readers of the Durable Streams protocol, in a process of their own. */
import { setTimeout as sleep } from 'node:timers/promises'
import { Latencies } from '../harness/latencies.ts'
import { HttpSocket, headerOf } from './http-socket.ts'

export type ClientArguments = { readonly port: number } & (
  | { readonly load: 'append'; readonly writers: number; readonly seconds: number }
  | {
      readonly load: 'sse' | 'long-poll'
      readonly readers: number
      readonly rate: number
      readonly seconds: number
    }
  | { readonly load: 'catch-up'; readonly records: number; readonly times: number }
)

export type ClientRequest = { readonly type: 'go' }

/** `ready` when everything is connected and warm, `done` when it has been measured. */
export type ClientReply =
  | { readonly type: 'ready' }
  | {
      readonly type: 'done'
      /** Appends, delivered records, or readers that caught up: what the server's CPU time is divided by. */
      readonly count: number
      readonly values: Readonly<Record<string, number>>
    }

type Done = Omit<Extract<ClientReply, { type: 'done' }>, 'type'>

const RECORD = JSON.stringify({ type: 'delta', text: 'fourteen chars' })
/** Stands in each record once. */
const MARK = 'fourteen'
const PATH = '/v1/stream/'

const given = JSON.parse(process.argv[2] ?? '{}') as ClientArguments

async function create(name: string): Promise<HttpSocket> {
  const socket = await HttpSocket.open(given.port)
  expectStatus(await socket.ask('PUT', PATH + name, ''), 201)
  return socket
}

async function append(socket: HttpSocket, name: string, body: string = RECORD): Promise<void> {
  expectStatus(await socket.ask('POST', PATH + name, body), 204)
}

function expectStatus({ status, head }: { status: number; head: string }, expected: number): void {
  if (status !== expected) throw new Error(`answered otherwise: ${head}`)
}

/** Each writer appends to its own stream and waits for the answer. */
async function appends(writers: number, seconds: number): Promise<() => Promise<Done>> {
  const sockets = await Promise.all(Array.from({ length: writers }, (_, n) => create(`s${n}`)))
  const write = async (forSeconds: number): Promise<Done> => {
    const latencies = new Latencies()
    let count = 0
    const begun = performance.now()
    const end = begun + forSeconds * 1000
    const one = async (socket: HttpSocket, n: number): Promise<void> => {
      for (let at = performance.now(); at < end;) {
        await append(socket, `s${n}`)
        const now = performance.now()
        latencies.add((now - at) * 1000)
        count++
        at = now
      }
    }
    await Promise.all(sockets.map(one))
    const elapsed = (performance.now() - begun) / 1000
    const [p50, p99] = [latencies.percentileMs(0.5), latencies.percentileMs(0.99)]
    return { count, values: { perSecond: count / elapsed, p50, p99 } }
  }
  await write(Math.min(1, seconds))
  return () => write(seconds)
}

class Reader {
  records = 0
  readonly #socket: HttpSocket
  readonly #live: 'sse' | 'long-poll'
  readonly #told: () => void

  constructor(socket: HttpSocket, live: 'sse' | 'long-poll', told: () => void) {
    this.#socket = socket
    this.#live = live
    this.#told = told
  }

  get bytes(): number {
    return this.#socket.bytes
  }

  /** Reads a stream of one record; resolves when that is there. */
  start(): void {
    if (this.#live === 'long-poll') return void this.#poll('-1', '')
    this.#socket.onText = (text) => this.#count(text)
    this.#socket.start('GET', `${PATH}live?offset=-1&live=sse`)
  }

  async #poll(from: string, sent: string): Promise<void> {
    for (let offset = from, cursor = sent; ;) {
      const { head, body } = await this.#socket.ask(
        'GET',
        `${PATH}live?offset=${offset}&live=long-poll${cursor}`,
      )
      offset = headerOf(head, 'stream-next-offset') ?? offset
      cursor = `&cursor=${headerOf(head, 'stream-cursor') ?? 0}`
      this.#count(body)
    }
  }

  #count(text: string): void {
    for (let at = text.indexOf(MARK); at >= 0; at = text.indexOf(MARK, at + 1)) this.records++
    this.#told()
  }
}

/** Many readers of one stream, to which one writer appends at a steady pace. */
async function live(
  how: 'sse' | 'long-poll',
  count: number,
  rate: number,
  seconds: number,
): Promise<() => Promise<Done>> {
  const writer = await create('live')
  await append(writer, 'live')
  let written = 1
  let told = (): void => {}
  const readers = await Promise.all(
    Array.from(
      { length: count },
      async () => new Reader(await HttpSocket.open(given.port), how, () => told()),
    ),
  )
  const all = (): Promise<void> =>
    new Promise((resolve) => {
      told = () => {
        if (readers.every(({ records }) => records >= written)) resolve()
      }
      told()
    })
  const pace = async (forSeconds: number): Promise<Done> => {
    const before = readers.reduce((sum, { bytes }) => sum + bytes, 0)
    const records = Math.round(rate * forSeconds)
    const begun = performance.now()
    for (let n = 1; n <= records; n++) {
      await append(writer, 'live')
      written++
      const ahead = begun + (n * 1000) / rate - performance.now()
      if (ahead > 0) await sleep(ahead)
    }
    await all()
    const elapsed = (performance.now() - begun) / 1000
    const bytes = readers.reduce((sum, reader) => sum + reader.bytes, 0) - before
    const delivered = records * count
    return { count: delivered, values: { bytes: bytes / delivered, perSecond: delivered / elapsed } }
  }
  for (const reader of readers) reader.start()
  await all()
  await pace(Math.min(1, seconds))
  return () => pace(seconds)
}

/** One reader after the other reads all there is, page by page, on a connection that is there. */
async function catchUp(records: number, times: number): Promise<() => Promise<Done>> {
  const socket = await create('long')
  const batch = `[${Array.from({ length: 100 }, () => RECORD).join(',')}]`
  for (let n = 0; n < records; n += 100) await append(socket, 'long', batch)
  const readAll = async (): Promise<number> => {
    const begun = performance.now()
    let seen = 0
    for (let offset = '-1'; seen < records;) {
      const { head, body } = await socket.ask('GET', `${PATH}long?offset=${offset}`)
      offset = headerOf(head, 'stream-next-offset') ?? ''
      seen += body.split(MARK).length - 1
    }
    return performance.now() - begun
  }
  for (let n = 0; n < Math.min(5, times); n++) await readAll()
  return async () => {
    const before = socket.bytes
    const took: number[] = []
    for (let n = 0; n < times; n++) took.push(await readAll())
    const ms = took.toSorted((a, b) => a - b)[Math.floor(times / 2)] ?? Number.NaN
    return { count: times, values: { ms, bytes: (socket.bytes - before) / times } }
  }
}

function prepare(): Promise<() => Promise<Done>> {
  switch (given.load) {
    case 'append':
      return appends(given.writers, given.seconds)
    case 'catch-up':
      return catchUp(given.records, given.times)
    default:
      return live(given.load, given.readers, given.rate, given.seconds)
  }
}

const reply = (message: ClientReply): void => void process.send?.(message)
process.on('disconnect', () => process.exit(0))
const measure = await prepare()
process.once('message', () => void measure().then((done) => reply({ type: 'done', ...done })))
reply({ type: 'ready' })
