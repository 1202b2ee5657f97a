/** The client of the Durable Streams protocol, as it is published, in a browser and through a kill of the server. */
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { bundle } from '../client/bundle.ts'
import { numbers } from '../client/fakes.ts'
import { DurableStreamsServer } from '../interop/durable-streams-server.ts'
import { temporaryFolder } from '../streams/harnesses.ts'
import { launchBrowser } from '../support/browser.ts'
import { describeWith } from '../support/services.ts'

/** Writes to a stream and follows it. Where the client gives up, it goes on behind what it has. */
const SCRIPT = `
  import { DurableStream, IdempotentProducer, stream } from './client.js'
  const patient = async (...request) => {
    for (;;) {
      try { return await fetch(...request) } catch { await new Promise((resolve) => setTimeout(resolve, 20)) }
    }
  }
  window.open = async (url, live) => {
    const handle = await DurableStream.create({ url, contentType: 'application/json', warnOnHttp: false })
    const producer = new IdempotentProducer(handle, 'page', { fetch: patient, autoClaim: true, lingerMs: 1, maxBatchBytes: 50 })
    window.write = (numbers) => numbers.forEach((n) => producer.append(JSON.stringify(n)))
    window.flush = () => producer.flush()
    window.seen = []
    let offset = '-1'
    for (;;) {
      try {
        const response = await stream({ url, offset, live, json: true, warnOnHttp: false })
        response.subscribeJson((batch) => {
          window.seen.push(...batch.items)
          offset = batch.offset
        })
        await response.closed
        return
      } catch {}
    }
  }
`

describeWith(['chromium'], '@durable-streams/client in Chromium', ({ chromium }) => {
  let browser: Browser
  let client: string
  let folder: ReturnType<typeof temporaryFolder>
  let server: DurableStreamsServer
  let context: BrowserContext
  let page: Page

  beforeAll(async () => {
    browser = await launchBrowser(chromium)
    client = await bundle('node_modules/@durable-streams/client/dist/index.js')
  })

  afterAll(() => browser.close())

  beforeEach(async () => {
    folder = temporaryFolder()
    server = await DurableStreamsServer.start(`${folder.path}/streams.db`)
    context = await browser.newContext()
    const serve = (path: string, body: string): Promise<unknown> =>
      context.route(`**/${path}`, (route) => route.fulfill({ contentType: 'text/javascript', body }))
    await serve('client.js', client)
    await serve('page.js', SCRIPT)
    page = await context.newPage()
    await page.goto(server.url)
    await page.addScriptTag({ type: 'module', url: '/page.js' })
  })

  afterEach(async () => {
    await context.close()
    await server[Symbol.asyncDispose]()
    folder.dispose()
  })

  test.each(['sse', 'long-poll'])(
    'writes, and follows by %s what is written, through a kill',
    async (live) => {
      const expectSeen = (to: number) =>
        expect.poll(() => page.evaluate('window.seen'), { timeout: 20_000 }).toEqual(numbers(0, to))
      await page.evaluate(`void window.open('${server.stream('log')}', '${live}')`)
      await page.waitForFunction('window.write')
      await page.evaluate(`window.write(${JSON.stringify(numbers(0, 50))})`)
      await expectSeen(50)
      await page.evaluate(`window.write(${JSON.stringify(numbers(50, 150))})`)
      await server.restart('SIGKILL')
      await page.evaluate('window.flush()')
      await expectSeen(150)
    },
  )
})
