/**
 * Checks and copies each message before it is queued or encoded. A value that some layer or peer could not
 * carry is refused. The copy keeps later changes by the sender from reaching a receiver.
 *
 * Invariant: a message is the same on every layer. Values that msgpack, the wire format of channels_redis,
 * cannot tell apart become one: a bigint that a number can hold becomes that number, -0 becomes 0, and a
 * Buffer becomes a Uint8Array.
 */
import { invalidMessage } from './errors.ts'
import type { ChannelMessage, ChannelValue } from './layer.ts'

/** Deepest nesting of a message; the message itself is the first level. Also ends cycles. */
export const MAX_MESSAGE_DEPTH = 100

/**
 * Most values in a message; a value that is reached twice counts twice. No JSON text of 1 MiB holds more.
 * Without this bound a hundred lists, each holding the next one twice, would take forever.
 */
export const MAX_MESSAGE_VALUES: number = 2 ** 20

/** The member in which channels_redis names a message's receivers. */
const RESERVED_MEMBER = '__asgi_channel__'

const MIN_INT64 = -(2n ** 63n)
const MAX_UINT64 = 2n ** 64n - 1n

/** The values that a layer's format carries: all, or those that JSON has. */
export type MessageValues = 'all' | 'json'

/** Longest path that an error spells out. */
const MAX_PATH_LENGTH = 200

/**
 * A deep copy of a message, fit for transport.
 *
 * Carried: plain objects, arrays, `null`, booleans, numbers (NaN and the infinities included),
 * bigints of 64 bits, signed or unsigned, strings and Uint8Arrays. A lone surrogate becomes U+FFFD.
 * Members that are `undefined` or not enumerable, and members under symbols, are left out.
 *
 * @throws {ChannelError} `invalid_message` for anything else, an `undefined` item of an array, a key that is
 * `__proto__` or holds a lone surrogate, nesting beyond `MAX_MESSAGE_DEPTH`, more than
 * `MAX_MESSAGE_VALUES`, a member `__asgi_channel__`, and a `type` that is not a non-empty string. With
 * `json` also for bytes, NaN and the infinities.
 */
export function copyMessage(message: unknown, values: MessageValues = 'all'): ChannelMessage {
  if (!isPlainObject(message))
    throw invalidMessage('message', `must be a plain object, not ${kindOf(message)}`)
  if (Object.hasOwn(message, RESERVED_MEMBER)) {
    throw invalidMessage(`message.${RESERVED_MEMBER}`, 'is reserved for the layer')
  }
  const copy = new Copying(values).object(message)
  if (typeof copy['type'] !== 'string' || copy['type'] === '') {
    throw invalidMessage('message.type', 'must be a non-empty string')
  }
  return copy as ChannelMessage
}

/** A copy of a message that `copyMessage` made, and that needs no check. */
export function copyAgain(message: ChannelMessage): ChannelMessage {
  for (const value of Object.values(message)) {
    if (typeof value === 'object' && value !== null) return copyMessage(message)
  }
  return { ...message }
}

class Copying {
  readonly #json: boolean
  readonly #path: (string | number)[] = []
  #values = 0

  constructor(values: MessageValues) {
    this.#json = values === 'json'
  }

  object(source: Record<string, unknown>): Record<string, ChannelValue> {
    this.#enter()
    const copy: Record<string, ChannelValue> = {}
    for (const key of Object.keys(source)) {
      const value = source[key]
      if (value === undefined) continue
      this.#path.push(key)
      if (key === '__proto__') this.#refuse('is a key that is not accepted')
      if (!key.isWellFormed()) this.#refuse('is under a key with half a surrogate pair')
      copy[key] = this.#value(value)
      this.#path.pop()
    }
    return copy
  }

  #array(source: readonly unknown[]): ChannelValue[] {
    this.#enter()
    const copy: ChannelValue[] = []
    // By index: forEach and map skip a hole, which would move the items after it.
    for (let i = 0; i < source.length; i++) {
      this.#path.push(i)
      copy.push(this.#value(source[i]))
      this.#path.pop()
    }
    return copy
  }

  #value(value: unknown): ChannelValue {
    if (++this.#values > MAX_MESSAGE_VALUES)
      this.#refuse(`is beyond the ${MAX_MESSAGE_VALUES} values of a message`)
    switch (typeof value) {
      case 'string':
        return value.toWellFormed()
      case 'number':
        if (this.#json && !Number.isFinite(value)) this.#refuse(`cannot be carried as JSON: it is ${value}`)
        return value === 0 ? 0 : value
      case 'boolean':
        return value
      case 'bigint':
        return this.#integer(value)
      case 'object':
        return value === null ? null : this.#structure(value)
      default:
        return this.#refuse(`cannot be carried: it is ${kindOf(value)}`)
    }
  }

  #structure(value: object): ChannelValue {
    if (Array.isArray(value)) return this.#array(value)
    if (value instanceof Uint8Array) {
      if (this.#json) this.#refuse('cannot be carried as JSON: it is bytes')
      return this.#bytes(value)
    }
    if (isPlainObject(value)) return this.object(value)
    return this.#refuse(`cannot be carried: it is ${kindOf(value)}`)
  }

  #integer(value: bigint): number | bigint {
    if (value < MIN_INT64 || value > MAX_UINT64) this.#refuse('is a bigint of more than 64 bits')
    const number = Number(value)
    return Number.isSafeInteger(number) ? number : value
  }

  #bytes(value: Uint8Array): Uint8Array {
    if (value.buffer instanceof ArrayBuffer && value.buffer.detached) this.#refuse('was transferred away')
    return new Uint8Array(value)
  }

  #enter(): void {
    if (this.#path.length >= MAX_MESSAGE_DEPTH)
      this.#refuse(`is nested deeper than ${MAX_MESSAGE_DEPTH} levels`)
  }

  #refuse(fault: string): never {
    let path = 'message'
    for (const step of this.#path) {
      if (typeof step === 'string' && /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u.test(step)) path += `.${step}`
      else path += `[${JSON.stringify(step)}]`
      if (path.length > MAX_PATH_LENGTH) {
        path = `${path.slice(0, MAX_PATH_LENGTH).toWellFormed()}…`
        break
      }
    }
    throw invalidMessage(path, fault)
  }
}

/**
 * Accepts objects of other realms too (a vm, a test runner's sandbox), which have another `Object.prototype`.
 */
function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false
  const prototype = Object.getPrototypeOf(value) as object | null
  if (prototype === null || prototype === Object.prototype) return true
  return Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype, 'hasOwnProperty')
}

function kindOf(value: unknown): string {
  if (value === undefined || value === null) return `${value}`
  if (Array.isArray(value)) return 'an array'
  if (typeof value !== 'object') return `a ${typeof value}`
  const constructor: unknown = value.constructor
  return typeof constructor === 'function' && constructor.name
    ? `an instance of ${constructor.name}`
    : 'an object of a class'
}
