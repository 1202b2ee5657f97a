/** A real client follows a run while every process of the server is replaced. */
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { connect } from '../../src/client/index.ts'
import { describeWith } from '../support/services.ts'
import { RedisServer } from '../support/redis.ts'
import { type CommandLine, folderWith, serve } from './command-line.ts'

// Each test starts several processes, which take their time on a busy machine.
vi.setConfig({ testTimeout: 180_000 })

/** Counts for as long as it takes, and says which process counted. */
const APP = `import { setTimeout as sleep } from 'node:timers/promises'
import { httpStreams, millrace, storeFromEnvironment, streaming, streamSocket } from 'millrace'

const count = async function* (_input, { signal, resumeFrom, checkpoint }) {
  for (let n = Number(resumeFrom ?? 0); !signal.aborted; n++) {
    checkpoint(n + 1)
    yield { n, pid: process.pid }
    await sleep(5, undefined, { signal })
  }
}

const streams = streaming({
  store: storeFromEnvironment(),
  runs: { count: { run: count, resumable: true } },
  shutdownGrace: 0,
})
const endpoint = {
  ...streams.services,
  returnAfter: 0.05,
  returnSpread: 0.2,
  start: (command) => streams.runs.start({ ...command, kind: 'count' }),
}
export default millrace({
  streams,
  routes: [streamSocket('/ws/streams/', endpoint), httpStreams('/streams', endpoint)],
})
`

interface Count {
  readonly n: number
  readonly pid: number
}

/** Follows runs from several clients through a rolling restart, and stops them. What each reader got of each. */
async function followThrough(running: CommandLine & { url: string }): Promise<readonly (readonly Count[])[]> {
  const url = `${running.url.replace('http', 'ws')}/ws/streams/`
  const clients = Array.from({ length: 4 }, () => connect(url))
  onTestFinished(() => {
    for (const client of clients) client.close()
  })
  const ids = await Promise.all(
    [0, 1].map(async (which) => {
      const stream = await clients[which]!.start({})
      stream.close()
      return stream.id
    }),
  )
  let isOver = false
  const read = async (client: (typeof clients)[number], id: string): Promise<readonly Count[]> => {
    const stream = client.stream<Count>(id)
    const records: Count[] = []
    for await (const record of stream) {
      records.push(record)
      // Both workers were replaced: whoever began with it is not who goes on. A while longer, to see it go on.
      if (isOver && record.pid !== records[0]?.pid && records.length % 50 === 0) break
    }
    return records
  }
  const reading = clients.flatMap((client) => ids.map((id) => read(client, id)))
  running.kill('SIGHUP')
  await running.printed(/Replaced all 2 workers/)
  isOver = true
  const all = await Promise.all(reading)
  for (const id of ids) await clients[0]!.stream(id).stop()
  return all
}

/** What is wrong with what a reader got. */
function faultsOf(records: readonly Count[]): readonly string[] {
  const place = records.findIndex(({ n }, index) => n !== index)
  return place < 0 ? [] : [`${records[place]?.n} in place of ${place}`]
}

describe('a run, through a rolling restart', () => {
  test('reaches every reader whole, in order and once, with streams in a file', async () => {
    const folder = await folderWith({ 'app.ts': APP })
    const running = await serve(['app.ts', '--workers', '2', '--store', 'streams.db'], { folder })
    const read = await followThrough(running)
    expect(read).toHaveLength(8)
    expect(read.flatMap(faultsOf)).toEqual([])
  })
})

describeWith(['redis'], 'with streams in Redis', (paths) => {
  test('a run reaches every reader whole, through a rolling restart', async () => {
    const redis = await RedisServer.start(paths['redis'])
    onTestFinished(() => redis.stop())
    const folder = await folderWith({ 'app.ts': APP })
    const store = `redis://127.0.0.1:${redis.port}/0`
    const read = await followThrough(await serve(['app.ts', '--workers', '2', '--store', store], { folder }))
    expect(read).toHaveLength(8)
    expect(read.flatMap(faultsOf)).toEqual([])
  })
})
