/** Pages and server make the same chat of what several clients do in it at once, in any order. */
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, onTestFinished, test } from 'vitest'
import { ChatClient, type LiveChatSnapshot, StreamError } from '../../../src/client/chat/index.ts'
import { ChatError } from '../../../src/conversation/errors.ts'
import { isSameJson } from '../../../src/conversation/same-json.ts'
import { type ChatServerOptions, startChats } from '../../endpoints/chat/chat-server.ts'
import { seeded } from '../../support/failing-proxy.ts'
import { clientOptions } from './pages.ts'

const isLong = process.env['MILLRACE_LONG'] !== undefined
const SEEDS = isLong ? Array.from({ length: 20 }, (_, seed) => seed + 1) : [1, 2]
const ROUNDS = isLong ? 60 : 25

/** A few words; every fifth answer fails. */
function source(): ChatServerOptions['source'] {
  let count = 0
  return async function* ({ signal }) {
    yield { type: 'text-start', id: '1' }
    for (const delta of ['One ', 'two ', 'three']) {
      await sleep(5, undefined, { signal })
      yield { type: 'text-delta', id: '1', delta }
    }
    if (++count % 5 === 0) yield { type: 'error', errorText: 'No.' }
    yield { type: 'text-end', id: '1' }
  }
}

/** As JSON has it. */
function viewOf({ messages, queue, title, active }: Partial<LiveChatSnapshot>): unknown {
  return JSON.parse(JSON.stringify({ messages, queue, title, active }))
}

test.each(SEEDS)(
  'a page has what the server has, whoever did what (seed %s)',
  async (seed) => {
    const owner = 'ann'
    await using server = await startChats({
      source: source(),
      authenticate: () => ({ id: owner }),
      startsPerOwner: Infinity,
    })
    const { chats } = server
    const pages = (['the socket', 'HTTP', 'the socket'] as const).map(
      (way) => new ChatClient(clientOptions(server.address, way)),
    )
    const [first] = pages
    if (!first) return
    onTestFinished(() => pages.forEach((page) => page.close()))
    const id = '__proto__'
    const lives = pages.map((page) => page.chat(id))
    for (const live of lives) live.subscribe(() => {})

    const random = seeded(seed)
    const oneOf = <T>(all: readonly T[]): T => all[Math.floor(random() * all.length)] as T
    const given: string[] = ['constructor', '__proto__']
    const name = (): string =>
      oneOf([...given, ...(lives[0]?.snapshot().messages ?? []).flatMap(({ versions }) => versions)])
    const message = (called = `m${given.length}`) => {
      given.push(called)
      return { id: called, role: 'user', parts: [{ type: 'text', text: `${random()}` }] }
    }
    const whileBusy = () => oneOf(['queue', 'replace', 'refuse'] as const)
    /** Which pages show something else than the server has. */
    const others = async () => {
      const chat = await first.get(id)
      const shown = lives.map((live) => live.snapshot())
      return shown.filter((one) => !isSameJson(viewOf(one), viewOf(chat ?? { messages: [], queue: [] })))
    }
    const acts: readonly ((page: ChatClient) => Promise<unknown>)[] = [
      (page) => page.send(id, { message: message(), whileBusy: whileBusy() }),
      (page) => page.send(id, { message: message(), whileBusy: 'queue', body: { mood: [null, 'good'] } }),
      (page) => page.send(id, { message: message(), after: oneOf([null, name()]), whileBusy: whileBusy() }),
      (page) => page.send(id, { message: message(oneOf([name(), `e${given.length}`])), edits: name() }),
      (page) => page.regenerate(id, { message: oneOf([null, name()]), whileBusy: whileBusy() }),
      (page) => page.takeBack(id, name()),
      (page) => page.select(id, name()),
      (page) => page.rename(id, oneOf(['', 'Title', 'Other'])),
      (page) => page.stop(id),
      () => chats.remove(id, name(), { owner }),
      () => chats.add(id, [message()], { owner }),
    ]
    for (let round = 0; round < ROUNDS; round++) {
      const several = Array.from({ length: 1 + Math.floor(random() * 4) }, async () => {
        await oneOf(acts)(oneOf(pages)).catch((error: unknown) => {
          // What may not be done at this moment is refused.
          if (!(error instanceof StreamError || error instanceof ChatError)) throw error
        })
      })
      await Promise.all(several)
      await expect.poll(others, { timeout: 10_000, interval: 10 }).toEqual([])
    }
    expect(given.length).toBeGreaterThan(ROUNDS / 2)
  },
  60_000,
)
