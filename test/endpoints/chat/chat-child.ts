/** A chat server in a process of its own, which a test kills or drains and starts again on the same port and store. */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export class ChatChild implements AsyncDisposable {
  readonly #folder: string
  readonly #page: string
  #child: ChildProcess | undefined
  #port = 0

  private constructor(folder: string, page: string) {
    this.#folder = folder
    this.#page = page
  }

  /** @param page the file of a script that it serves as a page, see `chat-process.ts`. */
  static async start(page = ''): Promise<ChatChild> {
    const child = new ChatChild(await mkdtemp(join(tmpdir(), 'chat-')), page)
    await child.restart()
    return child
  }

  /** Starts another process on the same store. */
  async beside(ends = ''): Promise<ChatChild> {
    const other = new ChatChild(this.#folder, this.#page)
    await other.restart(ends)
    return other
  }

  get port(): number {
    return this.#port
  }

  url(path: string): string {
    return `http://127.0.0.1:${this.#port}${path}`
  }

  /** @param ends `ends` to let the answer end that is asked for again. */
  async restart(ends = ''): Promise<void> {
    const args = [join(this.#folder, 'data.db'), String(this.#port), ends, this.#page]
    const execArgv = ['--conditions=millrace:source']
    this.#child = fork('test/endpoints/chat/chat-process.ts', args, { execArgv })
    ;[this.#port] = (await once(this.#child, 'message')) as [number]
  }

  /** Resolves when it has ended. */
  async end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    const child = this.#child
    if (!child || child.exitCode !== null || child.signalCode !== null) return
    const gone = once(child, 'exit')
    child.kill(signal)
    await gone
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end('SIGKILL')
    await rm(this.#folder, { recursive: true, force: true })
  }
}
