import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { expect, it } from 'vitest'
import { RawClient } from '../../support/raw-client.ts'

const SCRIPT = `
  import { openSync } from 'node:fs'
  import { http, millrace } from ${JSON.stringify(new URL('../../../src/index.ts', import.meta.url).href)}
  const say = (fields, message) => console.log(JSON.stringify({ message, ...fields }))
  const app = millrace({
    logger: { debug() {}, info() {}, warn: say, error: say },
    routes: [http('/hog', () => {
      try {
        for (;;) openSync('/dev/null')
      } catch (error) {
        return new Response(error.code)
      }
    })],
  })
  app.listen({ port: 0 }).then(({ port }) => console.log(JSON.stringify({ port })))
`

it('a server without a file descriptor left says so, and that fewer connections can be open than it may hold', async () => {
  const command = `ulimit -n 300; exec "$0" "$@"`
  const node = [process.execPath, '--conditions=millrace:source', '--input-type=module', '-e', SCRIPT]
  const child = spawn('/bin/sh', ['-c', command, ...node], { stdio: ['ignore', 'pipe', 'inherit'] })
  const exited = once(child, 'exit')
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const next = async (): Promise<Record<string, unknown>> =>
    JSON.parse((await lines.next()).value as string) as Record<string, unknown>
  try {
    expect(await next()).toMatchObject({
      message: expect.stringContaining('connections are limited below maxConnections') as string,
      maxConnections: 10_000,
      descriptors: 300,
      connections: 44,
    })
    const { port } = await next()
    await using client = await RawClient.connect({ port: port as number, host: '127.0.0.1' })
    client.request('GET /hog')
    expect((await client.response()).body).toBe('EMFILE')
    expect(await next()).toMatchObject({
      message: expect.stringContaining('no file descriptors left') as string,
      code: 'EMFILE',
    })
  } finally {
    child.kill('SIGKILL')
    await exited
  }
})
