/** The tutorial's own Django project goes on as before when Millrace joins its Redis. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { launchBrowser } from '../support/browser.ts'
import { RedisServer } from '../support/redis.ts'
import { TEN_NUMBERS } from '../support/seed-page.ts'
import { describeWith } from '../support/services.ts'
import { makeSeedProject } from './seed-project.ts'
import { TwoServers } from './two-servers.ts'

/** What the tutorial's author would add to reach the people on Millrace. */
const GROUP_SEND = `
from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
event = {"type": "room.message", "by": "the tutorial", "message": "hello"}
async_to_sync(get_channel_layer().group_send)("room", event)
`

describeWith(['channels', 'redis', 'chromium'], "the tutorial's project", (paths) => {
  let browser: Browser
  let folder: string
  let redis: RedisServer
  let servers: TwoServers

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'millrace-django-'))
    redis = await RedisServer.start(paths.redis)
    const project = await makeSeedProject(paths.channels, folder, redis.port)
    const app = resolve('examples/with-django/app.ts')
    servers = await TwoServers.start({ redis, python: paths.channels, project, app })
    browser = await launchBrowser(paths.chromium)
  })

  afterAll(async () => {
    await browser?.close()
    await servers?.end()
    await redis?.stop()
    await rm(folder, { recursive: true, force: true })
  })

  test('its page on Daphne streams, while its code reaches the people on Millrace', async () => {
    const page = await browser.newPage()
    await page.goto(servers.daphne)
    await page.waitForFunction('socket.readyState === 1')
    const client = await servers.connect(servers.millrace, '/ws/room/')
    expect(await client.receiveJson()).toMatchObject({ welcome: 'Millrace' })
    await page.click('button')
    expect(await servers.manage('shell', '-c', GROUP_SEND)).toMatchObject({ code: 0 })
    expect(await client.receiveJson()).toEqual({ by: 'the tutorial', message: 'hello' })
    await client.close()
    await expect.poll(() => page.inputValue('#openaiOutput'), { timeout: 20_000 }).toBe(TEN_NUMBERS)
  })
})
