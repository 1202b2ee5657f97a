/**
 * The workers of one server, kept at their number: those that die are started anew, and all of them are
 * replaced, one by one, when a new version of the application is to take over.
 *
 * Invariants: each worker has a place, 1 to the number of them, and its successor takes the same; a place
 * has one worker that serves, and during a change one that starts beside it; a worker that serves is told
 * to go only when its successor is ready.
 */
import type { Logger } from '../../logging/logger.ts'
import { pause } from '../../time/ticker.ts'
import type { Announcement } from '../announcement.ts'
import { CommandError, UsageError } from '../command-error.ts'
import { WorkerError, type WorkerProcess, describeExit } from './worker-process.ts'

export interface PoolOptions {
  readonly count: number
  /** Starts a worker in a place. */
  readonly start: (place: number) => WorkerProcess
  readonly logger: Logger
  /** Called when no worker is left and none comes up any more. */
  readonly onGivenUp: (error: CommandError) => void
  /** Seconds after which a worker that was told to go is killed. */
  readonly patience: number
}

interface Place {
  readonly number: number
  serving?: WorkerProcess | undefined
  starting?: WorkerProcess | undefined
  /** Under way while a worker that died is replaced. */
  reviving?: Promise<void> | undefined
  /** Workers here that died soon after they had come up, in a row. */
  shortLives: number
}

/** Seconds for a worker to come up. */
const START_PATIENCE = 60
/** Workers in a row that did not come up, after which a server without any gives up. */
const MAX_ATTEMPTS = 5
/** Seconds before another attempt: the first, doubled each time, and the longest. */
const FIRST_DELAY = 0.1
const MAX_DELAY = 10
/** Seconds that a worker lives to be worth another at once. */
const LONG_LIFE = 10

export class WorkerPool {
  readonly #options: PoolOptions
  readonly #places: readonly Place[]
  readonly #alive = new Set<WorkerProcess>()
  /** Those that have come up, once. */
  readonly #up = new WeakSet<WorkerProcess>()
  readonly #closing = new AbortController()
  #hasStarted = false
  #rolling = false
  #rollAgain = false

  constructor(options: PoolOptions) {
    this.#options = options
    this.#places = Array.from({ length: options.count }, (_, index) => ({ number: index + 1, shortLives: 0 }))
  }

  /** Whether a worker serves at this moment. */
  get serves(): boolean {
    return this.#places.some(({ serving }) => serving !== undefined)
  }

  get isClosing(): boolean {
    return this.#closing.signal.aborted
  }

