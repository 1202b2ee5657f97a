/** The hook where there is no browser: it renders what is known, and connects to nothing. */
import { createElement } from 'react'
import { renderToString } from 'react-dom/server'
import { expect, it } from 'vitest'
import { useChatList, useLiveChat } from '../../src/react/chat/index.ts'
import { useStream } from '../../src/react/index.ts'

function View({ id }: { readonly id: string | null }) {
  const { text, state, records, status, connection, error } = useStream('/ws/streams', id, {
    reduce: (sum: number, record: number) => sum + record,
    initial: 7,
  })
  return createElement('p', null, JSON.stringify({ text, state, records, status, connection, error }))
}

it.each([
  ['s', 'connecting'],
  [null, 'idle'],
])('the stream %s is rendered as %s', (id, status) => {
  // A relative address: resolving it would throw here.
  const html = renderToString(createElement(View, { id })).replaceAll('&quot;', '"')
  expect(html).toBe(`<p>{"text":"","state":7,"records":[],"status":"${status}","connection":"idle"}</p>`)
})

function Chat() {
  const { messages, status, isLoading, exists, queue, connection } = useLiveChat({
    id: 'c',
    messages: [{ id: 'm', role: 'user', parts: [] }],
  })
  const { chats } = useChatList()
  const shown = { ids: messages.map(({ id }) => id), status, isLoading, exists, queue, chats, connection }
  return createElement('p', null, JSON.stringify(shown))
}

it('a chat is rendered with the messages that the page has of it', () => {
  const html = renderToString(createElement(Chat)).replaceAll('&quot;', '"')
  const shown = {
    ids: ['m'],
    status: 'ready',
    isLoading: true,
    exists: false,
    queue: [],
    chats: [],
    connection: 'idle',
  }
  expect(html).toBe(`<p>${JSON.stringify(shown)}</p>`)
})
