/** Resumes of an answer that continues a message, as one does after a tool was approved. */
import { type UIMessage, type UIMessageChunk, uiMessageChunkSchema } from 'ai'
import { afterEach, expect, test } from 'vitest'
import { type ChatServer, NodeChat, STOCK, type Stock, startChats, transportOf } from './chat-server.ts'

let server: ChatServer

afterEach(() => server[Symbol.asyncDispose]())

const begun: UIMessageChunk[] = [
  { type: 'start', messageMetadata: { at: 1 } },
  { type: 'start-step' },
  { type: 'reasoning-start', id: 'r' },
  { type: 'reasoning-delta', id: 'r', delta: 'Hm' },
  { type: 'reasoning-end', id: 'r' },
  { type: 'text-start', id: '1' },
  { type: 'text-delta', id: '1', delta: 'Let me.' },
  { type: 'text-end', id: '1' },
  { type: 'source-url', sourceId: 's', url: 'https://example.com' },
  { type: 'data-weather', id: 'w', data: { sun: true } },
  { type: 'tool-input-available', toolCallId: 't', toolName: 'pay', input: { amount: 1 } },
  { type: 'tool-approval-request', approvalId: 'a', toolCallId: 't' },
]

const continued: UIMessageChunk[] = [
  { type: 'tool-output-available', toolCallId: 't', output: 'paid' },
  { type: 'start-step' },
  { type: 'text-start', id: '1' },
  { type: 'text-delta', id: '1', delta: 'Done.' },
]

/** A page whose approved call is being continued, up to `Done.`. */
const continuing = async (stock: Stock) => {
  const rest = Promise.withResolvers<void>()
  let calls = 0
  server = await startChats({
    async *source() {
      if (calls++ === 0) return yield* begun
      yield* continued
      await rest.promise
      yield { type: 'text-end', id: '1' }
    },
  })
  const page = new NodeChat('c1', transportOf(stock, server.address, { chat: 'c1' }))
  await page.sendMessage({ text: 'Pay' })
  await page.addToolApprovalResponse({ id: 'a', approved: true })
  const sending = page.sendMessage()
  await expect.poll(() => page.text).toBe('Let me.Done.')
  return { page, sending, finish: rest.resolve }
}
const kept = async () => ((await server.chats.get('c1'))?.messages ?? []).map(({ message }) => message)
/** A page that is loaded anew. */
const load = async (stock: Stock, more = {}) => {
  const messages = structuredClone(await kept()) as unknown as UIMessage[]
  return new NodeChat('c1', transportOf(stock, server.address, { chat: 'c1' }), messages, more)
}
const shown = ({ messages }: NodeChat): unknown => JSON.parse(JSON.stringify(messages))

const WHOLE = STOCK.filter((stock) => stock !== 'createDurableChatTransport')

test.each(WHOLE)('a page of %s that is reloaded in the middle shows the whole message', async (stock) => {
  const { page, sending, finish } = await continuing(stock)
  const ran: unknown[] = []
  const back = await load(stock, { onToolCall: ({ toolCall }: { toolCall: unknown }) => ran.push(toolCall) })
  const resuming = back.resumeStream()
  await expect.poll(() => back.text).toBe('Let me.Done.')
  finish()
  await Promise.all([sending, resuming])
  expect(back.errors).toEqual([])
  expect(shown(back)).toEqual(shown(page))
  expect(ran).toEqual([])
})

test.each(STOCK)('a page of %s that is reloaded right after the end loses nothing', async (stock) => {
  const { page, sending, finish } = await continuing(stock)
  finish()
  await sending
  await expect.poll(async () => (await server.chats.get('c1'))?.active).toBeUndefined()
  const back = await load(stock)
  const resuming = back.resumeStream()
  // Over WebSocket it would wait for the next answer.
  if (stock === 'WebSocketChatTransport') await expect.poll(() => back.statuses.at(-1)).toBe('ready')
  else await resuming
  expect(back.errors).toEqual([])
  expect(shown(back)).toEqual(shown(page))
})

test('a page of createDurableChatTransport that is reloaded in the middle shows no error', async () => {
  const { sending, finish } = await continuing('createDurableChatTransport')
  const back = await load('createDurableChatTransport')
  await back.resumeStream()
  expect(back.errors).toEqual([])
  expect(shown(back)).toEqual(await kept())
  finish()
  await sending
})

test('over Workflow a resume whose connection breaks goes on at the exact chunk', async () => {
  const { sending, finish } = await continuing('WorkflowChatTransport')
  finish()
  await sending
  const from = async (index: number) => {
    // The end of an answer is told once to each.
    const headers = { 'user-agent': `reader of ${index}` }
    const answer = await fetch(`${server.address}/workflow/c1/stream?startIndex=${index}`, { headers })
    return (await answer.text()).split('\n\n').filter((event) => event.startsWith('data: {'))
  }
  const all = await from(0)
  expect(all.length).toBeGreaterThan(begun.length + continued.length)
  for (const index of all.keys()) if (index > 0) expect(await from(index)).toEqual(all.slice(index))
})

test('each chunk that is said of the message before is one that clients take', async () => {
  const { sending, finish } = await continuing('DefaultChatTransport')
  finish()
  const answer = await fetch(`${server.address}/c1/stream`)
  const events = (await answer.text()).split('\n\n').filter((event) => event.startsWith('data: {'))
  await sending
  expect(events.length).toBeGreaterThan(continued.length + 8)
  for (const event of events)
    expect(await uiMessageChunkSchema().validate?.(JSON.parse(event.slice('data: '.length)))).toMatchObject({
      success: true,
    })
})
