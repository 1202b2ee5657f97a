/**
 * A Redis that is killed and comes back without what it was told last, as after a failover to a replica
 * that was behind. The process that wrote it writes it again; where that one died as well, every reader
 * of what is lost is told so, and none is given the records of another history behind it.
 */
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type RemoteStream, StreamError, connect } from 'millrace/client'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { RedisServer } from '../support/redis.ts'
import { describeWith } from '../support/services.ts'
import { Fleet } from './fleet.ts'
import { Journal } from './journal.ts'
import { Progress } from './progress.ts'
import { readLog } from './read-log.ts'
import type { Source } from './workload.ts'

const RUN = 'counting-1'
const COUNT_TO = 500
const source: Source = { type: 'counting', atLeast: COUNT_TO, every: 1, paceMs: 5 }

interface Counted {
  readonly n: number
  /** The process that counted. */
  readonly by: number
}

interface Following {
  readonly records: readonly Counted[]
  readonly stream: RemoteStream<Counted>
  /** The status it ended with, or the code of its error. */
  readonly end: Promise<string>
}

describeWith(['redis'], 'a Redis that loses its last moments', ({ redis }) => {
  let folder: string
  let server: RedisServer
  let fleet: Fleet
  let journal: Journal
  let progress: Progress
  let over: AbortController
  const ends: (() => void)[] = []

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'millrace-chaos-'))
    server = await RedisServer.start(redis, { persistent: true })
    const gate = join(folder, 'gate')
    await writeFile(gate, '')
    journal = new Journal()
    progress = new Progress()
    over = new AbortController()
    fleet = await Fleet.start({
      size: 2,
      journal,
      cache: join(folder, 'cache'),
      config: {
        store: { type: 'redis', options: { url: server.url } },
        model: 'http://127.0.0.1:1/v1',
        leaseTtl: 2,
        gate,
      },
      failed: (error) => over.abort(error),
      moved: () => undefined,
    })
  })

  afterEach(async ({ task }) => {
    if (task.result?.state === 'fail') console.info(journal.tail(200))
    for (const end of ends.splice(0)) end()
    await fleet.close()
    await server.stop()
    await rm(folder, { recursive: true, force: true })
  })

  /** Reads through one process alone. */
  function follow(process: string, offset = '-1'): Following {
    const client = connect(`ws://127.0.0.1:${fleet.portOf(process)}/ws/streams/`, { http: false })
    ends.push(() => client.close())
    const stream = client.stream<Counted>(RUN, { offset })
    const records: Counted[] = []
    const read = async (): Promise<string> => {
      try {
        for await (const record of stream) {
          records.push(record)
          progress.add()
        }
      } catch (error) {
        if (!(error instanceof StreamError)) throw error
        journal.note(`a reader of ${process} after ${records.length} records: ${error.code}, ${error.reason}`)
        return error.code
      }
      return stream.status
    }
    return { records, stream, end: read() }
  }

  async function start(process: string): Promise<void> {
    const client = connect(`ws://127.0.0.1:${fleet.portOf(process)}/ws/streams/`, { http: false })
    ends.push(() => client.close())
    ;(await client.start({ ...source }, { id: RUN })).close()
  }

  async function reached({ records }: Following, count: number): Promise<void> {
    await progress.until(() => records.length >= count, over.signal)
  }

  /** Reads no more. Where to go on. */
  async function leave({ stream, end }: Following): Promise<string> {
    stream.close()
    await end
    return stream.offset
  }

  /** What Redis has on its disk. */
  const data = (): string => join(server.folder, 'appendonlydir')
  const remembered = (): string => join(folder, 'remembered')

  async function forget(): Promise<void> {
    await server.kill()
    await rm(data(), { recursive: true })
    await cp(remembered(), data(), { recursive: true })
    await server.run()
    journal.note('Redis is back, without its last moments')
  }

  const numbers = (length: number): number[] => Array.from({ length }, (_, n) => n)

  test('is given them again by the process that wrote them', async () => {
    await start('P1')
    const readers = [follow('P1'), follow('P2')]
    const leaver = follow('P2')
    await reached(leaver, 100)
    await cp(data(), remembered(), { recursive: true })
    await Promise.all([...readers, leaver].map((reader) => reached(reader, 150)))
    const offset = await leave(leaver)
    await forget()
    // Redis has them again.
    await Promise.all(readers.map((reader) => reached(reader, 250)))
    const comer = follow('P2', offset)
    expect(await Promise.all([...readers, comer].map(({ end }) => end))).toEqual(
      [...readers, comer].map(() => 'completed'),
    )
    const { records: log } = JSON.parse(await readLog(fleet.portOf('P2'), RUN)) as { records: Counted[] }
    expect(log.map(({ n }) => n)).toEqual(numbers(COUNT_TO))
    for (const { records } of readers) expect(records).toEqual(log)
    expect([...leaver.records, ...comer.records]).toEqual(log)
  })

  test('and the process that wrote them says that they are lost', async () => {
    await start('P1')
    const present = follow('P2')
    const leaver = follow('P2')
    await reached(present, 100)
    await cp(data(), remembered(), { recursive: true })
    await Promise.all([present, leaver].map((reader) => reached(reader, 150)))
    const offset = await leave(leaver)
    await fleet.kill('P1')
    await forget()
    expect(await present.end).toBe('gone')
    expect(present.stream.error?.reason).toBe('lost')
    // The run goes on from what is left, and its readers are those who begin anew.
    const anew = follow('P2')
    expect(await anew.end).toBe('completed')
    expect(anew.records.map(({ n }) => n)).toEqual(numbers(COUNT_TO))
    const { records: log } = JSON.parse(await readLog(fleet.portOf('P2'), RUN)) as { records: Counted[] }
    expect(anew.records).toEqual(log)
    expect(log.slice(0, 150)).not.toEqual(present.records.slice(0, 150))
    // Whoever was away meanwhile is not given what lies behind another past.
    expect(await follow('P2', offset).end).toBe('offset_lost')
  })
})
