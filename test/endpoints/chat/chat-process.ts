/**
 * A server in a process of its own, for tests that kill it: an answer of two words that never ends, and one of twelve
 * that is continued, and one that is asked for again: it ends in a process that is told to let it. SIGTERM drains it.
 */
import { readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { chat } from '../../../src/ai-sdk.ts'
import { type Application, millrace, sqlite } from '../../../src/index.ts'
import { pageRoutes } from './page-routes.ts'

const [file = '', port = '0', ends = '', page = ''] = process.argv.slice(2)

const app: Application = millrace({
  store: sqlite(file),
  leaseTtl: 1,
  shutdownGrace: 0,
  routes: [
    ...(page === '' ? [] : pageRoutes(await readFile(page, 'utf8'), () => app.chats)),
    chat('/api/chat', {
      async *stream({ signal }) {
        yield { type: 'text-start', id: '1' } as const
        yield { type: 'text-delta', id: '1', delta: 'One' } as const
        yield { type: 'text-delta', id: '1', delta: ' two' } as const
        await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
        signal.throwIfAborted()
      },
    }),
    chat('/api/counting', {
      resumable: true,
      async *stream({ signal, resumeFrom, checkpoint }) {
        if (resumeFrom === undefined) yield { type: 'text-start', id: '1' } as const
        for (let word = typeof resumeFrom === 'number' ? resumeFrom : 0; word < 12; word++) {
          await sleep(100, undefined, { signal })
          checkpoint(word + 1)
          yield { type: 'text-delta', id: '1', delta: `${word} ` } as const
        }
        yield { type: 'text-end', id: '1' } as const
      },
    }),
    chat('/api/again', {
      afterCrash: 'again',
      async *stream({ signal }) {
        yield { type: 'start-step' } as const
        yield { type: 'text-start', id: '1' } as const
        yield { type: 'text-delta', id: '1', delta: 'One' } as const
        yield { type: 'text-delta', id: '1', delta: ' two' } as const
        if (ends !== 'ends')
          await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
        signal.throwIfAborted()
        yield { type: 'text-delta', id: '1', delta: ' three.' } as const
        yield { type: 'text-end', id: '1' } as const
        yield { type: 'finish-step' } as const
      },
    }),
  ],
  logger: { debug() {}, info() {}, warn() {}, error() {} },
})
const running = await app.listen({ port: Number(port) })
process.once('SIGTERM', () => void app.close().then(() => process.disconnect()))
process.send?.(running.port)
