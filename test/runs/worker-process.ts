import { fork } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { Json } from '../../src/protocol/json.ts'
import type { Answer, Command } from './fixtures/worker.ts'

/** A process with runs, as `fixtures/worker.ts` has them, that does what the test says. */
export class Worker {
  readonly exited: Promise<unknown>
  readonly #process: ChildProcess
  readonly #answers = new Map<number, PromiseWithResolvers<Json>>()
  #calls = 0

  /** @param args the place of the store, and of a model service if it is to know one. */
  constructor(...args: readonly [store: string, service?: string]) {
    this.#process = fork(
      join(import.meta.dirname, 'fixtures/worker.ts'),
      args.filter((one) => one !== undefined),
      { execArgv: [] },
    )
    this.exited = once(this.#process, 'exit')
    this.#answers.set(0, Promise.withResolvers())
    this.#process.on('message', ({ call, result, error }: Answer) => {
      const answer = this.#answers.get(call)
      if (error === undefined) answer?.resolve(result as Json)
      else answer?.reject(new Error(error))
    })
  }

  /** Resolves when it is up. */
  get ready(): Promise<unknown> {
    return this.#answers.get(0)?.promise ?? Promise.resolve()
  }

  do(command: Command): Promise<Json> {
    const call = ++this.#calls
    const answer = Promise.withResolvers<Json>()
    this.#answers.set(call, answer)
    this.#process.send({ call, command })
    return answer.promise
  }

  signal(signal: NodeJS.Signals): void {
    this.#process.kill(signal)
  }

  async kill(): Promise<void> {
    if (this.#process.exitCode === null && this.#process.signalCode === null) this.#process.kill('SIGKILL')
    await this.exited
  }
}
