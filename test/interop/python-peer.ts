/** A process of Python with channels_redis, told what to do; see channels_peer.py and django_peer.py. */
import { spawn } from 'node:child_process'
import type { ChildProcessByStdio } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'
import { fileURLToPath } from 'node:url'

const script = (name: string): string => fileURLToPath(new URL(name, import.meta.url))

/** Milliseconds for a peer to end by itself. */
const PATIENCE_MS = 5000

interface Answer {
  readonly id: number
  readonly result?: unknown
  readonly error?: string
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
  readonly #waiting = new Map<number, PromiseWithResolvers<unknown>>()
  #stderr = ''
  #ids = 0

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
    this.#process.stdin.write(`${JSON.stringify(settings)}\n`)
    this.#process.stderr.setEncoding('utf8').on('data', (text: string) => (this.#stderr += text))
    createInterface({ input: this.#process.stdout }).on('line', (line) => {
      const { id, result, error } = JSON.parse(line) as Answer
      const waiting = this.#waiting.get(id)
      this.#waiting.delete(id)
      if (error === undefined) waiting?.resolve(result)
      else waiting?.reject(new Error(error))
    })
    this.#process.once('exit', (code) => {
      for (const { reject } of this.#waiting.values()) {
        reject(new Error(`Python ended with code ${code}: ${this.#stderr}`))
      }
    })
  }

  call<Result = unknown>(what: string, args: Readonly<Record<string, unknown>> = {}): Promise<Result> {
    const id = ++this.#ids
    const waiting = Promise.withResolvers<unknown>()
    this.#waiting.set(id, waiting)
    this.#process.stdin.write(`${JSON.stringify({ id, do: what, ...args })}\n`)
    return waiting.promise as Promise<Result>
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
}
