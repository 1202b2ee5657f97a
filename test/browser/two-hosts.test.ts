/** A page of app.example.com and a server at api.example.com, with a cookie of the latter, in a real browser. */
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Json, http, httpStreams, memory, streamSocket, streaming } from '../../src/index.ts'
import { bundle } from '../client/bundle.ts'
import { launchBrowser } from '../support/browser.ts'
import { serve } from '../support/server.ts'
import { describeWith } from '../support/services.ts'

const PAGE = `<!doctype html><title>Two hosts</title><script type="module">
  import { connect } from './client.js'
  window.ask = async (address, input) => {
    const client = connect(address)
    const answer = await client.start(input, { id: 'run' })
    const seen = []
    for await (const record of answer) if (seen.push(record) === 3) break
    return { seen, ended: await client.stop('run'), state: client.state }
  }
</script>`

describeWith(['chromium'], 'a page of app.example.com with a server at api.example.com', ({ chromium }) => {
  let browser: Browser
  let client: string

  beforeAll(async () => {
    browser = await launchBrowser(chromium, ['--host-resolver-rules=MAP *.example.com 127.0.0.1'])
    client = await bundle('src/client/index.ts')
  })

  afterAll(() => browser.close())

  test.each([
    ['by WebSocket', '/ws'],
    ['over HTTP, where no WebSocket gets through', '/no-websocket-here'],
  ])('it starts, reads and stops its own run %s', async (_case, path) => {
    const file = (body: string, type: string) => () =>
      new Response(body, { headers: { 'content-type': type } })
    await using app = await serve(
      { routes: [http('/', file(PAGE, 'text/html')), http('/client.js', file(client, 'text/javascript'))] },
      { allowedHosts: ['app.example.com'] },
    )
    const page = `http://app.example.com:${app.running.port}`
    await using api = await serveStreams(page)
    const context = await browser.newContext()
    await context.addCookies([{ name: 'session', value: 'ann', domain: 'api.example.com', path: '/' }])
    const tab = await context.newPage()
    await tab.goto(page)

    const address = `http://api.example.com:${api.running.port}${path}`
    const answer = await tab.evaluate(`window.ask('${address}', { say: 'hello' })`)
    expect(answer).toMatchObject({ seen: ['hello', 'hello', 'hello'], ended: 'stopped' })
    expect(await api.app.options.streams?.store.head('run')).toMatchObject({ owner: 'ann', closed: true })
    await context.close()
  })
})

/** A server of the streams of whoever its cookie names, for pages of one other origin. */
async function serveStreams(origin: string): ReturnType<typeof serve> {
  const { promise: never } = Promise.withResolvers<void>()
  const streams = streaming({
    store: memory(),
    shutdownGrace: 0,
    runs: {
      any: {
        async *run(input, { signal }) {
          for (let n = 0; n < 3; n++) yield (input as { say: string }).say
          const stopped = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()))
          await Promise.race([never, stopped])
        },
      },
    },
  })
  const options = {
    ...streams.services,
    start: ({ input, id, owner }: { input: Json; id?: string; owner?: string }) =>
      streams.runs.start({ kind: 'any', input, ...(id && { id }), ...(owner && { owner }) }),
  }
  return await serve(
    {
      streams,
      origins: [origin],
      authenticate: (request) => /\bsession=(\w+)/.exec(request.headers.get('cookie') ?? '')?.[1],
      routes: [streamSocket('/ws', options), httpStreams('/streams', options)],
    },
    { allowedHosts: ['api.example.com'] },
  )
}
