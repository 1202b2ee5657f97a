/** `millrace streams` against a server of its own, which keeps its streams in an SQLite file. */
import { describe, expect, test, vi } from 'vitest'
import { type CommandLine, type Outcome, folderWith, millrace, serve, startMillrace } from './command-line.ts'

// Each test starts several processes, which take their time on a busy machine.
vi.setConfig({ testTimeout: 60_000 })

/**
 * Runs of so many numbers (or endless), of a failure; and streams that are none: of these texts of
 * records, and of another content type.
 */
const APP = `import { httpStreams, millrace, RunFailedError, storeFromEnvironment, streaming, unauthenticated } from 'millrace'
import { setTimeout as sleep } from 'node:timers/promises'

const kinds = {
  numbers: {
    resumable: true,
    async *run(count, { signal, resumeFrom, checkpoint }) {
      for (let n = resumeFrom ?? 0; count === null || n < count; n++) {
        checkpoint(n + 1)
        yield { n }
        await sleep(10, undefined, { signal })
      }
    },
  },
  failure: {
    async *run() {
      yield { n: 0 }
      throw new RunFailedError('out_of_credits', 'Your credits\\nare used up.')
    },
  },
}
const store = storeFromEnvironment()
const streams = streaming({ store, runs: kinds, leaseTtl: 1, shutdownGrace: 0 })
const { runs, delivery } = streams
const start = async ({ id, owner, input }) => {
  if (Array.isArray(input)) return (await store.create(id, { owner, records: input, closed: true })).info
  return await runs.start(input === 'failure' ? { id, owner, kind: input } : { id, owner, kind: 'numbers', input })
}
const authenticate = (request) => {
  if (request.headers.get('authorization') === 'Bearer hunter2') return 'ada'
  throw unauthenticated()
}
await store.create('bytes', { contentType: 'text/plain', owner: process.env.GUARDED && 'ada' })
export default millrace({
  streams,
  routes: [httpStreams('/millrace/streams', { store, delivery, runs, start, ...(process.env.GUARDED && { authenticate }) })],
})
`

interface Server {
  readonly running: CommandLine
  readonly port: string
  readonly folder: string
  /** Starts a run, or keeps a stream of these texts; resolves when it is kept. */
  start(id: string, input: unknown): Promise<void>
  streams(...args: string[]): Promise<Outcome>
  streamsStarted(...args: string[]): CommandLine
}

async function server(): Promise<Server> {
  const folder = await folderWith({ 'app.ts': APP })
  const running = await serve(['app.ts'], { folder, environment: { MILLRACE_STORE: 'streams.db' } })
  const { url } = running
  const streamsStarted = (...args: string[]): CommandLine =>
    startMillrace(['streams', ...args], { environment: { MILLRACE_URL: url } })
  return {
    running,
    folder,
    port: new URL(url).port,
    start: async (id, input) => {
      const headers = { 'content-type': 'application/json' }
      const body = JSON.stringify({ id, input })
      const { status } = await fetch(`${url}/millrace/streams`, { method: 'POST', headers, body })
      expect(status).toBe(201)
    },
    streamsStarted,
    streams: async (...args) => await streamsStarted(...args).ended,
  }
}

const numbers = (from: number, to: number): string[] =>
  Array.from({ length: to - from }, (_, index) => `{"n":${from + index}}`)
const COMPLETED = 'millrace: closed with {"status":"completed"}\n'
const lines = (...all: readonly string[]): string => `${all.join('\n')}\n`

