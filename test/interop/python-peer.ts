/** A process of Python with channels_redis, told what to do; see channels_peer.py and django_peer.py. */
import { spawn } from 'node:child_process'
import type { ChildProcessByStdio } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

const script = (name: string): string => fileURLToPath(new URL(name, import.meta.url))

/** Milliseconds for a peer to end by itself. */
const PATIENCE_MS = 5000

/**
 * Seconds for an answer. No measure of speed: a peer that takes so long has stopped, and says so before the
 * test is over.
 */
const ANSWER_SECONDS = 45

interface Answer {
  readonly id: number
  readonly result?: unknown
  readonly error?: string
}

interface Call {
  readonly request: string
  readonly answer: PromiseWithResolvers<unknown>
  readonly timer: NodeJS.Timeout
}

interface PeerProgram {
  readonly script: string
  readonly environment: NodeJS.ProcessEnv
}

/** A value whose Python type is said. */
export type PythonValue = { readonly $: string; readonly of: unknown }

export const int = (of: string): PythonValue => ({ $: 'int', of })
export const float = (of: string): PythonValue => ({ $: 'float', of })
export const bytes = (of: Uint8Array): PythonValue => ({ $: 'bytes', of: Buffer.from(of).toString('base64') })
export const map = (...of: (readonly [unknown, unknown])[]): PythonValue => ({ $: 'map', of })

export class PythonPeer {
  readonly #process: ChildProcessByStdio<Writable, Readable, Readable>
  readonly #calls = new Map<number, Call>()
  #stderr = ''
  #ids = 0
  #last: { readonly text: string; readonly at: number } | undefined
  #ended: Error | undefined

  /** A peer with the layer that a Django project has; the environment says which. */
  static ofDjango(python: string, environment: NodeJS.ProcessEnv): PythonPeer {
    return new PythonPeer(python, {}, { script: 'django_peer.py', environment })
  }

  /** @param settings what RedisChannelLayer is made with. */
  constructor(
    python: string,
    settings: Readonly<Record<string, unknown>>,
    program: PeerProgram = { script: 'channels_peer.py', environment: process.env },
  ) {
    this.#process = spawn(python, [script(program.script)], {
      env: program.environment,
      stdio: ['pipe', 'pipe', 'pipe'],
    })
    // Its end is told by the process.
    this.#process.stdin.on('error', () => {})
    this.#process.stdin.write(`${JSON.stringify(settings)}\n`)
    this.#process.stderr.setEncoding('utf8').on('data', (text: string) => (this.#stderr += text))
    createInterface({ input: this.#process.stdout }).on('line', (line) => this.#hear(line))
    this.#process.once('error', (error) => this.#rejectAll(error.message))
    this.#process.once('close', (code, signal) =>
      this.#rejectAll(`Python ended with ${signal ?? `code ${code}`}`),
    )
  }

  /**
   * Asks the peer to do something. Rejects with what it says went wrong, and with all that is known of it when
   * it says nothing for `seconds`, or ends.
   */
  call<Result = unknown>(
    what: string,
    args: Readonly<Record<string, unknown>> = {},
    seconds: number = ANSWER_SECONDS,
  ): Promise<Result> {
    if (this.#ended) return Promise.reject(this.#ended)
    const id = ++this.#ids
    const request = `${what}(${shortened(JSON.stringify(args))})`
    const answer = Promise.withResolvers<unknown>()
    const timer = setTimeout(
      () => this.#take(id)?.answer.reject(this.#failure(`Python did not answer ${request} for ${seconds} s`)),
      seconds * 1000,
    )
    this.#calls.set(id, { request, answer, timer })
    this.#process.stdin.write(`${JSON.stringify({ id, do: what, ...args })}\n`)
    return answer.promise as Promise<Result>
  }

  /**
   * Looks again and again whether something is so that the peer brought about without waiting for it itself.
   *
   * @param what what is waited for, for the error when it does not come about.
   */
  async until(what: string, isSo: () => Promise<boolean>): Promise<void> {
    const begun = performance.now()
    while (!(await isSo())) {
      if (performance.now() - begun > ANSWER_SECONDS * 1000) {
        throw this.#failure(`After ${ANSWER_SECONDS} s it is still not so that ${what}`)
      }
      await delay(10)
    }
  }

  /** Lets it close its connections. It has been seen to hang at that, and is ended then. */
  async end(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return
    const ended = once(this.#process, 'exit')
    const patience = setTimeout(() => this.#process.kill('SIGKILL'), PATIENCE_MS)
    this.#process.stdin.end()
    await ended
    clearTimeout(patience)
  }

  #hear(line: string): void {
    const { id, result, error } = JSON.parse(line) as Answer
    const call = this.#take(id)
    if (!call) return
    const text = `${call.request} with ${shortened(error ?? JSON.stringify(result))}`
    this.#last = { text, at: performance.now() }
    if (error === undefined) call.answer.resolve(result)
    else call.answer.reject(new Error(error))
  }

  #take(id: number): Call | undefined {
    const call = this.#calls.get(id)
    this.#calls.delete(id)
    clearTimeout(call?.timer)
    return call
  }

  #rejectAll(what: string): void {
    this.#ended ??= this.#failure(what)
    for (const id of Array.from(this.#calls.keys())) this.#take(id)?.answer.reject(this.#ended)
  }

  /** What happened, what else was asked and not answered, and what the peer said last. */
  #failure(what: string): Error {
    const asked = Array.from(this.#calls.values(), ({ request }) => request).join(', ')
    const last = this.#last
      ? `answered ${this.#last.text}, ${((performance.now() - this.#last.at) / 1000).toFixed(1)} s ago`
      : 'has answered nothing'
    const lines = [
      what,
      `It last ${last}.`,
      `Unanswered besides: ${asked || 'nothing'}.`,
      this.#stderr ? `It printed:\n${this.#stderr}` : 'It printed no error.',
    ]
    return new Error(lines.join('\n'))
  }
}

function shortened(text: string): string {
  return text.length > 200 ? `${text.slice(0, 200)}…` : text
}
