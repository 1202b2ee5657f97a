/**
 * Encodes and decodes messages as channels_redis does: in msgpack or JSON, and optionally in a Fernet token.
 * The bytes before a message in a queue are added elsewhere (sequence.ts).
 */
import { isChannelError } from '../../errors.ts'
import type { LossReport } from '../../local/loss-report.ts'
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
  /** Full names of the channels it is for. Undefined when it is for the reader of the queue. */
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

  /**
   * @throws {ChannelError} `invalid_message` for a value that this format does not carry; see `copyMessage`.
   */
  copy(message: ChannelMessage): ChannelMessage {
    return copyMessage(message, this.#format.values)
  }

  /** @param message has been through `copy`. */
  members(message: ChannelMessage): EncodedMembers {
    return this.#format.members(message)
  }

  /**
   * Puts a message in an envelope. A send has one receiver, a group send a list of them, or there are none.
   */
  seal(members: EncodedMembers, receivers?: string | readonly string[]): Buffer {
    const packed = this.#format.pack(members, receivers)
    return this.#fernet ? Buffer.from(this.#fernet.encrypt(packed), 'ascii') : packed
  }

  /**
   * Opens an envelope. The message has been through `copyMessage`.
   *
   * @throws {Error} for bytes that are no message, or encrypted with another key. The text does not quote
   * them.
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

  /** Like `open`. Undefined for a message that cannot be read, which is counted. */
  tryOpen(sealed: Buffer, losses: LossReport): Envelope | undefined {
    try {
      return this.open(sealed)
    } catch (error) {
      // The text of `invalid_message` names members of the message.
      losses.countUnreadable(
        isChannelError(error, 'invalid_message') ? 'it is no message' : (error as Error).message,
      )
      return undefined
    }
  }
}

function namesIn(receivers: unknown): string[] | undefined {
  if (receivers === undefined) return undefined
  const list: unknown[] = Array.isArray(receivers) ? receivers : [receivers]
  return list.filter((name): name is string => typeof name === 'string')
}
