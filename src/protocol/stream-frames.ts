/**
 * The frames of the stream socket, `millrace.v1`: one JSON object in each text frame. Pure; the
 * server and the browser's client share it. docs/stream-socket.md is the specification.
 */
import type { Json } from './json.ts'
import type { RunEnd, RunStatus } from './run-end.ts'

/** The WebSocket subprotocol. Its number changes when an older peer could not understand the new frames. */
export const STREAM_SUBPROTOCOL = 'millrace.v1'

// Frames of a client.

/** Follows a stream from a place. A stream can be followed several times, under different numbers. */
export interface SubscribeFrame {
  readonly type: 'subscribe'
  /** The client's number for this subscription, 1 to 2147483647. Every frame of the subscription has it. */
  readonly sub: number
  readonly stream: string
  /** A token, `-1` for the start (the default), or `now` for the tail. */
  readonly offset?: string
}

export interface UnsubscribeFrame {
  readonly type: 'unsubscribe'
  readonly sub: number
}

/** Start a run. Answered by `started`. */
export interface StartFrame {
  readonly type: 'start'
  /** The client's name for this request, which its answer has, too. */
  readonly req: string
  /** Which of the application's runs it is, by its name there. A start handler of its own may need none. */
  readonly kind?: string
  /** Null where it is left out beside a `kind`. */
  readonly input: Json
  readonly chat?: string
  /** The id of the run, so that a repeated start does nothing. */
  readonly id?: string
}

/** Stops a run. Answered by `stopped` once it has ended. */
export interface StopFrame {
  readonly type: 'stop'
  readonly req: string
  readonly stream: string
}

/** Asks for the latest run of a chat. Answered by `latest`. */
export interface LatestFrame {
  readonly type: 'latest'
  readonly req: string
  readonly chat: string
}

/** Answered by `pong`: a browser's page cannot see the WebSocket's own pings. */
export interface PingFrame {
  readonly type: 'ping'
}

export type ClientFrame = SubscribeFrame | UnsubscribeFrame | StartFrame | StopFrame | LatestFrame | PingFrame

// Frames of a server.

/** The subscription begins at this place. */
export interface SubscribedFrame {
  readonly type: 'subscribed'
  readonly sub: number
  readonly offset: string
}

export interface RecordsFrame {
  readonly type: 'records'
  readonly sub: number
  /** The places before the first record and after the last one. */
  readonly from: string
  readonly offset: string
  /** JSON values, or base64 texts of a stream of bytes. */
  readonly records: readonly Json[]
  readonly encoding?: 'base64'
}

/** The stream is closed, and all its records were sent. */
export interface EndFrame {
  readonly type: 'end'
  readonly sub: number
  readonly offset: string
  /** The value with which it is closed; for a run, how the run ended. */
  readonly end?: Json
}

/** The stream was removed while it was followed. */
export interface GoneFrame {
  readonly type: 'gone'
  readonly sub: number
  readonly reason: 'deleted' | 'expired' | 'lost'
}

export interface StartedFrame {
  readonly type: 'started'
  readonly req: string
  readonly stream: string
}

export interface StoppedFrame {
  readonly type: 'stopped'
  readonly req: string
  readonly stream: string
  /** `completed` or `failed` when the run had already ended that way. */
  readonly status: RunEnd['status']
}

/** The latest run of a chat. */
export interface LatestRun {
  /** The id of the run and of its stream. */
  readonly id: string
  readonly status: RunStatus
  /** Milliseconds since 1970. */
  readonly startedAt: number
}

export interface FoundFrame {
  readonly type: 'latest'
  readonly req: string
  /** Null when the chat has no run that is still kept. */
  readonly run: LatestRun | null
}

/** A request was refused (`req`), or a subscription was refused or has ended (`sub`). */
export interface ErrorFrame {
  readonly type: 'error'
  readonly code: string
  readonly message: string
  readonly req?: string
  readonly sub?: number
  /** With `offset_trimmed`: the place before the first record that is kept. */
  readonly first?: string
  /** Seconds after which a start that exceeded a limit may be tried again. */
  readonly retryAfter?: number
  /** With `invalid_input`: what does not fit, at most 10 of it. */
  readonly issues?: readonly InputIssue[]
}

/** What is wrong with an input. */
export interface InputIssue {
  /** Where in the input: the keys and indexes that lead there; empty for the whole. */
  readonly path: readonly (string | number)[]
  readonly message: string
}

/** The server shuts down: connect again after this many seconds. */
export interface DrainFrame {
  readonly type: 'drain'
  readonly after: number
}

export interface PongFrame {
  readonly type: 'pong'
}