describe('millrace streams', () => {
  test('ls lists what there is, as a table and as JSON', async () => {
    const { start, streams } = await server()
    await start('run-1', 3)
    await start('run-2', null)
    expect((await streams('tail', 'run-1')).code).toBe(0)
    const table = await streams('ls')
    expect(table).toMatchObject({ code: 0, stderr: '' })
    expect(table.stdout).toMatch(
      /^ID +STATUS +RECORDS +AGE\nbytes +open +0 +\d+ s\nrun-1 +completed +3 +\d+ s\nrun-2 +running +\d+ +\d+ s\n$/,
    )
    const { stdout } = await streams('ls', '--json', '--prefix', 'run-1')
    expect(JSON.parse(stdout)).toMatchObject({
      id: 'run-1',
      status: 'completed',
      end: { status: 'completed' },
      records: 3,
    })
    expect(await streams('ls', '--prefix', 'x', '--json')).toEqual({ code: 0, stdout: '', stderr: '' })
  })

  test('tail prints a run to its end, from an offset, or as far as it is', async () => {
    const { start, streams, port } = await server()
    await start('run', 5)
    const whole = { code: 0, stdout: lines(...numbers(0, 5)), stderr: COMPLETED }
    expect(await streams('tail', 'run')).toEqual(whole)
    const { headers } = await fetch(`http://127.0.0.1:${port}/millrace/streams/run`)
    const from = (headers.get('stream-next-offset') ?? '').replace('5_', '4_').concat('.1')
    const outcomes = await Promise.all([
      streams('tail', 'run', '--no-follow', '--from', '-1'),
      streams('tail', 'run', '--from', from),
      streams('tail', 'run', '--from', from, '--no-follow'),
      streams('tail', 'run', '--from', 'now'),
    ])
    const rest = { code: 0, stdout: lines('{"n":4}'), stderr: COMPLETED }
    expect(outcomes).toEqual([whole, rest, rest, { code: 0, stdout: '', stderr: COMPLETED }])
  })

  test('tail prints the texts that were written, each in a line', async () => {
    const { start, streams } = await server()
    const texts = ['12345678901234567890', '1e400', '{"2":1.0,"1":"\\u00e9 ü"}', ' [1, "a,\\n]"]']
    await start('texts', [...texts, '{\n  "a":\r\n1}'])
    const whole = { code: 0, stdout: lines(...texts, '{   "a": 1}'), stderr: '' }
    expect(await streams('tail', 'texts')).toEqual(whole)
    expect(await streams('tail', 'texts', '--no-follow')).toEqual(whole)
  })

  test('tail does not wait for a run that goes on, where it is told not to', async () => {
    const { start, streams } = await server()
    await start('run', null)
    const { code, stdout } = await streams('tail', 'run', '--no-follow')
    expect(code).toBe(0)
    expect(lines(...numbers(0, 10_000)).startsWith(stdout)).toBe(true)
  })

  test('tail says why a run failed, in one line, and exits with 1', async () => {
    const { start, streams } = await server()
    await start('run', 'failure')
    const stderr = 'millrace: Your credits are used up.\n'
    const outcome = { code: 1, stdout: lines('{"n":0}'), stderr }
    expect(await streams('tail', 'run')).toEqual(outcome)
    expect(await streams('tail', 'run', '--no-follow')).toEqual(outcome)
  })

  test('tail exits with 1 for a run that failed also where it has nothing to print', async () => {
    const { start, streams, port } = await server()
    await start('run', 'failure')
    await streams('tail', 'run')
    const { headers } = await fetch(`http://127.0.0.1:${port}/millrace/streams/run`)
    const end = headers.get('stream-next-offset') ?? ''
    const outcome = { code: 1, stdout: '', stderr: 'millrace: Your credits are used up.\n' }
    for (const from of [end, 'now']) {
      expect(await streams('tail', 'run', '--from', from)).toEqual(outcome)
      expect(await streams('tail', 'run', '--from', from, '--no-follow')).toEqual(outcome)
    }
    await start('empty', [])
    const none = { code: 0, stdout: '', stderr: '' }
    expect(await streams('tail', 'empty', '--no-follow')).toEqual(none)
  })

  test('tail goes on where it was when the server was killed and is back', async () => {
    const { running, port, folder, start, streamsStarted } = await server()
    await start('run', 300)
    const tail = streamsStarted('tail', 'run')
    await tail.printed(/"n":20\}/)
    running.kill('SIGKILL')
    await running.ended
    await tail.printed(/millrace: the server does not answer; trying again/)
    await serve(['app.ts', '-p', port], { folder, environment: { MILLRACE_STORE: 'streams.db' } })
    const { code, stdout } = await tail.ended
    expect({ code, stdout }).toEqual({ code: 0, stdout: lines(...numbers(0, 300)) })
  })

  test('tail ends when nobody reads it any more', async () => {
    const { start, streamsStarted } = await server()
    await start('run', null)
    const tail = streamsStarted('tail', 'run')
    await tail.printed(/"n":3\}/)
    tail.child.stdout?.destroy()
    expect((await tail.ended).code).toBe(0)
  })

  test('stop ends a run, and whoever follows it learns of that', async () => {
    const { start, streams, streamsStarted } = await server()
    await start('run', null)
    const tail = streamsStarted('tail', 'run')
    await tail.printed(/"n":3\}/)
    const stopped = { code: 0, stdout: 'stopped\n', stderr: '' }
    expect(await streams('stop', 'run')).toEqual(stopped)
    expect(await streams('stop', 'run')).toEqual(stopped)
    const { code, stdout, stderr } = await tail.ended
    expect({ code, stderr }).toEqual({ code: 0, stderr: 'millrace: closed with {"status":"stopped"}\n' })
    expect(stdout).toMatch(/\{"n":\d+\}\n$/)
  })

  test('rm removes a stream, and no run that is running', async () => {
    const { start, streams } = await server()
    await start('run', null)
    const refused = 'millrace: The run has not ended yet. Stop it first.\n'
    expect(await streams('rm', 'run')).toEqual({ code: 1, stdout: '', stderr: refused })
    await streams('stop', 'run')
    expect(await streams('rm', 'run')).toEqual({ code: 0, stdout: '', stderr: '' })
    const gone = {
      code: 1,
      stdout: '',
      stderr: 'millrace: There is no such stream, or it is not yours.\n',
    }
    const again = await Promise.all(['rm', 'stop', 'tail'].map((command) => streams(command, 'run')))
    expect(again).toEqual([gone, gone, gone])
  })
})

