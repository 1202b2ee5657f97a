/**
 * Finds the consumer's method for a channel message's type: `chat.message` calls `chat_message`.
 *
 * This is a trust boundary. Anybody who can write to the channel layer chooses the type. So a type reaches
 * only methods that the user's own classes declare, and none that Millrace calls itself, such as
 * `disconnect`, `receive` and `constructor`.
 */
import type { ChannelMessage } from '../channels/layer.ts'
import { ChannelConsumer } from './channel-consumer.ts'
import { Consumer } from './consumer.ts'
import { JsonWebSocketConsumer } from './json-websocket-consumer.ts'
import { WebSocketConsumer } from './websocket-consumer.ts'

export type EventHandler = (message: ChannelMessage) => unknown

/** The classes at which the search for a method ends, and the names that it never finds. */
interface Family {
  readonly bases: readonly object[]
  readonly reserved: ReadonlySet<string>
}

const CONNECTIONS: Family = familyOf(
  WebSocketConsumer.prototype,
  JsonWebSocketConsumer.prototype,
  Consumer.prototype,
)
const CHANNELS: Family = familyOf(ChannelConsumer.prototype)

function familyOf(...bases: readonly object[]): Family {
  const names = [...bases, Object.prototype].flatMap((base) => Object.getOwnPropertyNames(base))
  return { bases, reserved: new Set(names) }
}

/** Characters of a type that a log shows. */
const MAX_SHOWN = 100

/** Methods that were found, by class. A search takes as long as the rest of a small message's way. */
const handlers = new WeakMap<object, Map<string, EventHandler>>()

/** Most types that are kept for one class. Their senders choose how to write them. */
const MAX_KNOWN = 256

/** The unbound method that handles a type, or a string that says why there is none. */
export function eventHandler(consumer: object, type: unknown): EventHandler | string {
  // Another process may have written it, in any language.
  if (typeof type !== 'string') return 'the message has no type'
  const consumerClass = prototypeOf(consumer)
  const known = consumerClass && handlers.get(consumerClass)?.get(type)
  if (known) return known
  const name = type.replaceAll('.', '_')
  if (name.startsWith('_')) return 'a type may not begin with an underscore or a dot'
  const { bases, reserved } = consumer instanceof ChannelConsumer ? CHANNELS : CONNECTIONS
  if (reserved.has(name)) return 'the type names a method that is not an event handler'
  for (let proto = prototypeOf(consumer); proto && !bases.includes(proto); proto = prototypeOf(proto)) {
    const value: unknown = Object.getOwnPropertyDescriptor(proto, name)?.value
    if (typeof value !== 'function') continue
    remember(consumerClass as object, type, value as EventHandler)
    return value as EventHandler
  }
  return `the consumer has no method ${JSON.stringify(name.slice(0, MAX_SHOWN))}`
}

function remember(consumerClass: object, type: string, handler: EventHandler): void {
  const known = handlers.get(consumerClass) ?? new Map<string, EventHandler>()
  if (known.size < MAX_KNOWN) known.set(type, handler)
  handlers.set(consumerClass, known)
}

/** A type as a log may show it. */
export function shownType(type: unknown): string {
  return typeof type === 'string' ? type.slice(0, MAX_SHOWN) : typeof type
}

function prototypeOf(value: object): object | null {
  return Object.getPrototypeOf(value) as object | null
}
