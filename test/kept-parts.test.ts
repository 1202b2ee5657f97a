/** An application whose module is evaluated again, as a framework in development does after an edit. */
import { type AddressInfo, createServer } from 'node:net'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { z } from 'zod'
import {
  type App,
  type MillraceOptions,
  forbidden,
  memory,
  memoryChannels,
  millrace,
  run,
  silentLogger,
  sqlite,
} from '../src/index.ts'
import { redis, redisChannels } from '../src/redis.ts'
import { collectingLogger } from './support/logger.ts'

let folder: string
const apps: App[] = []

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-kept-'))
})

afterEach(async () => {
  await Promise.all(apps.splice(0).map((app) => app.close()))
  rmSync(folder, { recursive: true, force: true })
})

/** What one evaluation of a module makes. */
function evaluated(options: Partial<MillraceOptions> = {}): App {
  const store = sqlite(join(folder, 'data.db'))
  const app = millrace({ store, logger: silentLogger, shutdownGrace: 0, ...options })
  apps.push(app)
  return app
}

function post(app: App, kind: string, input: unknown): Promise<Response> {
  return app.fetch(
    new Request('http://host/millrace/streams', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ kind, input }),
    }),
  )
}

async function streamOf(response: Response): Promise<string> {
  expect(response.status).toBe(201)
  return ((await response.json()) as { stream: string }).stream
}

it('reads and stops the runs that an earlier evaluation started', async () => {
  const first = Promise.withResolvers<void>()
  const talk = run({
    async *run(_input, { signal }) {
      yield 'old'
      first.resolve()
      await new Promise((_resolve, reject) =>
        signal.addEventListener('abort', () => reject(signal.reason as Error)),
      )
    },
  })
  const before = evaluated({ runs: { talk } })
  const id = await streamOf(await post(before, 'talk', null))
  await first.promise
  const after = evaluated({ runs: { talk } })
  expect(after.runs).toBe(before.runs)
  expect(after.runs.active).toBe(1)
  const stopped = await after.fetch(
    new Request(`http://host/millrace/streams/${id}/stop`, { method: 'POST' }),
  )
  expect(await stopped.json()).toEqual({ status: 'stopped' })
})

it('starts runs, checks inputs and asks rules as they are after the edit', async () => {
  const says = (word: string) =>
    run({
      input: z.literal(word),
      async *run() {
        yield word
      },
    })
  const before = evaluated({ runs: { talk: says('old'), gone: says('gone') } })
  await streamOf(await post(before, 'talk', 'old'))
  let rules = 0
  const after = evaluated({ runs: { talk: says('new') }, mayStart: () => ++rules > 0 })
  const id = await streamOf(await post(after, 'talk', 'new'))
  const page = await after.fetch(new Request(`http://host/millrace/streams/${id}?offset=-1&live=sse`))
  expect(await page.text()).toContain('"new"')
  expect((await post(after, 'talk', 'old')).status).toBe(400)
  expect(await (await post(after, 'gone', 'gone')).json()).toMatchObject({ error: { code: 'unknown_kind' } })
  expect(rules).toBe(3)
})

it('holds the default of a limit that an edit removes', async () => {
  const quick = run({
    async *run() {
      yield 'x'
    },
  })
  const slow = run({
    async *run(_input, { signal }) {
      yield 'x'
      await new Promise((resolve) => signal.addEventListener('abort', resolve))
    },
  })
  const options = { runs: { quick, slow }, authenticate: () => 'ann' }
  const before = evaluated({ ...options, limits: { startsPerOwner: 1, runsPerProcess: 1 } })
  await streamOf(await post(before, 'slow', null))
  expect((await post(before, 'quick', null)).status).toBe(429)
  await expect(before.runs.start({ kind: 'quick' })).rejects.toMatchObject({ code: 'process_full' })
  const after = evaluated(options)
  await streamOf(await post(after, 'quick', null))
  await after.runs.start({ kind: 'quick' })
})

