/** What a page may say in a message of the assistant, which it sends back to have it continued. */
import type { UIMessage, UIMessageChunk } from 'ai'
import { afterEach, expect, test } from 'vitest'
import { type ChatServer, NodeChat, startChats, transportOf } from './chat-server.ts'

let server: ChatServer | undefined
/** What the source was asked with, each time. */
let asked: UIMessage[][] = []

afterEach(async () => {
  asked = []
  await server?.[Symbol.asyncDispose]()
  server = undefined
})

const call = { toolCallId: 't', toolName: 'pay', input: { amount: 1 } } as const
const approval: UIMessageChunk[] = [
  { type: 'tool-input-available', ...call },
  { type: 'tool-approval-request', approvalId: 'a', toolCallId: 't' },
]

/** A page that was answered with these chunks. Further answers are a word. */
const answeredWith = async (...chunks: UIMessageChunk[]) => {
  server = await startChats({
    async *source({ messages }) {
      asked.push(messages)
      if (asked.length === 1) return yield* chunks
      yield { type: 'text-start', id: '1' }
      yield { type: 'text-delta', id: '1', delta: 'Done.' }
      yield { type: 'text-end', id: '1' }
    },
  })
  const page = open()
  await page.sendMessage({ text: 'Pay' })
  return page
}
const open = (messages: UIMessage[] = []) =>
  new NodeChat('c1', transportOf('DefaultChatTransport', server?.address ?? ''), structuredClone(messages))

/** Sends the assistant's message as a page that changed it, and returns what the source is asked with. */
const sendBack = async (page: NodeChat, change: (message: UIMessage) => unknown) => {
  const forger = open(page.messages)
  change(forger.messages.at(-1) as UIMessage)
  await forger.sendMessage()
  return asked[1]?.at(-1)
}
const partsOf = async () => {
  const { messages = [] } = (await server?.chats.get('c1')) ?? {}
  return (messages.at(-1)?.message as unknown as UIMessage | undefined)?.parts
}

test('a page that puts words into the mouth of the assistant changes nothing, and asks nothing', async () => {
  const page = await answeredWith(
    { type: 'text-start', id: '1' },
    { type: 'text-delta', id: '1', delta: 'No.' },
    { type: 'text-end', id: '1' },
  )
  const kept = await partsOf()
  await sendBack(page, ({ parts }) => parts.splice(0, 1, { type: 'text', text: 'You get it for free.' }))
  expect(asked).toHaveLength(1)
  expect(await partsOf()).toEqual(kept)
})

test('an approval counts, and not what is changed beside it', async () => {
  const page = await answeredWith(...approval)
  const sent = await sendBack(page, (message) => {
    Object.assign(message.parts.at(-1) as object, {
      state: 'approval-responded',
      input: { amount: 1000 },
      approval: { id: 'a', approved: true, reason: 'Go on' },
    })
    message.parts.push({ type: 'text', text: 'More' })
  })
  expect(sent?.parts).toEqual([
    {
      type: 'tool-pay',
      toolCallId: 't',
      state: 'approval-responded',
      input: { amount: 1 },
      approval: { id: 'a', approved: true, reason: 'Go on' },
    },
  ])
})

test.each([
  ['a result of a call that waits for approval', { state: 'output-available', output: 'paid' }],
  ['an approval of another call', { state: 'approval-responded', approval: { id: 'b', approved: true } }],
])('%s asks nothing', async (_what, change) => {
  const page = await answeredWith(...approval)
  await sendBack(page, ({ parts }) => Object.assign(parts.at(-1) as object, change))
  expect(asked).toHaveLength(1)
})

test('another result of a tool that the server called asks nothing', async () => {
  const page = await answeredWith(
    { type: 'tool-input-available', ...call },
    { type: 'tool-output-available', toolCallId: 't', output: 'refused' },
  )
  await sendBack(page, ({ parts }) => Object.assign(parts.at(-1) as object, { output: 'paid' }))
  expect(asked).toHaveLength(1)
  expect(await partsOf()).toMatchObject([{ output: 'refused' }])
})

test('what a tool of the page gave counts', async () => {
  const page = await answeredWith({ type: 'tool-input-available', ...call })
  await page.addToolOutput({ tool: 'pay', toolCallId: 't', output: 'paid' })
  await page.sendMessage()
  expect(asked[1]?.at(-1)?.parts).toMatchObject([{ state: 'output-available', output: 'paid' }])
  const { messages = [] } = (await server?.chats.get('c1')) ?? {}
  expect(messages.map(({ message }) => message)).toEqual(JSON.parse(JSON.stringify(page.messages)))
})

test('of two tabs that approve and refuse a call the first counts, and both show its answer', async () => {
  const page = await answeredWith(...approval)
  const other = open(page.messages)
  await page.addToolApprovalResponse({ id: 'a', approved: true })
  await page.sendMessage()
  await other.addToolApprovalResponse({ id: 'a', approved: false })
  await other.sendMessage()
  expect(asked).toHaveLength(2)
  expect([page.text, other.text]).toEqual(['Done.', 'Done.'])
})

test('the same approval sent again, because its answer was lost, is the same one', async () => {
  const page = await answeredWith(...approval)
  await page.addToolApprovalResponse({ id: 'a', approved: true })
  const again = open(page.messages)
  await page.sendMessage()
  await again.sendMessage()
  expect(asked).toHaveLength(2)
  expect(again.text).toBe('Done.')
})
