/** The suite against several processes, as `millrace serve` starts them: `npm run conformance` takes all of it. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { afterAll, describe } from 'vitest'
import { CommandLine } from '../cli/command-line.ts'
import { RedisServer } from '../support/redis.ts'
import { describeWith } from '../support/services.ts'
import { LONG_POLL, conforms } from './suite.ts'

/** What one process writes and another reads, and decisions that two of them have to take alike. */
const QUICK =
  /(?:Basic Stream|Append|Read) Operations|Long-Poll|Read-Your-Writes|Idempotent Producer|Stream Closure|SSE|Fork - (?:Reading|Deletion)/

function conformsWithWorkers(store: () => Promise<string>): void {
  conforms(
    async () => {
      const flags = [
        '--durable-streams',
        '--long-poll-timeout',
        `${LONG_POLL}`,
        '--origin',
        'https://example.com',
      ]
      const command = [process.execPath, 'src/cli/main.ts', 'serve', '-p', '0', '--workers', '2', ...flags]
      const running = new CommandLine([...command, '--store', await store()], {})
      const [, url = ''] = await running.printed(/ is serving .* on (http:\/\/[^\s"]+)/)
      return { url, close: () => running.end() }
    },
    (section) =>
      process.env.MILLRACE_LONG || QUICK.test(section) ? undefined : 'npm run conformance has it',
  )
}

describe('two workers on SQLite', () => {
  let folder: string | undefined
  afterAll(async () => {
    if (folder !== undefined) await rm(folder, { recursive: true })
  })
  conformsWithWorkers(async () =>
    join((folder = await mkdtemp(join(tmpdir(), 'millrace-workers-'))), 'streams.db'),
  )
})

describeWith(['redis'], 'two workers on Redis', ({ redis }) => {
  let server: RedisServer | undefined
  afterAll(() => server?.stop())
  conformsWithWorkers(async () => (server = await RedisServer.start(redis)).url)
})
