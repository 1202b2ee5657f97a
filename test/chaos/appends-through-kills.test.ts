/**
 * Fifty clients append over HTTP, each as a producer, to `millrace serve` that is killed with `kill -9` under them,
 * or of whose workers one is. What was not answered is sent again. In the end nothing that was acknowledged is
 * lost, and nothing is there twice.
 */
import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it, onTestFinished } from 'vitest'
import { CommandLine } from '../cli/command-line.ts'
import { RedisServer, freePort } from '../support/redis.ts'
import { describeWith } from '../support/services.ts'

const CLIENTS = 50
/** Streams that they share, so that appends of many come together. */
const STREAMS = 5
const KILLS = process.env['MILLRACE_LONG'] ? 10 : 2
/** Appends that are answered between two kills. */
const BETWEEN = 150

/** One append in so many is sent twice at once: kills alone seldom come between what is kept and its answer. */
const TWICE = 5

/** Milliseconds after which a client asks anew: what is on its way to a worker that is killed is not answered. */
const PATIENCE = 3000

const JSON_TYPE = { 'content-type': 'application/json' }

class Server {
  readonly #port: number
  readonly #flags: readonly string[]
  #running: CommandLine | undefined

  constructor(port: number, flags: readonly string[]) {
    this.#port = port
    this.#flags = flags
  }

  url(stream: number): string {
    return `http://127.0.0.1:${this.#port}/v1/stream/log-${stream}`
  }

  async start(): Promise<void> {
    const serve = ['src/cli/main.ts', 'serve', '--durable-streams', '-p', String(this.#port)]
    this.#running = new CommandLine([process.execPath, ...serve, ...this.#flags], {})
    await this.#running.printed(/ is serving .* on http/)
  }

  async restart(): Promise<void> {
    this.#running?.kill('SIGKILL')
    await this.#running?.ended
    await this.start()
  }

  /** Kills one of its workers, which it replaces. */
  killWorker(chosen: number): void {
    const { pid } = this.#running?.child ?? {}
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean)
    const worker = Number(children[chosen % children.length])
    expect(worker).toBeGreaterThan(1)
    process.kill(worker, 'SIGKILL')
  }

  async end(): Promise<void> {
    await this.#running?.end()
  }
}

/** What all clients know together. */
class Load {
  /** Appends that were answered. */
  acknowledged = 0
  /** What a client failed with. */
  fault: Error | undefined
  readonly #server: Server
  readonly #over = new AbortController()

  constructor(server: Server) {
    this.#server = server
  }

  /** @throws what a client failed with. */
  get progress(): number {
    if (this.fault !== undefined) throw this.fault
    return this.acknowledged
  }

  stop(): void {
    this.#over.abort()
  }

  /** Appends until it is stopped; resolves with how many were acknowledged. */
  async append(client: number): Promise<number> {
    let seq = 0
    for (; !this.#over.signal.aborted; seq++) {
      const sent = [this.#send(client, seq)]
      if (seq % TWICE === 0) sent.push(this.#send(client, seq))
      await Promise.all(sent)
      this.acknowledged++
    }
    return seq
  }

  /** Until it is answered, whatever becomes of the server. */
  async #send(client: number, seq: number): Promise<void> {
    const producer = { 'producer-id': `client-${client}`, 'producer-epoch': '0', 'producer-seq': String(seq) }
    const body = JSON.stringify({ client, seq })
    for (;;) {
      const headers = { ...JSON_TYPE, ...producer }
      const init = { method: 'POST', headers, body, signal: AbortSignal.timeout(PATIENCE) }
      const status = await fetch(this.#server.url(client % STREAMS), init).then(
        (answer) => answer.status,
        () => undefined,
      )
      // New, or there already.
      if (status === 200 || status === 204) return
      if (status !== undefined && status < 500)
        throw new Error(`append ${seq} of client ${client}: ${status}`)
      await sleep(10)
    }
  }
}

async function create(server: Server): Promise<void> {
  for (let stream = 0; stream < STREAMS; stream++) {
    const created = await fetch(server.url(stream), { method: 'PUT', headers: JSON_TYPE })
    expect(created.status).toBe(201)
  }
}

async function readAll(server: Server, stream: number): Promise<{ client: number; seq: number }[]> {
  const records: { client: number; seq: number }[] = []
  for (let offset = '-1'; ;) {
    const page = await fetch(`${server.url(stream)}?offset=${offset}`)
    records.push(...((await page.json()) as typeof records))
    offset = page.headers.get('stream-next-offset') ?? ''
    if (page.headers.get('stream-up-to-date') === 'true') return records
  }
}

interface Outcome {
  /** Of each client the seqs that the streams hold, and those that were acknowledged. */
  readonly kept: readonly (readonly number[])[]
  readonly acknowledged: readonly (readonly number[])[]
}

async function appendThroughKills(
  flags: readonly string[],
  kill: (server: Server, turn: number) => Promise<void>,
): Promise<Outcome> {
  const server = new Server(await freePort(), flags)
  onTestFinished(() => server.end())
  await server.start()
  await create(server)
  const load = new Load(server)
  const clients = Array.from({ length: CLIENTS }, (_, client) => load.append(client))
  const all = Promise.all(clients)
  // Told by the next look at what was acknowledged.
  all.catch((error: unknown) => (load.fault = error as Error))
  const proceed = (appends: number): Promise<void> => {
    const enough = load.acknowledged + appends
    return expect.poll(() => load.progress, { timeout: 30_000, interval: 5 }).toBeGreaterThan(enough)
  }
  for (let turn = 0; turn < KILLS; turn++) {
    await proceed(BETWEEN)
    await kill(server, turn)
  }
  await proceed(CLIENTS)
  load.stop()
  const counts = await all
  const kept = Array.from({ length: CLIENTS }, (): number[] => [])
  for (let stream = 0; stream < STREAMS; stream++)
    for (const { client, seq } of await readAll(server, stream)) kept[client]?.push(seq)
  return { kept, acknowledged: counts.map((count) => Array.from({ length: count }, (_, seq) => seq)) }
}

async function temporaryFile(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-appends-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return join(folder, 'streams.db')
}

const restart = (server: Server): Promise<void> => server.restart()

const killWorker = (server: Server, turn: number): Promise<void> => {
  server.killWorker(turn)
  return Promise.resolve()
}

describe('appends through kills', () => {
  it('are kept once by SQLite', async () => {
    const { kept, acknowledged } = await appendThroughKills(['--store', await temporaryFile()], restart)
    expect(kept).toEqual(acknowledged)
  }, 120_000)

  it('are kept once by two workers on SQLite, of which one is killed', async () => {
    const flags = ['--workers', '2', '--store', await temporaryFile()]
    const { kept, acknowledged } = await appendThroughKills(flags, killWorker)
    expect(kept).toEqual(acknowledged)
  }, 120_000)

  describeWith(['redis'], 'with Redis', ({ redis }) => {
    it.runIf(process.env['MILLRACE_LONG'])(
      'are kept once',
      async () => {
        const store = await RedisServer.start(redis)
        onTestFinished(() => store.stop())
        const { kept, acknowledged } = await appendThroughKills(['--store', store.url], restart)
        expect(kept).toEqual(acknowledged)
      },
      120_000,
    )
  })
})