const kinds = {
  answer: {
    async *answer() {
      yield 'x'
    },
    message: () => undefined,
  },
}

it('keeps the messages of chats where the newest evaluation says', async () => {
  const asked: string[] = []
  const historyOf = (name: string) => ({
    load: () => {
      asked.push(name)
      return Promise.resolve([])
    },
    save: () => Promise.resolve(),
  })
  evaluated({ chats: { kinds, history: historyOf('old') } })
  const { chats, runs } = evaluated({ chats: { kinds, history: historyOf('new') } })
  const { run: id } = await chats.send('c', { message: { id: 'm', role: 'user' } })
  await (
    await runs.get(id)
  )?.end
  expect(new Set(asked)).toEqual(new Set(['new']))
})

it('says in one line which changes need a restart', async () => {
  const log = collectingLogger()
  const options = { logger: log, chats: { kinds }, limits: { runsPerOwner: 7 } }
  evaluated(options)
  evaluated({ ...options, leaseTtl: 10, channels: memoryChannels(), limits: {}, mayStart: () => true })
  expect(log.entries).toEqual([])
  evaluated({
    ...options,
    leaseTtl: 7,
    retention: Number.POSITIVE_INFINITY,
    shutdownGrace: 9,
    limits: { life: 60 },
    chats: { kinds, whileBusy: 'queue', limits: { queued: 3 }, retention: 60 },
    channels: redisChannels({ url: 'redis://ann:secret@127.0.0.1:1' }),
  })
  expect(log.entries.map(({ level, message }) => [level, message])).toEqual([
    [
      'warn',
      'options were changed that need a restart: shutdownGrace, chats.whileBusy, chats.limits.queued, ' +
        'chats.retention, leaseTtl, retention, limits.life, channels',
    ],
  ])
})

it('has one file open, however often it is evaluated', async () => {
  for (let edit = 0; edit < 20; edit++) evaluated()
  const [first, last] = [apps[0], apps.at(-1)]
  expect(first?.options.streams).toBe(last?.options.streams)
  expect(readdirSync(folder)).toEqual([])
  expect(first?.channels).toBe(last?.channels)
})

it('asks as the newest evaluation says, at its own routes', async () => {
  const before = evaluated()
  const after = evaluated({
    authenticate: () => {
      throw forbidden()
    },
  })
  const list = (app: App): Promise<Response> => app.fetch(new Request('http://host/millrace/streams'))
  expect([(await list(before)).status, (await list(after)).status]).toEqual([200, 403])
})

it('is another one after it was closed, on another file, or by another name', async () => {
  const one = evaluated()
  expect(evaluated({ name: 'other' }).runs).not.toBe(one.runs)
  expect(evaluated({ store: sqlite(join(folder, 'other.db')) }).runs).not.toBe(one.runs)
  await one.close()
  const next = evaluated()
  expect(next.runs).not.toBe(one.runs)
  expect((await next.runs.list()).runs).toEqual([])
})

it('connects to no Redis until it is used', async () => {
  const connected = vi.fn<() => void>()
  const server = createServer((socket) => {
    connected()
    socket.destroy()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const store = () => redis(`redis://ann:secret@127.0.0.1:${port}`)
  expect([store().address, redis('redis://127.0.0.1').address]).toEqual([
    `redis:millrace 127.0.0.1:${port}/0`,
    'redis:millrace 127.0.0.1:6379/0',
  ])
  const one = evaluated({ store: store() })
  expect(evaluated({ store: store() }).runs).toBe(one.runs)
  await new Promise((resolve) => setImmediate(resolve))
  expect(connected).not.toHaveBeenCalled()
  server.close()
})

it('with a store in memory is the same by its name alone', () => {
  expect(evaluated({ store: memory() }).runs).not.toBe(evaluated({ store: memory() }).runs)
  const named = { name: 'mine' }
  expect(evaluated({ store: memory(), ...named }).runs).toBe(evaluated({ store: memory(), ...named }).runs)
})
