/** What the types of the chat's hooks say. */
import type { UIMessage } from 'ai'
import { expectTypeOf } from 'vitest'
import { ChatClient } from '../../src/client/chat/index.ts'
import { type QueuedMessage, useChatList, useLiveChat } from '../../src/react/chat/index.ts'

interface Metadata {
  readonly model: string
}
type Message = UIMessage<Metadata, { weather: { city: string } }>

const plain = useLiveChat({ id: 'c1' })
expectTypeOf(plain.messages).toEqualTypeOf<UIMessage[]>()
expectTypeOf(plain.queue).toEqualTypeOf<readonly QueuedMessage[]>()
expectTypeOf(plain.stop()).toEqualTypeOf<Promise<'stopped' | 'completed' | 'failed' | 'idle'>>()
void plain.sendMessage({ text: 'Hello' }, { body: { model: 'small' }, whileBusy: 'replace' })
void plain.edit('m1', { text: 'Hi' })

const typed = useLiveChat<Message>({ id: 'c1', client: new ChatClient(), onData: ({ type }) => void type })
expectTypeOf(typed.messages[0]?.metadata).toEqualTypeOf<Metadata | undefined>()
void typed.sendMessage({ parts: [{ type: 'data-weather', data: { city: 'Delft' } }] })
// @ts-expect-error no data part of these messages
void typed.sendMessage({ parts: [{ type: 'data-weather', data: { town: 'Delft' } }] })
// @ts-expect-error the metadata of these messages
void typed.sendMessage({ text: 'Hello', metadata: { model: 1 } })

// @ts-expect-error a chat has an id
useLiveChat({})
// @ts-expect-error the log is the transport
useLiveChat({ id: 'c1', transport: undefined })
// @ts-expect-error the messages are the chat's
void plain.setMessages

const list = useChatList({ api: '/api/support' })
expectTypeOf(list.chats[0]?.title).toEqualTypeOf<string | undefined>()
expectTypeOf(list.remove('c1')).toEqualTypeOf<Promise<void>>()
