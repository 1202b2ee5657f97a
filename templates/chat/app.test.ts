import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { chdir } from 'node:process'
import { after, before, test } from 'node:test'
import type { UIMessageChunk } from 'ai'
import { MillraceChatTransport } from 'millrace/ai-sdk/client'

// Before app.ts is loaded: its data.db is in a folder of the test's own, and no model is asked.
const folder = await mkdtemp(join(tmpdir(), 'chat-'))
chdir(folder)
process.env['OPENAI_API_KEY'] = ''
const { default: app } = await import('./app.ts')

let api: string
before(async () => {
  api = `${(await app.listen({ port: 0 })).url}/api/chat`
})
after(async () => {
  await app.close()
  await rm(folder, { recursive: true, force: true })
})

const ask = (transport: MillraceChatTransport, chatId: string, text: string) =>
  transport.sendMessages({
    trigger: 'submit-message',
    chatId,
    messageId: undefined,
    messages: [{ id: crypto.randomUUID(), role: 'user', parts: [{ type: 'text', text }] }],
    abortSignal: undefined,
  })

async function textOf(stream: ReadableStream<UIMessageChunk> | null): Promise<string> {
  let text = ''
  for await (const chunk of stream ?? []) if (chunk.type === 'text-delta') text += chunk.delta
  return text
}

test('an answer comes whole, is kept, and is seen by a page that comes later', async () => {
  const [first, second] = [new MillraceChatTransport({ api }), new MillraceChatTransport({ api })]
  const answer = await ask(first, 'chat-1', 'Hello')
  const [said, seen] = await Promise.all([
    textOf(answer),
    second.reconnectToStream({ chatId: 'chat-1' }).then(textOf),
  ])
  assert.match(said, /^No model is set/)
  assert.equal(seen, said)
  const kept = await app.chats.get('chat-1')
  assert.deepEqual(
    kept?.messages.map(({ message }) => message.role),
    ['user', 'assistant'],
  )
  first.close()
  second.close()
})

test('an answer is stopped from another page', async () => {
  const [first, second] = [new MillraceChatTransport({ api }), new MillraceChatTransport({ api })]
  const answer = await ask(first, 'chat-2', 'Hello')
  assert.equal(await second.stop('chat-2'), 'stopped')
  assert.ok((await textOf(answer)).length < 100)
  first.close()
  second.close()
})

test('the page is not there before it is built', async () => {
  const response = await app.fetch(new Request('http://localhost/../app.ts'))
  assert.equal(response.status, 404)
})
