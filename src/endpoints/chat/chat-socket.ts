/**
 * The socket of `WebSocketChatTransport`: the answers of any number of chats over one WebSocket. See docs/ai-sdk.md.
 */
import type { StandardSchemaV1 } from '@standard-schema/spec'
import {
  type WebSocketChatTransportRequest,
  type WebSocketChatTransportResumeRequest,
  type WebSocketChatTransportSendRequest,
  safeValidateWebSocketChatTransportRequest,
} from 'ai'
import type { ConsumerConnection, ConsumerClass, ConsumerContext } from '../../consumers/consumer.ts'
import { JsonWebSocketConsumer } from '../../consumers/json-websocket-consumer.ts'
import type { TextFrame } from '../../consumers/text-frame.ts'
import { Outlet } from '../../delivery/outlet.ts'
import type { FollowEnd } from '../../delivery/reader.ts'
import { CloseCode } from '../../protocol/close-codes.ts'
import { HttpError } from '../../protocol/errors.ts'
import type { StreamInfo } from '../../streams/stream.ts'
import type { ChatDesk } from './chat-desk.ts'
import { toldError } from './chat-error.ts'
import { ChunkFrames } from './chunk-frames.ts'
import { GONE, lostWords } from '../../conversation/last-words.ts'
import { RunChunks } from './run-chunks.ts'

type Request = WebSocketChatTransportRequest

/** Frames of the server other than chunks. */
type Answer =
  | { readonly type: 'start' | 'end' | 'no-active'; readonly requestId: string }
  | { readonly type: 'error'; readonly requestId: string; readonly errorText: string }

/** A request in progress. */
interface Open {
  /** Aborts when the client wants no more of it. That stops no run. */
  readonly detached: AbortController
  stop: (() => void) | undefined
}

/** Most open requests of one socket. A page has one for each chat that it shows. */
const MAX_OPEN = 100

export function chatSocketConsumer(desk: ChatDesk): ConsumerClass {
  return class extends ChatSocket {
    constructor(context: ConsumerContext) {
      super(context, desk)
    }
  }
}

class ChatSocket extends JsonWebSocketConsumer<Request, Answer> {
  override readonly schema = frameSchema
  readonly #desk: ChatDesk
  readonly #connection: ConsumerConnection
  readonly #outlet: Outlet<readonly TextFrame[]>
  readonly #open = new Map<string, Open>()
  /** Chats with a send in progress whose run is not known yet. */
  readonly #sending = new Set<string>()
  /** Runs that this socket gets as the answer to a send. */
  readonly #sent = new Set<string>()
  /** Runs whose end was sent to this socket, until it is known to have arrived. */
  readonly #told = new Set<string>()