export type ServerFrame =
  | SubscribedFrame
  | RecordsFrame
  | EndFrame
  | GoneFrame
  | StartedFrame
  | StoppedFrame
  | FoundFrame
  | ErrorFrame
  | DrainFrame
  | PongFrame

/** Why a frame is malformed, with the names in it that could be read, for the answer. */
export interface FrameFault {
  readonly type: 'fault'
  readonly code: 'invalid_frame' | 'unknown_type'
  readonly message: string
  readonly req?: string
  /** Of a `subscribe`. */
  readonly sub?: number
}

type Fields = Readonly<Record<string, Json>>

/** The id of a stream, as every store accepts it. */
const STREAM_ID = /^[\x21-\x7e]{1,512}$/
/** The largest number of a subscription. */
const MAX_SUB = 2 ** 31 - 1
const MAX_REQ = 128
const MAX_CHAT = 256
const MAX_KIND = 64
const MAX_OFFSET = 256

/** Reads what a client sent. Fields that are not of the protocol are ignored. */
export function readClientFrame(value: Json): ClientFrame | FrameFault {
  if (!isObject(value)) return fault({}, 'invalid_frame', 'A frame is a JSON object')
  const { type, sub, stream, req, offset, kind, chat, id } = value
  const wrong = (what: string): FrameFault => fault(value, 'invalid_frame', what)
  if (type === 'ping') return { type }
  if (type === 'unsubscribe') return isSub(sub) ? { type, sub } : wrong(NO_SUB)
  if (type === 'subscribe') {
    if (!isSub(sub)) return wrong(NO_SUB)
    if (!isStreamId(stream)) return wrong(NO_STREAM)
    if (offset === undefined) return { type, sub, stream }
    return isText(offset, MAX_OFFSET) ? { type, sub, stream, offset } : wrong('offset is a text')
  }
  if (type !== 'start' && type !== 'stop' && type !== 'latest')
    return fault(value, 'unknown_type', 'There is no frame of this type')
  if (!isText(req, MAX_REQ)) return wrong(NO_REQ)
  if (type === 'stop') return isStreamId(stream) ? { type, req, stream } : wrong(NO_STREAM)
  if (type === 'latest') return isChat(chat) ? { type, req, chat } : wrong(NO_CHAT)
  if (kind !== undefined && !isText(kind, MAX_KIND)) return wrong('kind is a text of 1 to 64 characters')
  const input = value['input'] === undefined && kind !== undefined ? null : value['input']
  if (input === undefined) return wrong('start needs a kind, or an input; null will do')
  if (chat !== undefined && !isChat(chat)) return wrong(NO_CHAT)
  if (id !== undefined && !isStreamId(id)) return wrong('id is 1 to 512 printable ASCII characters')
  return {
    type,
    req,
    ...(kind !== undefined && { kind }),
    input,
    ...(chat !== undefined && { chat }),
    ...(id !== undefined && { id }),
  }
}

const NO_SUB = `subscribe and unsubscribe need a sub: a whole number from 1 to ${MAX_SUB}`
const NO_STREAM = 'subscribe and stop need a stream: 1 to 512 printable ASCII characters'
const NO_REQ = 'start, stop and latest need a req: 1 to 128 characters'
const NO_CHAT = 'chat is a text of 1 to 256 characters'

const SERVER_TYPES: ReadonlySet<unknown> = new Set<ServerFrame['type']>([
  'subscribed',
  'records',
  'end',
  'gone',
  'started',
  'stopped',
  'latest',
  'error',
  'drain',
  'pong',
])

/**
 * Reads what a server sent. Undefined for what this version does not know: a newer server may say
 * more. The server is trusted to fill the frames it names.
 */
export function readServerFrame(text: string): ServerFrame | undefined {
  try {
    const value = JSON.parse(text) as { readonly type?: unknown } | null
    return SERVER_TYPES.has(value?.type) ? (value as ServerFrame) : undefined
  } catch {
    return undefined
  }
}

function fault({ type, req, sub }: Fields, code: FrameFault['code'], message: string): FrameFault {
  return {
    type: 'fault',
    code,
    message,
    ...(isText(req, MAX_REQ) && { req }),
    ...(type === 'subscribe' && isSub(sub) && { sub }),
  }
}

function isObject(value: Json): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isText(value: Json | undefined, max: number): value is string {
  return typeof value === 'string' && value.length > 0 && value.length <= max
}

function isSub(value: Json | undefined): value is number {
  return Number.isInteger(value) && (value as number) >= 1 && (value as number) <= MAX_SUB
}

/** Whether a value can be the id of a chat. */
export function isChat(value: Json | undefined): value is string {
  return isText(value, MAX_CHAT)
}

/** Whether a value can be the id of a stream. */
export function isStreamId(value: Json | undefined): value is string {
  return typeof value === 'string' && STREAM_ID.test(value)
}
