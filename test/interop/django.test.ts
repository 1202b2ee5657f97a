/**
 * examples/with-django as its README runs it: Daphne, `millrace serve` and one Redis, in real browsers.
 *
 * Nobody leaves Daphne before the end. One of its consumers waits for Redis on behalf of all, and when that
 * one leaves, Debian's channels_redis 4.0 with redis-py 4.3 now and then takes the next message of another
 * along. So the tests of a mode share their connections, and each begins where the one before it ended.
 */
import { randomUUID } from 'node:crypto'
import { resolve } from 'node:path'
import type { Browser, Page } from 'playwright-core'
import { createClient } from 'redis'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { MANY, SLOW_MANY } from './many.ts'
import { type RedisChannelLayer, redisChannels } from '../../src/channels/redis/queues/open.ts'
import { complaintsOf, launchBrowser } from '../support/browser.ts'
import { RedisServer } from '../support/redis.ts'
import { describeWith } from '../support/services.ts'
import type { WebSocketClient } from '../support/websocket-client.ts'
import { bytes, int, type PythonPeer } from './python-peer.ts'
import { TwoServers } from './two-servers.ts'

const project = resolve('examples/with-django')
/** Messages on their way at once: half of what channels_redis keeps for a process by default. */
const BATCH = 50
const PATIENCE = { timeout: 300_000 }

/** A red square, 8 by 8. */
const PNG = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAgAAAAICAIAAABLbSncAAAAE0lEQVR4nGP4z8CAFTEMLQkGBgAvkD/BM0mvWgAAAABJRU5ErkJggg==',
  'base64',
)

