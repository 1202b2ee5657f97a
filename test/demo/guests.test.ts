/** Whose the demo's chats are: those of a browser, by its cookie; without one they are nobody's. */
import { randomBytes } from 'node:crypto'
import { afterEach, expect, test } from 'vitest'
import { createDemoApplication } from '../../src/demo/application.ts'
import { scriptedChat } from '../../src/demo/demo-chat.ts'
import { guestOf } from '../../src/demo/guests.ts'
import { chat } from '../../src/ai-sdk.ts'
import { collectingLogger } from '../support/logger.ts'

const ends: (() => Promise<void>)[] = []

afterEach(async () => {
  for (const end of ends.splice(0)) await end()
})

async function serve(options = {}, limits?: { startsPerAddress: number }): Promise<string> {
  const application = createDemoApplication({
    logger: collectingLogger(),
    environment: {},
    chat: () => chat('/api/chat', { stream: scriptedChat(0), authenticate: guestOf }),
  })
  if (limits) application.options.streams?.limit(limits)
  ends.push(() => application.close())
  return (await application.listen({ port: 0, ...options })).url
}

function cookieOf(response: Response): string {
  return response.headers.getSetCookie()[0] ?? ''
}

async function newGuest(url: string): Promise<string> {
  return cookieOf(await fetch(`${url}/chat`)).split(';')[0] ?? ''
}

function ask(url: string, cookie?: string, more = {}): Promise<Response> {
  const message = { id: 'm1', role: 'user', parts: [{ type: 'text', text: 'Hello' }] }
  return fetch(`${url}/api/chat`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(cookie !== undefined && { cookie }), ...more },
    body: JSON.stringify({ id: 'c1', messages: [message] }),
  })
}

async function statusOf(url: string, cookie?: string): Promise<number> {
  return (await fetch(`${url}/api/chat/c1`, { headers: cookie === undefined ? {} : { cookie } })).status
}

test('whoever opens the chat gets a name of 128 random bits, in a cookie that no script reads', async () => {
  const url = await serve()
  const cookie = cookieOf(await fetch(`${url}/chat`))
  expect(cookie).toMatch(/^millrace-guest=[\w-]{22}; Max-Age=34560000; Path=\/; HttpOnly; SameSite=Lax$/)
  expect(await newGuest(url)).not.toBe(cookie.split(';')[0])
})

test('the name stays, and one that was made up is replaced', async () => {
  const url = await serve()
  const cookie = await newGuest(url)
  expect(cookieOf(await fetch(`${url}/chat`, { headers: { cookie } }))).toContain(cookie)
  const madeUp = { cookie: 'millrace-guest=ann' }
  expect(cookieOf(await fetch(`${url}/chat`, { headers: madeUp }))).toMatch(/^millrace-guest=[\w-]{22};/)
})

test('the cookie goes over https alone where the page came so', async () => {
  const url = await serve({ trustProxy: true })
  const headers = { 'x-forwarded-proto': 'https', 'x-forwarded-for': '203.0.113.7' }
  expect(cookieOf(await fetch(`${url}/chat`, { headers }))).toMatch(/; Secure/)
})

test('a stranger does not get more sends by being many guests', async () => {
  const url = await serve({ trustProxy: true }, { startsPerAddress: 2 })
  const send = async (address: string): Promise<number> => {
    const cookie = `millrace-guest=${randomBytes(16).toString('base64url')}`
    const answer = await ask(url, cookie, { 'x-forwarded-for': address })
    await answer.text()
    return answer.status
  }
  const [one, other] = ['203.0.113.7', '203.0.113.8']
  expect([await send(one), await send(one), await send(one), await send(other)]).toEqual([200, 200, 429, 200])
})

test('a guest has chats of their own, and nobody else reads or lists them', async () => {
  const url = await serve()
  const [ann, bob] = [await newGuest(url), await newGuest(url)]
  await (await ask(url, ann)).text()
  expect([await statusOf(url, ann), await statusOf(url, bob), await statusOf(url)]).toEqual([200, 404, 404])
  const listed = async (cookie: string): Promise<unknown> =>
    (await fetch(`${url}/api/chat`, { headers: { cookie } })).json()
  expect(await listed(ann)).toMatchObject({ chats: [{ id: 'c1' }] })
  expect(await listed(bob)).toMatchObject({ chats: [] })
})

test('without the cookie there are the chats of nobody, as for curl, and no list', async () => {
  const url = await serve()
  expect(await (await ask(url)).text()).toContain('This answer is a script.'.slice(0, 4))
  expect(await statusOf(url)).toBe(200)
  expect(await statusOf(url, await newGuest(url))).toBe(404)
  expect((await fetch(`${url}/api/chat`)).status).toBe(403)
})

test('a cookie that is no name makes a guest of nobody', async () => {
  const url = await serve()
  await (await ask(url)).text()
  expect(await statusOf(url, 'millrace-guest=x')).toBe(200)
})
