/** What a page does with a conversation, over each transport as published: edits, second answers, approvals. */
import { type UIMessage, lastAssistantMessageIsCompleteWithApprovalResponses } from 'ai'
import { afterEach, describe, expect, test } from 'vitest'
import { approvalSource } from './approval-source.ts'
import { type ChatServer, NodeChat, STOCK, startChats, textOf, transportOf } from './chat-server.ts'

let server: ChatServer

afterEach(() => server[Symbol.asyncDispose]())

/** The messages of the branch that goes on, as a page gets them with the history. */
const kept = async () => ((await server.chats.get('c1'))?.messages ?? []).map(({ message }) => message)
const plain = (messages: UIMessage[]): unknown => JSON.parse(JSON.stringify(messages))

describe.each(STOCK)('%s', (stock) => {
  const open = (options = {}) =>
    new NodeChat('c1', transportOf(stock, server.address, { chat: 'c1' }), [], options)

  /** Has answered each of these. */
  const answered = async (...answers: string[]) => {
    const texts = [...answers]
    server = await startChats({
      async *source() {
        yield { type: 'text-start', id: '1' } as const
        yield { type: 'text-delta', id: '1', delta: texts.shift() ?? 'Nothing.' } as const
        yield { type: 'text-end', id: '1' } as const
      },
    })
    return open()
  }

  test('regenerate: another answer takes the place of the first, which stays in the chat', async () => {
    const chat = await answered('One.', 'Another one.')
    await chat.sendMessage({ text: 'Hello' })
    const first = chat.messages.at(-1)?.id
    await chat.regenerate()
    expect(chat.error).toBeUndefined()
    expect(chat.messages.map(textOf)).toEqual(['Hello', 'Another one.'])
    await expect.poll(kept).toEqual(plain(chat.messages))
    const [, answer] = (await server.chats.get('c1'))?.messages ?? []
    expect(answer?.versions).toHaveLength(2)
    expect(answer?.versions).toContain(first)
  })

  test('edit: the message and its answer take the place of what was there, which stays in the chat', async () => {
    const chat = await answered('One.', 'Two.', 'Three.')
    await chat.sendMessage({ text: 'Hello' })
    await chat.sendMessage({ text: 'And then?' })
    await chat.sendMessage({ text: 'Good day', messageId: chat.messages[0]?.id ?? '' })
    expect(chat.error).toBeUndefined()
    expect(chat.messages.map(textOf)).toEqual(['Good day', 'Three.'])
    await expect.poll(kept).toEqual(plain(chat.messages))
    const texts = (await server.chats.tree('c1')).map(({ message }) => textOf(message as never))
    expect(texts).toEqual(['Hello', 'One.', 'And then?', 'Two.', 'Good day', 'Three.'])
  })

  test('a tool call that is approved goes on in its own message', async () => {
    const { source, removed } = approvalSource()
    server = await startChats({ source })
    const chat = open({ sendAutomaticallyWhen: lastAssistantMessageIsCompleteWithApprovalResponses })
    await chat.sendMessage({ text: 'Remove a' })
    const part = chat.messages[1]?.parts.find(({ type }) => type === 'tool-remove')
    expect(part).toMatchObject({ state: 'approval-requested' })
    expect(removed).toEqual([])
    await chat.addToolApprovalResponse({
      id: (part as { approval: { id: string } }).approval.id,
      approved: true,
    })
    await expect.poll(() => chat.text).toBe('Removed.')
    await expect.poll(() => chat.status).toBe('ready')
    expect(removed).toEqual(['a'])
    expect(chat.messages).toHaveLength(2)
    await expect.poll(kept).toEqual(plain(chat.messages))
  })
})
