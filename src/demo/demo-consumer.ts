/**
 * The tutorial's consumer, extended. `{"message":"start"}` streams ten numbers, as in the tutorial; with a `prompt`, the
 * model answers. Starts on one socket run one after the other; `{"message":"stop"}` ends the running one and the
 * waiting ones. A start with an `id` also gets its status. The tutorial's own page sends no id and gets messages only.
 */
import type { StandardSchemaV1 } from '@standard-schema/spec'
import type { ConsumerClass } from '../consumers/consumer.ts'
import { JsonWebSocketConsumer } from '../consumers/json-websocket-consumer.ts'
import { MessageRefusedError } from '../consumers/message-refused.ts'
import { type Scope, scopeForLog } from '../consumers/scope.ts'
import type { Provider } from '../providers/provider.ts'
import { demoNumbers } from '../providers/scripted.ts'
import { HttpError } from '../protocol/errors.ts'
import { RunError } from '../runs/errors.ts'
import { UpstreamError } from '../providers/upstream-error.ts'
import { type DemoCommand, type DemoStart, demoCommand } from './demo-command.ts'

/** Starts that may wait for the running one. */
const MAX_WAITING = 32

/** A piece of an answer: a line of the script, or a part of the model's text. */
type Piece = { readonly message: string } | { readonly delta: string }

/** Answers a prompt with pieces of text. */
export type Answer = (prompt: string) => Provider<string>

/**
 * Takes a place for an answer; the returned function gives it back. Throws an `HttpError` or a `RunError` if there is
 * none.
 */
export type Admit = (scope: Scope<unknown>) => () => void

/** Makes the consumer class. Without `answer`, prompts are answered with the numbers, too. */
export function demoConsumer(
  answer?: Answer,
  numbers: Provider<string> = demoNumbers,
  admit: Admit = () => () => {},
): ConsumerClass<unknown> {
  const lines = framedAs(numbers, (message) => ({ message }))
  return class DemoConsumer extends JsonWebSocketConsumer<DemoCommand, object, unknown> {
    override readonly schema: StandardSchemaV1<unknown, DemoCommand> = demoCommand
    readonly #waiting: DemoStart[] = []
    #running: AbortController | undefined

    override async receive(command: DemoCommand): Promise<void> {
      if (command.message === 'stop') return await this.#stop()
      if (this.#waiting.length >= MAX_WAITING)
        throw new MessageRefusedError(`Too many starts are waiting: at most ${MAX_WAITING} may`)
      this.#waiting.push(command)
      if (!this.#running) this.background((signal) => this.#work(signal))
    }

    async #stop(): Promise<void> {
      this.#running?.abort(new UpstreamError('stopped'))
      for (const { id } of this.#waiting.splice(0)) await this.#report(id, { status: 'stopped' })
    }

    async #work(connection: AbortSignal): Promise<void> {
      for (let command = this.#waiting.shift(); command; command = this.#waiting.shift()) {
        const running = new AbortController()
        this.#running = running
        const signal = AbortSignal.any([connection, running.signal])
        await this.#report(command.id, { status: 'running' })
        await this.#report(command.id, await this.#run(command, signal))
        this.#running = undefined
      }
    }

    /** Streams one answer, and returns how it ended. */
    async #run({ id, prompt }: DemoStart, signal: AbortSignal): Promise<object> {
      const provider =
        prompt !== undefined && answer ? framedAs(answer(prompt), (delta) => ({ delta })) : lines
      let leave: (() => void) | undefined
      try {
        leave = admit(this.scope)
        for await (const piece of provider({ signal })) await this.send(framed(id, piece))
        return { status: 'completed' }
      } catch (error) {
        if (this.signal.aborted) throw error
        if (signal.aborted) return { status: 'stopped' }
        if (error instanceof HttpError || error instanceof RunError) return await this.#refused(id, error)
        if (!(error instanceof UpstreamError)) throw error
        const { code, detail, sentence } = error
        this.logger.warn({ scope: scopeForLog(this.scope), code, detail }, 'model answer failed')
        if (id === undefined) await this.send({ message: sentence })
        return { status: 'failed', reason: sentence }
      } finally {
        leave?.()
      }
    }

    /** Answers a start that was refused before the model was called. */
    async #refused(id: string | undefined, { message }: Error): Promise<object> {
      if (id === undefined) await this.send({ message })
      return { status: 'failed', reason: message }
    }

    async #report(id: string | undefined, status: object): Promise<void> {
      if (id !== undefined) await this.send({ id, ...status })
    }
  }
}

/** A client without an id understands messages only, so text is sent as a message. */
function framed(id: string | undefined, piece: Piece): object {
  if (id !== undefined) return { id, ...piece }
  return 'delta' in piece ? { message: piece.delta } : piece
}

function framedAs(texts: Provider<string>, frame: (text: string) => Piece): Provider<Piece> {
  return async function* (context) {
    for await (const text of texts(context)) yield frame(text)
  }
}
