/** A server with a page of `useLiveChat` in a process of its own, for tests that kill it. */
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { chat } from '../../src/ai-sdk.ts'
import { http, millrace, sqlite } from '../../src/index.ts'

const [file = '', script = '', port = '0'] = process.argv.slice(2)
const code = readFileSync(script, 'utf8')
const page =
  '<!doctype html><title>Chat</title><link rel="icon" href="data:,"><div id="root"></div><script type="module" src="/page.js"></script>'
const served = (body: string, type: string) => () => new Response(body, { headers: { 'content-type': type } })

const told = new Promise((resolve) => process.once('message', resolve))
const aborted = (signal: AbortSignal): Promise<unknown> =>
  new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))

const app = millrace({
  store: sqlite(file),
  leaseTtl: 1,
  routes: [
    http('/', served(page, 'text/html')),
    http('/page.js', served(code, 'text/javascript')),
    // Twelve words, which another process goes on with; after three of them it waits to be told.
    chat('/api/chat', {
      resumable: true,
      async *stream({ signal, resumeFrom, checkpoint }) {
        if (resumeFrom === undefined) yield { type: 'text-start', id: '1' } as const
        for (let word = typeof resumeFrom === 'number' ? resumeFrom : 0; word < 12; word++) {
          if (word === 3 && resumeFrom === undefined) await Promise.race([told, aborted(signal)])
          await sleep(20, undefined, { signal })
          checkpoint(word + 1)
          yield { type: 'text-delta', id: '1', delta: `${word} ` } as const
        }
        yield { type: 'text-end', id: '1' } as const
      },
    }),
    // Two words, which nobody goes on with.
    chat('/api/short', {
      async *stream({ signal, messages }) {
        yield { type: 'text-start', id: '1' } as const
        yield { type: 'text-delta', id: '1', delta: 'One two' } as const
        if (JSON.stringify(messages).includes('and on')) await aborted(signal)
        signal.throwIfAborted()
        yield { type: 'text-end', id: '1' } as const
      },
    }),
  ],
  logger: { debug() {}, info() {}, warn() {}, error() {} },
})
const running = await app.listen({ port: Number(port) })
process.send?.(running.port)
