/**
 * Very many long polls of one stream, on a server in a process of its own: one append answers all of them, and
 * each costs little meanwhile. `MILLRACE_LONG=1` takes ten thousand, and prints what it saw.
 */
import { readFileSync } from 'node:fs'
import process from 'node:process'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { HttpSocket } from '../../bench/durable-streams/http-socket.ts'
import { cpuMicrosOf } from '../../bench/harness/processor-time.ts'
import { ClumsyProcess } from '../support/clumsy-process.ts'

const LONG = Boolean(process.env['MILLRACE_LONG'])
const POLLS = LONG ? 10_000 : 1_000
/** Bytes that a poll may take in the server: its connection, its request and its reader. */
const EACH = 48 * 1024

const PATH = '/v1/stream/log'

const SOURCE = JSON.stringify(new URL('../../src/index.ts', import.meta.url).href)

const SCRIPT = `
  import { durableStreams, http, memory, millrace, silentLogger, streaming } from ${SOURCE}
  const streams = streaming({ store: memory() })
  const app = millrace({
    logger: silentLogger,
    streams,
    routes: [
      http('/process', () => Response.json({ pid: process.pid, readers: streams.delivery.readers('log') })),
      durableStreams('/v1/stream', { ...streams.services, longPollTimeout: 300 }),
    ],
  })
  const { url } = await app.listen({ port: 0, maxConnections: 20_000 })
  console.log(JSON.stringify({ message: url }))
`

let server: ClumsyProcess
let pid: number

beforeAll(async () => {
  server = await ClumsyProcess.start(SCRIPT)
  pid = (await ofServer()).pid
})

afterAll(() => server[Symbol.asyncDispose]())

async function ofServer(): Promise<{ readonly pid: number; readonly readers: number }> {
  return JSON.parse(await server.text('/process')) as { pid: number; readers: number }
}

/** Bytes of memory of the server, as the system counts them. */
function memory(): number {
  const status = readFileSync(`/proc/${pid}/status`, 'latin1')
  return Number(/^VmRSS:\s*(\d+) kB$/m.exec(status)?.[1]) * 1024
}

const processorMicros = (): number => cpuMicrosOf(pid)

it('answers very many polls of one stream with one append', { timeout: 120_000 }, async () => {
  const port = Number(new URL(server.url).port)
  const writer = await HttpSocket.open(port)
  expect((await writer.ask('PUT', PATH, '[1]')).status).toBe(201)
  const sockets: HttpSocket[] = []
  // As many at a time as wait to be accepted.
  for (let left = POLLS; left > 0; left -= 100)
    sockets.push(...(await Promise.all(Array.from({ length: 100 }, () => HttpSocket.open(port)))))
  // Once around, so that what each connection needs once is there, and its code is warm.
  const around = await Promise.all(sockets.map((socket) => socket.ask('GET', `${PATH}?offset=-1`)))
  expect(around.every(({ status }) => status === 200)).toBe(true)
  const before = memory()
  const path = `${PATH}?offset=${/^stream-next-offset: (.*)$/im.exec(around[0]?.head ?? '')?.[1]}&live=long-poll`
  const polls = sockets.map((socket) => socket.ask('GET', path))
  await expect.poll(async () => (await ofServer()).readers, { timeout: 60_000, interval: 20 }).toBe(POLLS)
  const waiting = memory()
  const began = performance.now()
  const cpu = processorMicros()
  expect((await writer.ask('POST', PATH, '2')).status).toBe(204)
  const answers = await Promise.all(polls)
  const took = performance.now() - began
  expect(new Set(answers.map(({ body }) => body))).toEqual(new Set(['[2]']))
  const each = (waiting - before) / POLLS
  const cpuEach = (processorMicros() - cpu) / POLLS
  const figures = { polls: POLLS, kilobytesEach: each / 1000, wakeMs: took, cpuMicrosEach: cpuEach }
  if (LONG) console.log(figures)
  expect(each).toBeLessThan(EACH)
  for (const socket of sockets) socket.close()
  writer.close()
})
