/** Pages of a chat server, in Node: `AbstractChat` as published over the transport of our own. */
import type { UIMessage } from 'ai'
import {
  type ChatClientOptions,
  type ChatTransportOptions,
  MillraceChatTransport,
} from '../../../src/client/chat/index.ts'
import { NodeChat } from '../../endpoints/chat/chat-server.ts'

/** Both ways to a server. */
export const WAYS = ['the socket', 'HTTP'] as const
export type Way = (typeof WAYS)[number]

/** Options of a client of `api`, whose WebSockets get through or do not. */
export function clientOptions(api: string, way: Way): ChatClientOptions {
  const nowhere = (): WebSocket => new WebSocket('ws://127.0.0.1:1')
  return { api, ...(way === 'HTTP' && { webSocket: nowhere }) }
}

export interface Page extends Disposable {
  readonly transport: MillraceChatTransport
  /** `useChat` without React, of a chat. */
  open(id?: string, messages?: UIMessage[], more?: object): NodeChat
}

export function openPage(options: ChatTransportOptions): Page {
  const transport = new MillraceChatTransport(options)
  return {
    transport,
    open: (id = 'c1', messages = [], more = {}) => new NodeChat(id, transport, messages, more),
    [Symbol.dispose]: () => transport.close(),
  }
}
