/** One worker, as the process that started it sees it. */
import type { Worker } from 'node:cluster'
import type { Announcement } from '../announcement.ts'
import { type FromWorker, type ToWorker, envelope, open } from './messages.ts'

/** How a worker ended. */
export interface WorkerExit {
  readonly code: number | null
  readonly signal: string | null
}

/** Why a worker did not come up. */
export class WorkerError extends Error {
  override readonly name = 'WorkerError'
  /** The worker said why, and would say the same again; undefined when it just ended. */
  readonly exitCode: number | undefined

  constructor(message: string, exitCode?: number) {
    super(message)
    this.exitCode = exitCode
  }
}

/** What a pool needs of a worker. */
export interface WorkerProcess {
  readonly number: number
  readonly pid: number
  /** Resolves when it serves; rejects with a `WorkerError` when it ends before. */
  readonly listening: Promise<Announcement>
  /** Resolves when its own readiness check passes, too; rejects when it ends before. */
  readonly ready: Promise<void>
  /** Resolves when it begins to shut down, or has ended. Never rejects. */
  readonly leaving: Promise<void>
  readonly exited: Promise<WorkerExit>
  /** Tells it to shut down in order. */
  drain(): void
  /** Ends it at once; `why` is what one that is not up yet fails with. */
  kill(why?: string): void
}

export function describeExit({ code, signal }: WorkerExit): string {
  return signal === null ? `exit code ${code}` : `signal ${signal}`
}

/** A worker of node:cluster. `portFor` is asked when it is about to listen: in place of which port. */
export class ClusterWorker implements WorkerProcess {
  readonly number: number
  readonly pid: number
  readonly listening: Promise<Announcement>
  readonly ready: Promise<void>
  readonly leaving: Promise<void>
  readonly exited: Promise<WorkerExit>
  readonly #worker: Worker
  readonly #fail: (failure: WorkerError) => void

  constructor(number: number, worker: Worker, portFor: () => number | undefined) {
    this.number = number
    this.pid = worker.process.pid ?? 0
    this.#worker = worker
    const listening = Promise.withResolvers<Announcement>()
    const ready = Promise.withResolvers<void>()
    const leaving = Promise.withResolvers<void>()
    const exited = Promise.withResolvers<WorkerExit>()
    this.listening = listening.promise
    this.ready = ready.promise
    this.leaving = leaving.promise
    this.exited = exited.promise
    const fail = (failure: WorkerError): void => {
      listening.reject(failure)
      ready.reject(failure)
    }
    this.#fail = fail
    // A pool that waits for one of them may not look at the other.
    listening.promise.catch(ignore)
    ready.promise.catch(ignore)
    const receive = (message: FromWorker): void => {
      switch (message.type) {
        case 'loaded':
          return this.#send({ type: 'listen', ...portOf(portFor()) })
        case 'listening':
          return listening.resolve(message.announcement)
        case 'ready':
          return ready.resolve()
        case 'failed':
          return fail(new WorkerError(message.message, message.exitCode))
        case 'leaving':
          return leaving.resolve()
        case 'closed':
          return this.#send({ type: 'released' })
        case 'left':
          // Sent to be written, not to be heard.
          break
      }
    }
    const end = (exit: WorkerExit, how: string): void => {
      fail(new WorkerError(how))
      leaving.resolve()
      exited.resolve(exit)
    }
    worker.on('message', (value: unknown) => {
      const message = open<FromWorker>(value)
      if (message) receive(message)
    })
    worker.on('exit', (code, signal: string | null) => {
      // There is no code when a signal ended it, whatever the types say.
      const exit: WorkerExit = { code, signal }
      end(exit, `it ended with ${describeExit(exit)} before it was ready`)
    })
    worker.on('error', (error) => {
      // What could not be started has no end to wait for; a message that did not reach it has.
      if (worker.process.pid === undefined)
        end({ code: 1, signal: null }, `it could not be started: ${error.message}`)
    })
  }

  drain(): void {
    this.#send({ type: 'drain' })
  }

  kill(why?: string): void {
    if (why !== undefined) this.#fail(new WorkerError(why))
    this.#worker.process.kill('SIGKILL')
  }

  #send(message: ToWorker): void {
    if (this.#worker.isConnected()) this.#worker.process.send(envelope(message), undefined, {}, ignore)
  }
}

function portOf(port: number | undefined): { port?: number } {
  return port === undefined ? {} : { port }
}

function ignore(): void {}