  constructor(context: ConsumerContext, desk: ChatDesk) {
    super(context)
    this.#desk = desk
    const { connection } = context
    this.#connection = connection
    const { frames } = connection
    this.#outlet = new Outlet({
      write: (several) => several.map((frame) => frames.write(frame)).every(Boolean),
      cutSlow: () => frames.cutSlow(),
    })
    connection.listen({
      drained: () => this.#outlet.drained(),
      restarting: () => {},
      ended: () => {
        for (const requestId of this.#open.keys()) this.#close(requestId)
      },
      gone: () => this.#outlet.gone(),
    })
  }

  override connect(): void | Promise<void> {
    try {
      this.#desk.ownerOf(this.scope.user)
    } catch (error) {
      if (!(error instanceof HttpError)) throw error
      return this.close(CloseCode.policyViolation, error.message)
    }
    return this.accept()
  }

  override receive(frame: Request): void | Promise<void> {
    this.#heard()
    if (frame.type === 'abort') return this.#close(frame.requestId)
    const { requestId } = frame
    if (this.#open.has(requestId) || this.#open.size >= MAX_OPEN)
      return this.close(CloseCode.policyViolation, 'Too many requests, or one twice')
    const open: Open = { detached: new AbortController(), stop: undefined }
    this.#open.set(requestId, open)
    this.background(() => this.#answer(frame, open))
  }

  /** With code 1000 or 1001, the client has read everything that was sent. */
  override disconnect(code: number): void {
    if (code === CloseCode.normal || code === CloseCode.goingAway) this.#heard()
  }

  async #answer(
    frame: WebSocketChatTransportSendRequest | WebSocketChatTransportResumeRequest,
    open: Open,
  ): Promise<void> {
    const { requestId } = frame
    const signal = AbortSignal.any([open.detached.signal, this.#connection.signal])
    try {
      const isResume = frame.type === 'resume'
      const run = await (isResume ? this.#resume(frame, signal) : this.#send(frame))
      const before = isResume && run ? await this.#desk.beforeOf(run, frame.id, this.scope, signal) : []
      if (this.#open.get(requestId) !== open) {
        if (run && !isResume) this.#leave(run)
        return
      }
      if (run) return this.#follow(frame, run, open, before)
      this.#open.delete(requestId)
      await this.send({ type: 'no-active', requestId })
    } catch (error) {
      if (signal.aborted) return
      this.#open.delete(requestId)
      const { message: errorText } = toldError(error, this.scope, this.logger)
      await this.send({ type: 'error', requestId, errorText })
    }
  }

  async #send(frame: WebSocketChatTransportSendRequest): Promise<StreamInfo> {
    const { id: chat, messages, trigger, messageId, body } = frame
    const { scope } = this
    this.#desk.count(scope)
    this.#sending.add(chat)
    try {
      const request = { chat, messages, trigger, messageId, body }
      // A send is carried out even if its client does not wait for the answer.
      const run = await (await this.#desk.send(request, scope, this.#connection.signal)).begun()
      this.#sent.add(run.id)
      return run
    } finally {
      this.#sending.delete(chat)
    }
  }

  #resume(
    { id: chat }: WebSocketChatTransportResumeRequest,
    signal: AbortSignal,
  ): Promise<StreamInfo | undefined> {
    // The page gets the run of its own send as the answer to the send.
    const isOwn = (run: string): boolean => this.#sent.has(run) || this.#sending.has(chat)
    return this.#desk.resume({ chat, scope: this.scope, signal, isHeld: true, isOwn })
  }

  #follow(
    { requestId, type }: { requestId: string; type: string },
    run: StreamInfo,
    open: Open,
    before: readonly string[],
  ): void {
    const { delivery } = this.#desk
    const frames = new ChunkFrames(requestId)
    const encoder = new RunChunks({ isCounted: false, before, frame: (chunks) => frames.of(chunks) })
    const release = this.#desk.follow(run)
    const over = (end: FollowEnd): void => {
      release()
      this.#open.delete(requestId)
      this.#sent.delete(run.id)
      // This tells the client that there is more.
      if (end.type === 'closing') return this.close(CloseCode.serviceRestart, 'The server is restarting')
      const last = end.type === 'end' ? encoder.lastFrame(end.end) : frames.of(lostWords(GONE))
      if (last) this.#outlet.write(last)
      void this.send({ type: 'end', requestId })
      if (end.type === 'end') this.#told.add(run.id)
    }
    if (type === 'resume') void this.send({ type: 'start', requestId })
    const { id, incarnation, first } = run
    const follow = delivery.follow(id, {
      place: 'start',
      outlet: this.#outlet,
      encoder,
      observer: { opened: () => {}, over },
      incarnation,
      first,
    })
    open.stop = () => {
      release()
      follow.stop()
      if (type === 'send') this.#leave(run)
    }
  }

  /** Its sender does not wait for the answer any more, and may resume it. */
  #leave({ id }: StreamInfo): void {
    this.#sent.delete(id)
    this.#desk.left(id)
  }

  /** Notes that the client has read everything that was sent before. */
  #heard(): void {
    for (const run of this.#told) this.#desk.ends.told(run, this.scope)
    this.#told.clear()
  }

  /** Detaches a request. A run that it started goes on. */
  #close(requestId: string): void {
    const open = this.#open.get(requestId)
    this.#open.delete(requestId)
    open?.stop?.()
    open?.detached.abort()
  }
}

/** The SDK's own checks of its frames. */
const frameSchema: StandardSchemaV1<unknown, Request> = {
  '~standard': {
    version: 1,
    vendor: 'millrace',
    validate: async (value) => {
      const result = await safeValidateWebSocketChatTransportRequest({ value })
      return result.success ? { value: result.data } : { issues: [{ message: result.error.message }] }
    },
  },
}
