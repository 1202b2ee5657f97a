/** One answer over a network that breaks twenty times in it: the page never sees that. */
import type { UIMessageChunk } from 'ai'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { seeded, startFailingProxy } from '../../support/failing-proxy.ts'
import { type ChatServer, startChats, textOf } from '../../endpoints/chat/chat-server.ts'
import { WAYS, clientOptions, openPage } from './pages.ts'

const CUTS = 20
const isLong = process.env['MILLRACE_LONG'] !== undefined
const SEEDS = isLong ? Array.from({ length: 20 }, (_, seed) => seed + 1) : [1]

let undo: Disposable[] = []

beforeEach(() => {
  // A client comes back after a random part of longer and longer pauses: here they stay short.
  const random = seeded(7)
  undo = [vi.spyOn(Math, 'random').mockImplementation(() => random() / 50)]
})

afterEach(() => {
  for (const one of undo) one[Symbol.dispose]()
})

/** An answer of every sort of part, which goes on until the network has broken often enough. */
async function* wordsUntil(isEnough: () => boolean, said: string[]): AsyncGenerator<UIMessageChunk> {
  yield { type: 'start' }
  yield { type: 'start-step' }
  yield { type: 'reasoning-start', id: 'r' }
  yield { type: 'reasoning-delta', id: 'r', delta: 'Well' }
  yield { type: 'reasoning-end', id: 'r' }
  yield { type: 'tool-input-start', toolCallId: 't', toolName: 'clock', dynamic: true }
  yield { type: 'tool-input-available', toolCallId: 't', toolName: 'clock', dynamic: true, input: {} }
  yield { type: 'tool-output-available', toolCallId: 't', output: { time: 12 } }
  yield { type: 'data-weather', id: 'w', data: { sun: true } }
  yield { type: 'text-start', id: '1' }
  for (let n = 0; !isEnough() || n < 100; n++) {
    await sleep(2)
    const delta = `${n} `
    said.push(delta)
    yield { type: 'text-delta', id: '1', delta }
  }
  yield { type: 'text-end', id: '1' }
  yield { type: 'finish-step' }
  yield { type: 'finish', finishReason: 'stop' }
}

const cases = WAYS.flatMap((way) => SEEDS.map((seed) => ({ way, seed })))

test.each(cases)(
  'an answer over $way is not disturbed by 20 cuts (seed $seed)',
  async ({ way, seed }) => {
    const said: string[] = []
    const network = { cuts: () => 0 }
    await using server: ChatServer = await startChats({
      source: () => wordsUntil(() => network.cuts() >= CUTS, said),
    })
    const target = server.server.running.port
    await using through = await startFailingProxy({ target, seed, least: 400, most: 3000, cuts: CUTS })
    network.cuts = () => through.cuts
    using page = openPage(clientOptions(`http://127.0.0.1:${through.port}/api/chat`, way))
    const chat = page.open()
    const states = new Set<string>()
    page.transport.client.subscribe(() => states.add(page.transport.client.state))
    await chat.sendMessage({ text: 'Count' })
    expect(through.cuts).toBe(CUTS)
    expect(chat.errors).toEqual([])
    // `streaming` from the first part to the last, whatever happens to the connection.
    expect(Array.from(new Set(chat.statuses))).toEqual(['submitted', 'streaming', 'ready'])
    expect(chat.statuses.lastIndexOf('submitted')).toBeLessThan(chat.statuses.indexOf('streaming'))
    expect(chat.statuses.indexOf('ready')).toBe(chat.statuses.length - 1)
    expect(chat.text).toBe(said.join(''))
    expect(chat.messages.at(-1)?.parts.map(({ type }) => type)).toEqual([
      'step-start',
      'reasoning',
      'dynamic-tool',
      'data-weather',
      'text',
    ])
    const kept = async () => (await server.chats.get('c1'))?.messages.map(({ message }) => message)
    await expect.poll(kept).toEqual(JSON.parse(JSON.stringify(chat.messages)))
    expect(textOf(chat.messages[0])).toBe('Count')
    expect(states).toContain('reconnecting')
  },
  60_000,
)
