/** What handlers do when their answer is over, seen from outside: the process must live. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import { describe, expect, it } from 'vitest'

const SCRIPT = `
  import { http, millrace } from ${JSON.stringify(new URL('../../src/index.ts', import.meta.url).href)}
  const say = (fields, message) => console.log(JSON.stringify({ message, err: fields.err?.message, path: fields.scope?.path }))
  const logger = { debug() {}, info() {}, warn: say, error: say }
  // Sends the time until it hears that nobody wants it any more, and then cleans up badly.
  const clock = (_request, { signal }) => {
    let timer
    const body = new ReadableStream({
      start(controller) {
        timer = setInterval(() => controller.enqueue(new TextEncoder().encode('tick')), 1)
        signal.addEventListener('abort', () => {
          clearInterval(timer)
          controller.close()
          console.log(JSON.stringify({ message: 'told', reason: signal.reason.name }))
        })
      },
    })
    return new Response(body)
  }
  const app = millrace({
    logger,
    routes: [
      http('/clock', clock),
      http('/timer', () => {
        setTimeout(() => { throw new Error('from a timer') }, 1)
        return new Response('answered')
      }),
      http('/promise', () => {
        void Promise.resolve().then(() => { throw new Error('from a promise') })
        return new Response('answered')
      }),
      http('/deaf', () => new Response(new ReadableStream({
        start: (controller) => void setInterval(() => controller.enqueue(new Uint8Array(1)), 1),
      }))),
    ],
    fetch: () => new Response('served'),
  })
  app.listen({ port: 0 }).then(({ url }) => console.log(JSON.stringify({ message: url })))
  process.once('SIGUSR2', () => setTimeout(() => { throw new Error('of nobody') }))
`

interface Line {
  readonly message: string
  readonly [name: string]: unknown
}

class Child implements AsyncDisposable {
  readonly #child: ChildProcess
  readonly exited: Promise<unknown[]>
  readonly errors: Promise<string>
  readonly #lines: AsyncIterator<string, undefined>
  url = ''

  constructor() {
    const options = ['--conditions=millrace:source', '--input-type=module', '-e', SCRIPT]
    this.#child = spawn(process.execPath, options, { stdio: ['ignore', 'pipe', 'pipe'] })
    this.exited = once(this.#child, 'exit')
    this.errors = text(this.#child.stderr!)
    this.#lines = createInterface({ input: this.#child.stdout! })[Symbol.asyncIterator]()
  }

  static async start(): Promise<Child> {
    const child = new Child()
    child.url = (await child.next()).message
    return child
  }

  async next(): Promise<Line> {
    const line = await this.#lines.next()
    if (line.done) throw new Error(`The server ended: ${await this.errors}`)
    return JSON.parse(line.value) as Line
  }

  async text(path: string): Promise<string> {
    return await (await fetch(this.url + path)).text()
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill('SIGKILL')
    await this.exited
  }
}

describe('a handler', () => {
  it('that streams is told when a HEAD is answered, and the server goes on', async () => {
    await using child = await Child.start()
    expect((await fetch(`${child.url}/clock`, { method: 'HEAD' })).status).toBe(200)
    // A tick may have come between the answer and the signal.
    let line = await child.next()
    while (line.message !== 'told') line = await child.next()
    expect(line).toEqual({ message: 'told', reason: 'AbortError' })
    expect(await child.text('/')).toBe('served')
  })

  it.each([
    ['/timer', 'from a timer'],
    ['/promise', 'from a promise'],
  ])('at %s that throws when it has answered is logged, and the server goes on', async (path, err) => {
    await using child = await Child.start()
    expect(await child.text(path)).toBe('answered')
    const message = 'an HTTP handler threw where nobody could catch it: the server goes on'
    expect(await child.next()).toEqual({ message, err, path })
    expect(await child.text('/')).toBe('served')
  })

  it('that hears nothing and throws for ever is logged as a count, and the server goes on', async () => {
    await using child = await Child.start()
    await fetch(`${child.url}/deaf`, { method: 'HEAD' })
    expect(await child.next()).toMatchObject({ path: '/deaf' })
    for (let i = 0; i < 20; i++) expect(await child.text('/')).toBe('served')
  })
})

it('what is thrown outside of handlers ends the process as it always did', async () => {
  await using child = await Child.start()
  child.signal('SIGUSR2')
  expect(await child.exited).toEqual([1, null])
  expect(await child.errors).toContain('Error: of nobody')
})