describeWith(['channels', 'redis', 'chromium'], 'with a Django project on Daphne', (paths) => {
  let browser: Browser

  beforeAll(async () => {
    browser = await launchBrowser(paths.chromium)
  })

  afterAll(() => browser?.close())

  describe.each([
    { title: 'in the clear', secret: undefined, many: MANY },
    // Fewer, for time: channels.test.ts has more of them, without Daphne in between.
    { title: 'encrypted', secret: 'a secret of both', many: SLOW_MANY },
  ])('$title', ({ secret, many }) => {
    let redis: RedisServer
    let servers: TwoServers
    /** A layer in this process, and Django's in a process of its own. */
    let here: RedisChannelLayer
    let python: PythonPeer
    /** A WebSocket to each server, in the room. */
    let millrace: WebSocketClient
    let django: WebSocketClient
    /** The room's page on each server, from when it is first asked for. */
    let opened: Promise<Rooms> | undefined

    beforeAll(async () => {
      redis = await RedisServer.start(paths.redis)
      const app = resolve(project, 'app.ts')
      servers = await TwoServers.start({ redis, python: paths.channels, project, app, secret })
      here = redisChannels({ url: redis.url, encryptionKeys: secret ? [secret] : undefined })
      python = servers.peer()
      millrace = await clientOf(servers.millrace, 'Millrace')
      django = await clientOf(servers.daphne, 'Django')
    })

    beforeEach(async () => {
      const message = randomUUID()
      await here.groupSend('room', { type: 'room.message', by: 'a test', message })
      for (const client of [millrace, django]) {
        for (;;) if (String(await client.receive()).includes(message)) break
      }
    })

    afterAll(async () => {
      for (const client of [millrace, django]) client?.socket.terminate()
      for (const { page } of Object.values((await opened) ?? {})) await page.close()
      await here?.close()
      await servers?.end()
      await redis?.stop()
    })

    /** A WebSocket in the room, once it is a member. */
    async function clientOf(url: string, server: ServerName): Promise<WebSocketClient> {
      const client = await servers.connect(url, '/ws/room/')
      expect(await client.receiveJson()).toMatchObject({ welcome: server })
      return client
    }

    /** A page in the room, once it is a member. */
    async function roomAt(url: string): Promise<Room> {
      const page = await browser.newPage()
      const complaints = complaintsOf(page)
      await page.goto(url)
      await page.waitForSelector('body[data-server]')
      return { page, complaints }
    }

    async function openRooms(): Promise<Rooms> {
      return { Millrace: await roomAt(servers.millrace), Django: await roomAt(`${servers.daphne}/room/`) }
    }

    function rooms(): Promise<Rooms> {
      opened ??= openRooms()
      return opened
    }

    /** Lets `say` speak many texts, a batch at a time, until both clients heard each; they have to be `by` one. */
    async function expectInOrder(
      by: string,
      say: (batch: readonly string[]) => void | Promise<void>,
    ): Promise<void> {
      const texts = Array.from({ length: many }, (_, n) => String(n))
      const heard = new Map([millrace, django].map((client) => [client, [] as unknown[]]))
      for (let start = 0; start < many; start += BATCH) {
        await say(texts.slice(start, start + BATCH))
        for (const [client, list] of heard) {
          for (let n = 0; n < BATCH; n++) list.push(await client.receiveJson())
        }
      }
      const expected = texts.map((message) => ({ by, message }))
      for (const list of heard.values()) expect(list).toEqual(expected)
    }

    // Before there are pages, which would write every message down.
    test(`${many} messages of TypeScript reach the consumers of both in order`, PATIENCE, async () => {
      await expectInOrder('Millrace', (batch) => {
        for (const message of batch) millrace.sendJson({ message })
      })
    })

    test(`${many} messages of Python reach the consumers of both in order`, PATIENCE, async () => {
      await expectInOrder('Python', async (batch) => {
        const messages = batch.map((message) => ({ type: 'room.message', by: 'Python', message }))
        await python.call('group_send_all', { group: 'room', messages })
      })
    })

    test('direct sends go both ways, to a channel whose name came in a message', async () => {
      for (const asker of [millrace, django]) {
        asker.sendJson({ who: true })
        const answers = [await asker.receiveJson(), await asker.receiveJson()]
        expect(answers).toContainEqual({ here: 'Millrace' })
        expect(answers).toContainEqual({ here: 'Django' })
      }
      // Nobody but the asker was answered: the next thing that each hears is this.
      await here.groupSend('room', { type: 'room.message', by: 'a test', message: 'next' })
      for (const client of [millrace, django]) {
        expect(await client.receiveJson()).toEqual({ by: 'a test', message: 'next' })
      }
    })

    test('TypeScript reaches the consumers in Daphne, with emoji, bytes and halves of emoji', async () => {
      const picture = Uint8Array.from({ length: 256 }, (_, n) => n)
      await here.groupSend('room', { type: 'room.message', by: 'a test', message: '👩‍👩‍👧 \u0000 é' })
      await here.groupSend('room', { type: 'room.message', by: 'a test', message: 'half \ud83d' })
      await here.groupSend('room', { type: 'room.picture', by: 'a test', picture })
      expect(await django.receiveJson()).toEqual({ by: 'a test', message: '👩‍👩‍👧 \u0000 é' })
      expect(await django.receiveJson()).toEqual({ by: 'a test', message: 'half \ufffd' })
      expect(await django.receiveJson()).toEqual({ by: 'a test', picture: 256 })
      expect(await django.receive()).toEqual(Buffer.from(picture))
    })

    test('half an emoji that a client of Millrace sends does Daphne no harm', async () => {
      millrace.send(String.raw`{"message":"\ud83d and \ude00"}`)
      const heard = { by: 'Millrace', message: '\ufffd and \ufffd' }
      for (const client of [millrace, django]) expect(await client.receiveJson()).toEqual(heard)
    })

    test('bytes go both ways as they are', async () => {
      for (const [by, speaker] of Object.entries({ Millrace: millrace, Django: django })) {
        const picture = Buffer.from([0, 127, 128, 255, ...Buffer.from(by)])
        speaker.send(picture)
        for (const client of [millrace, django]) {
          expect(await client.receiveJson()).toEqual({ by, picture: picture.length })
          expect(await client.receive()).toEqual(picture)
        }
      }
    })

    test('a named channel carries work from Python to TypeScript, and the answer back', async () => {
      const reply_to = await python.call<string>('new_channel')
      const waiting = here.receive('thumbnails')
      const work = { type: 'thumbnails.make', reply_to, id: int('7'), picture: bytes(PNG) }
      await python.call('send', { channel: 'thumbnails', message: work })
      await python.call('send', { channel: 'thumbnails', message: { ...work, id: int('8') } })
      const first = await waiting
      expect(first).toEqual({ type: 'thumbnails.make', reply_to, id: 7, picture: new Uint8Array(PNG) })
      const asker = first['reply_to'] as string
      expect(await here.receive('thumbnails')).toMatchObject({ id: 8 })

      await here.send(asker, { type: 'made', id: 7, thumbnail: new Uint8Array([1, 255]) })
      expect(await python.call('receive', { channel: reply_to })).toEqual({
        type: 'made',
        id: int('7'),
        thumbnail: bytes(new Uint8Array([1, 255])),
      })
    })

    test('what lies in Redis is readable exactly when there is no secret', async () => {
      await python.call('send', { channel: 'secrets', message: { type: 'test', text: 'plain to see' } })
      const client = createClient({ url: redis.url })
      await client.connect()
      const [stored = ''] = await client.zRange('asgisecrets', 0, -1)
      client.destroy()
      expect(stored.includes('plain to see')).toBe(!secret)
      expect(await here.receive('secrets')).toMatchObject({ text: 'plain to see' })
    })

    test('types that a TypeScript consumer does not know, or may not be sent, do it no harm', async () => {
      const ear = await python.call<string>('new_channel')
      await python.call('group_add', { group: 'room', channel: ear })
      millrace.sendJson({ who: true })
      const { reply_to: channel } = await python.call<{ reply_to: string }>('receive', { channel: ear })
      await millrace.receiveJson()
      await millrace.receiveJson()
      for (const type of ['no.such', 'receive', 'disconnect', '_private', 'constructor', '']) {
        await python.call('send', { channel, message: { type } })
      }
      await python.call('group_discard', { group: 'room', channel: ear })
      await python.call('send', { channel, message: { type: 'room.here', server: 'Python' } })
      expect(await millrace.receiveJson()).toEqual({ here: 'Python' })
    })

    test('what a Django view sends to the group reaches browsers on both', async () => {
      const answer = await inBoth('Django view', 'from a view 👩‍👩‍👧 é', (message) =>
        fetch(`${servers.daphne}/say/`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ message }),
        }),
      )
      expect(answer.status).toBe(200)
    })

    test('what a management command sends reaches browsers on both', async () => {
      const outcome = await inBoth('manage.py', 'from a command 😀', (message) =>
        servers.manage('say', message),
      )
      expect(outcome).toMatchObject({ code: 0 })
    })

    /** Waits until a message that somebody sends stands in both pages, and neither complained. */
    async function inBoth<T>(by: string, message: string, say: (message: string) => Promise<T>): Promise<T> {
      const both = Object.values(await rooms())
      const said = await say(message)
      for (const { page, complaints } of both) {
        const item = page.locator('li', { hasText: message })
        expect(await item.locator('b').textContent()).toBe(by)
        expect(complaints).toEqual([])
      }
      return said
    }

    test('browsers on both servers share words, pictures and a roll call', async () => {
      const both = await rooms()
      for (const [server, { page }] of Object.entries(both)) {
        await page.fill('#text', `😀 from ${server}`)
        await page.press('#text', 'Enter')
        await page.setInputFiles('#picture', { name: 'red.png', mimeType: 'image/png', buffer: PNG })
        for (const { page: one } of Object.values(both)) {
          await one.waitForSelector(`li >> text=😀 from ${server}`)
          const image = `document.querySelector('img[alt="Picture from ${server}"]')`
          await one.waitForFunction(`${image}?.naturalWidth === 8`)
        }
        await page.click('#who')
        await expect.poll(() => page.textContent('#here')).toBe('Here: 2 on Django, 2 on Millrace')
      }
    })

    test('a Python consumer ends with a type that it does not know, and its neighbours do not', async () => {
      const stranger = await clientOf(servers.daphne, 'Django')
      const ear = here.newChannel()
      await here.groupAdd('room', ear)
      stranger.sendJson({ who: true })
      const { reply_to } = await here.receive(ear)
      here.release(ear)
      await here.send(reply_to as string, { type: 'no.such' })
      expect(await stranger.closed).toMatchObject({ code: 1011 })
      django.sendJson({ message: 'still here' })
      expect(await django.receiveJson()).toEqual({ by: 'Django', message: 'still here' })
    })
  })
})

type ServerName = 'Millrace' | 'Django'

interface Room {
  readonly page: Page
  readonly complaints: readonly string[]
}

type Rooms = Readonly<Record<ServerName, Room>>
