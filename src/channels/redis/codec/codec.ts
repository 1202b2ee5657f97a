/**
 * Messages as channels_redis writes them: in msgpack or JSON, and optionally in a Fernet token. The
 * bytes before it in a queue are not part of it (sequence.ts).
 */
import { copyMessage } from '../../message.ts'
import type { ChannelMessage } from '../../layer.ts'
import type { Fernet } from './fernet.ts'
import { JsonFormat } from './json-format.ts'
import type { EncodedMembers, MessageFormat } from './message-format.ts'
import { MsgpackFormat } from './msgpack-format.ts'
import { RECEIVERS } from '../wire-names.ts'

/** channels_redis's `serializer_format`. */
export type Serializer = 'msgpack' | 'json'

export interface Envelope {
  /** Full names of the channels it is for; without, it is for whoever reads the queue. */
  readonly receivers: readonly string[] | undefined
  readonly message: ChannelMessage
}

const FORMATS: Readonly<Record<Serializer, new () => MessageFormat>> = {
  msgpack: MsgpackFormat,
  json: JsonFormat,
}

export class MessageCodec {
  readonly #format: MessageFormat
  readonly #fernet: Fernet | undefined

  constructor(fernet?: Fernet, serializer: Serializer = 'msgpack') {
    this.#format = new FORMATS[serializer]()
    this.#fernet = fernet
  }

  /** @throws {ChannelError} `invalid_message` for what this format does not carry; see `copyMessage`. */
  copy(message: ChannelMessage): ChannelMessage {
    return copyMessage(message, this.#format.values)
  }

  /** @param message has been through `copy`. */
  members(message: ChannelMessage): EncodedMembers {
    return this.#format.members(message)
  }

  /** Puts a message in an envelope: a name for a send, a list of names for a group send, or none. */
  seal(members: EncodedMembers, receivers?: string | readonly string[]): Buffer {
    const packed = this.#format.pack(members, receivers)
    return this.#fernet ? Buffer.from(this.#fernet.encrypt(packed), 'ascii') : packed
  }

  /**
   * What is in an envelope; the message has been through `copyMessage`.
   *
   * @throws {Error} for what is no message, or encrypted with another key; the text quotes none of it.
   */
  open(sealed: Buffer): Envelope {
    const packed = this.#fernet ? this.#fernet.decrypt(sealed.toString('latin1')) : sealed
    const decoded = this.#format.unpack(packed)
    if (typeof decoded !== 'object' || decoded === null || Array.isArray(decoded)) {
      throw new TypeError('it is no map')
    }
    const { [RECEIVERS]: receivers, ...message } = decoded as Record<string, unknown>
    return { receivers: namesIn(receivers), message: copyMessage(message) }
  }
}

function namesIn(receivers: unknown): string[] | undefined {
  if (receivers === undefined) return undefined
  const list: unknown[] = Array.isArray(receivers) ? receivers : [receivers]
  return list.filter((name): name is string => typeof name === 'string')
}
