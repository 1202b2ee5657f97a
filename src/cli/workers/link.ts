/** A worker's end of the channel to the process that started it. */
import cluster from 'node:cluster'
import { type Logger, silentLogger } from '../../logging/logger.ts'
import { pause } from '../../time/ticker.ts'
import type { Application } from '../../server/application.ts'
import { isReady } from '../../server/health.ts'
import type { Announcement } from '../announcement.ts'
import { CommandError } from '../command-error.ts'
import { superviseProcess } from '../lifecycle.ts'
import { type FromWorker, type ToWorker, envelope, open } from './messages.ts'

/** Tells a process that it is a worker, and which. An application may read it. */
export const WORKER_VARIABLE = 'MILLRACE_WORKER'

/** Signals that a terminal, or whoever signals a whole process group, sends to workers as well. */
const FOR_THE_FIRST_PROCESS = ['SIGINT', 'SIGHUP', 'SIGUSR2'] as const

/** Milliseconds between two looks at whether the application is ready. */
const READINESS_INTERVAL = 500

/** Milliseconds for the first process to let a worker go. */
const RELEASE_PATIENCE = 2000

export interface ServeOptions {
  readonly announcement: Announcement
  readonly logger: Logger
  readonly shutdownTimeout: number
}

export class WorkerLink {
  /** The worker's place among the others, from 1 on. */
  readonly number: number
  #drain: () => void = () => process.exit(0)
  #listen: ((port: number | undefined) => void) | undefined
  readonly #released = Promise.withResolvers<void>()

  /** The link of this process, if it is a worker. */
  static find(): WorkerLink | undefined {
    const number = Number(process.env[WORKER_VARIABLE])
    return cluster.isWorker && Number.isInteger(number) && number > 0 ? new WorkerLink(number) : undefined
  }

  private constructor(number: number) {
    this.number = number
    for (const signal of FOR_THE_FIRST_PROCESS) process.on(signal, ignore)
    process.on('message', (value) => this.#receive(open<ToWorker>(value)))
    cluster.worker?.on('disconnect', () => this.#orphaned())
  }

  /** Says that the application is loaded. Resolves to the port to listen on, if it is another than was asked for. */
  async loaded(): Promise<number | undefined> {
    const { promise, resolve } = Promise.withResolvers<number | undefined>()
    this.#listen = resolve
    this.#send({ type: 'loaded' })
    return await promise
  }

  /** Puts this process in the charge of the first one, now that it listens. */
  serve(application: Application, { announcement, logger, shutdownTimeout }: ServeOptions): void {
    const leaving = new AbortController()
    const close = async (): Promise<void> => {
      leaving.abort()
      this.#send({ type: 'leaving' })
      await application.close()
      await this.#giveBack()
    }
    // The first process has said it, whoever signalled both.
    const say = (line: string): void => logger.debug({}, line)
    const supervision = superviseProcess({
      application: { close },
      logger,
      shutdownTimeout,
      say,
      signals: ['SIGTERM'],
    })
    this.#drain = () => supervision.shutDown()
    this.#send({ type: 'listening', announcement })
    void this.#tellReadiness(application, leaving.signal)
  }

  /** Ends this process, after it told why. */
  async fail(error: unknown): Promise<never> {
    const message = error instanceof Error ? error.message : String(error)
    const exitCode = error instanceof CommandError ? error.exitCode : 1
    await new Promise<void>((sent) => {
      if (
        process.send?.(envelope({ type: 'failed', message, exitCode }), undefined, {}, () => sent()) ===
        undefined
      )
        sent()
    })
    process.exit(exitCode)
  }

  async #tellReadiness({ options }: Application, leaving: AbortSignal): Promise<void> {
    // An application of another Millrace may have none.
    const check = (options as Application['options'] | undefined) ?? { logger: silentLogger }
    while (!leaving.aborted) {
      if (await isReady(check)) return this.#send({ type: 'ready' })
      await pause(READINESS_INTERVAL, leaving)
    }
  }

  /**
   * Stays until no connection is on its way here: the first process sends them over the same channel as its
   * messages, and one that meets a closed server goes back and to another worker. One that meets no process
   * would never be answered.
   */
  async #giveBack(): Promise<void> {
    if (!process.connected) return
    const patience = new AbortController()
    this.#send({ type: 'closed' })
    await Promise.race([this.#released.promise, pause(RELEASE_PATIENCE, patience.signal)])
    patience.abort()
    if (!process.connected) return
    // Behind what was given back: once it is written, so are they.
    const left = envelope({ type: 'left' })
    await new Promise<void>((written) => {
      if (process.send?.(left, undefined, {}, () => written()) === undefined) written()
    })
  }

  #send(message: FromWorker): void {
    // The first process may be gone; the end of the channel says so.
    if (process.connected) process.send?.(envelope(message), undefined, {}, ignore)
  }

  #receive(message: ToWorker | undefined): void {
    if (message?.type === 'listen') this.#listen?.(message.port)
    else if (message?.type === 'drain') this.#drain()
    else if (message?.type === 'released') this.#released.resolve()
  }

  #orphaned(): void {
    // Without this, cluster ends the process on the spot, and what it serves with it.
    if (cluster.worker) cluster.worker.exitedAfterDisconnect = true
    this.#drain()
  }
}

function ignore(): void {}
