/** A Node process of a benchmark that talks by messages. */
import { fileURLToPath } from 'node:url'
import { TooSlow, launch } from './program.ts'
import type { Program, ProgramOptions } from './program.ts'

/** A Node process that is asked things by messages with a `type`, and answers so. */
export class Child<Request extends object, Reply extends { readonly type: string }> {
  readonly #program: Program
  readonly #name: string
  readonly #inbox: Reply[] = []
  readonly #waiting = new Set<() => void>()

  /** @param file a module of TypeScript. */
  constructor(file: URL, args: readonly string[], options: ProgramOptions) {
    this.#name = fileURLToPath(file)
    const command = [process.execPath, ...(options.flags ?? []), this.#name, ...args]
    const spawning = { stdio: ['ignore', 'inherit', 'inherit', 'ipc'], serialization: 'advanced' } as const
    this.#program = launch(command, options, { ...spawning, stdio: [...spawning.stdio] })
    this.#program.process.on('message', (message) => {
      this.#inbox.push(message as Reply)
      this.#wake()
    })
    this.#program.process.once('exit', () => this.#wake())
  }

  get cpuMicros(): number {
    return this.#program.cpuMicros
  }

  send(request: Request): void {
    if (this.#program.process.connected) this.#program.process.send(request)
  }

  /** The next reply of a type, also one that came before. @throws {TooSlow} after `seconds`. */
  async reply<Type extends Reply['type']>(
    type: Type,
    seconds: number,
  ): Promise<Extract<Reply, { type: Type }>> {
    const until = performance.now() + seconds * 1000
    for (;;) {
      const index = this.#inbox.findIndex((message) => message.type === type)
      if (index >= 0) return this.#inbox.splice(index, 1)[0] as Extract<Reply, { type: Type }>
      if (!this.#program.running) throw new Error(`${this.#name} ended before "${type}"`)
      const left = until - performance.now()
      if (left <= 0) throw new TooSlow(`no "${type}" within ${seconds} s`)
      await this.#change(left)
    }
  }

  async ask<Type extends Reply['type']>(
    request: Request,
    type: Type,
    seconds: number,
  ): Promise<Extract<Reply, { type: Type }>> {
    this.send(request)
    return await this.reply(type, seconds)
  }

  async end(quietly: boolean = false): Promise<void> {
    await this.#program.end(quietly)
  }

  #change(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer)
        this.#waiting.delete(done)
        resolve()
      }
      const timer = setTimeout(done, ms)
      this.#waiting.add(done)
    })
  }

  #wake(): void {
    for (const wake of this.#waiting) wake()
  }
}