  /**
   * Starts the first worker, and then the others. Resolves when all of them serve.
   *
   * @throws {CommandError} when one does not come up: at once when it says why, otherwise after some attempts.
   */
  async start(): Promise<Announcement> {
    const [first, ...others] = this.#places as [Place, ...Place[]]
    const announcement = await this.#bringUp(first)
    await Promise.all(others.map((place) => this.#bringUp(place)))
    this.#hasStarted = true
    return announcement
  }

  /** Replaces all workers, one by one. Asked during a replacement, it is done once more afterwards. */
  restart(): void {
    if (this.#closing.signal.aborted || !this.#hasStarted) return
    this.#rollAgain = true
    if (this.#rolling) {
      this.#options.logger.info({}, 'Workers are being replaced already; they will be once more')
      return
    }
    this.#rolling = true
    void this.#rollWhileAsked().finally(() => (this.#rolling = false))
  }

  /**
   * Has every worker shut down; resolves when all have ended.
   *
   * @throws {Error} when one of them did not end in order.
   */
  async close(): Promise<void> {
    this.#closing.abort()
    const workers = [...this.#alive]
    for (const worker of workers) worker.drain()
    const exits = await Promise.all(workers.map(async (worker) => ({ worker, exit: await worker.exited })))
    // One that was about to come up may end as it likes.
    const bad = exits.filter(({ worker, exit }) => exit.code !== 0 && this.#up.has(worker))
    if (bad.length === 0) return
    const list = bad.map(({ worker, exit }) => `${titleOf(worker)} with ${describeExit(exit)}`).join(', ')
    throw new Error(`workers did not end in order: ${list}`)
  }

  /** Ends what is left, at once. */
  kill(): void {
    for (const worker of this.#alive) worker.kill()
  }

  /** Starts workers in a place until one serves. */
  async #bringUp(place: Place): Promise<Announcement> {
    for (let attempt = 1; ; attempt++) {
      try {
        const worker = this.#start(place)
        const announcement = await inTime(worker, worker.listening)
        this.#serve(place, worker)
        return announcement
      } catch (error) {
        if (!(error instanceof WorkerError) || this.#closing.signal.aborted) throw error
        const final = this.#hasStarted ? !this.serves : true
        if (!this.#hasStarted && error.exitCode !== undefined) throw commandError(error)
        if (final && attempt >= MAX_ATTEMPTS)
          throw new CommandError(`${attempt} workers in a row did not come up; of the last, ${error.message}`)
        const delay = delayAfter(attempt)
        const fields = { worker: place.number }
        const again = `trying again in ${delay} s`
        this.#options.logger.error(
          fields,
          `worker ${place.number} did not come up: ${error.message}; ${again}`,
        )
        await pause(delay * 1000, this.#closing.signal)
      }
    }
  }

  #start(place: Place): WorkerProcess {
    if (this.#closing.signal.aborted) throw new WorkerError('the server shuts down')
    const worker = this.#options.start(place.number)
    this.#alive.add(worker)
    place.starting = worker
    void worker.exited.then(() => {
      this.#alive.delete(worker)
      if (place.starting === worker) place.starting = undefined
    })
    return worker
  }

  /** From here on the worker is the one of its place. */
  #serve(place: Place, worker: WorkerProcess): void {
    place.starting = undefined
    place.serving = worker
    this.#up.add(worker)
    const since = performance.now()
    void worker.leaving.then(async () => {
      if (place.serving !== worker || this.#closing.signal.aborted) return
      place.serving = undefined
      place.shortLives = performance.now() - since < LONG_LIFE * 1000 ? place.shortLives + 1 : 0
      // During a replacement there is one on its way.
      if (!place.starting) this.#revive(place)
      const exit = await Promise.race([worker.exited, Promise.resolve(undefined)])
      const what = exit ? `died: ${describeExit(exit)}` : 'shuts down by itself'
      const fields = { worker: place.number, workerPid: worker.pid }
      this.#options.logger.warn(fields, `${titleOf(worker)} ${what}; starting another`)
    })
  }

  #revive(place: Place): void {
    place.reviving ??= this.#reviveLater(place).finally(() => (place.reviving = undefined))
  }

  async #reviveLater(place: Place): Promise<void> {
    const { signal } = this.#closing
    if (place.shortLives > 1) await pause(delayAfter(place.shortLives - 1) * 1000, signal)
    try {
      await this.#bringUp(place)
    } catch (error) {
      if (signal.aborted) return
      this.#options.onGivenUp(error instanceof CommandError ? error : new CommandError(String(error), error))
    }
  }

  async #rollWhileAsked(): Promise<void> {
    while (this.#rollAgain && !this.#closing.signal.aborted) {
      this.#rollAgain = false
      await this.#roll()
    }
  }

  async #roll(): Promise<void> {
    const { logger, count } = this.#options
    logger.info({}, `Replacing ${count === 1 ? 'the worker' : `${count} workers, one by one`}`)
    for (const place of this.#places) {
      // One that is being started has perhaps loaded the old version.
      await place.reviving
      if (this.#closing.signal.aborted) return
      const isDone = await this.#replace(place)
      if (!isDone) return
    }
    logger.info({}, `Replaced ${count === 1 ? 'the worker' : `all ${count} workers`}`)
  }

  /** Whether it has been. */
  async #replace(place: Place): Promise<boolean> {
    const { logger } = this.#options
    const old = place.serving
    try {
      const worker = this.#start(place)
      await inTime(worker, worker.ready)
      this.#serve(place, worker)
      const fields = { worker: place.number, workerPid: worker.pid }
      logger.info(fields, `${titleOf(worker)} takes over${old ? ` from pid ${old.pid}` : ''}`)
    } catch (error) {
      if (this.#closing.signal.aborted) return false
      const why = error instanceof Error ? error.message : String(error)
      const what = `worker ${place.number} was not replaced: ${why}; those that serve go on as they are`
      logger.error({ worker: place.number }, what)
      if (!place.serving) this.#revive(place)
      return false
    }
    if (old) await this.#retire(old)
    return true
  }

  async #retire(worker: WorkerProcess): Promise<void> {
    const timer = setTimeout(() => worker.kill(), this.#options.patience * 1000)
    worker.drain()
    await worker.exited
    clearTimeout(timer)
  }
}

/** Waits for a worker to come so far, and ends one that takes too long. */
async function inTime<T>(worker: WorkerProcess, progress: Promise<T>): Promise<T> {
  const why = `it was not ready within ${START_PATIENCE} s`
  const timer = setTimeout(() => worker.kill(why), START_PATIENCE * 1000)
  try {
    return await progress
  } finally {
    clearTimeout(timer)
  }
}

function titleOf({ number, pid }: WorkerProcess): string {
  return `worker ${number} (${pid})`
}

function delayAfter(attempts: number): number {
  return Math.min(FIRST_DELAY * 2 ** (attempts - 1), MAX_DELAY)
}

/** As the worker would have said it, had it been alone. */
function commandError({ message, exitCode }: WorkerError): CommandError {
  return exitCode === new UsageError('').exitCode ? new UsageError(message) : new CommandError(message)
}