describe('what cannot be is one line', () => {
  test('of the server', async () => {
    const { streams, port } = await server()
    expect(await streams('stop', 'bytes')).toMatchObject({
      code: 1,
      stderr: 'millrace: There is no such run.\n',
    })
    const bytes = 'millrace: the stream holds text/plain, not JSON records; read it with curl\n'
    expect(await streams('tail', 'bytes')).toEqual({ code: 1, stdout: '', stderr: bytes })
    const other = `http://127.0.0.1:${port}/other`
    expect(await streams('ls', '--url', other)).toMatchObject({
      code: 1,
      stderr: `millrace: no streams are served at ${other} (HTTP 404); --url says where they are\n`,
    })
  })

  test('of what answers otherwise than a server of streams', async () => {
    const { streams, port } = await server()
    const url = `http://127.0.0.1:${port}/healthz`
    const stderr = `millrace: ${url} gave no answer of a Millrace server; --url says where one is\n`
    expect(await streams('ls', '--url', url)).toEqual({ code: 1, stdout: '', stderr })
  })

  test('of a server that is not there', async () => {
    const { running, streams, port } = await server()
    running.kill('SIGKILL')
    await running.ended
    const stderr = `millrace: http://127.0.0.1:${port}/millrace/streams does not answer (connection refused); --url says where the server is\n`
    for (const args of [['ls'], ['tail', 'run']]) {
      expect(await streams(...args)).toEqual({ code: 1, stdout: '', stderr })
    }
  })

  test.each([
    [
      ['tail', 'run', '--from', 'x'],
      '--from is "x"; it takes an offset that the server gave, -1 for the start, or now',
    ],
    [['rm', '..'], 'that is not the id of a stream'],
    [['rm'], "missing required argument 'id'"],
  ])('of what was asked for: %j', async (args, line) => {
    expect(await millrace(['streams', ...args])).toEqual({
      code: 2,
      stdout: '',
      stderr: `millrace: ${line}\n`,
    })
  })
})

describe('who asks', () => {
  test('is what the headers say, from the flag or the variable', async () => {
    const folder = await folderWith({ 'app.ts': APP })
    const environment = { MILLRACE_STORE: 'streams.db', GUARDED: '1' }
    const { url } = await serve(['app.ts'], { folder, environment })
    const ls = async (args: readonly string[], variables: Record<string, string> = {}): Promise<Outcome> =>
      await millrace(['streams', 'ls', '--url', url, ...args], { environment: variables })
    const [known, fromVariable, unknown] = await Promise.all([
      ls(['--header', 'x-a: b', '--header', 'Authorization:  Bearer hunter2']),
      ls([], { MILLRACE_HEADER: 'x-a: b\nauthorization: Bearer hunter2' }),
      ls([]),
    ])
    for (const { code, stdout } of [known, fromVariable]) {
      expect(code).toBe(0)
      expect(stdout).toMatch(/^bytes +open/m)
    }
    expect(unknown).toEqual({
      code: 1,
      stdout: '',
      stderr:
        'millrace: You are not signed in. Sign in and try again. --header or MILLRACE_HEADER says who you are.\n',
    })
  })
})
