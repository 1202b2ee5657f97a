/** `millrace serve --workers`: what the first process does, which serves nothing itself. */
import cluster from 'node:cluster'
import { type ServeContext, announce } from '../announcement.ts'
import { superviseProcess } from '../lifecycle.ts'
import { SERVE_DEFAULTS } from '../options/serve.ts'
import { WORKER_VARIABLE } from './link.ts'
import { WorkerPool } from './pool.ts'
import { hasTerminal } from './terminal.ts'
import { ClusterWorker, type WorkerProcess } from './worker-process.ts'

/** Signals that have all workers replaced. */
const RESTART_SIGNALS = ['SIGHUP', 'SIGUSR2'] as const

/** Seconds, beyond the time of a shutdown, that a worker has to end. */
const GRACE = 5

/**
 * Resolves once all workers serve.
 *
 * @throws {CommandError} saying why they do not.
 */
export async function serveWithWorkers(context: ServeContext): Promise<void> {
  const { settings, logger, say } = context
  const { shutdownTimeout } = { ...SERVE_DEFAULTS, ...settings }
  const ports = new Ports(settings.port)
  const start = (place: number): WorkerProcess => {
    const portFor = (): number | undefined => ports.next(pool.serves)
    const worker = new ClusterWorker(place, cluster.fork({ [WORKER_VARIABLE]: String(place) }), portFor)
    worker.listening.then(({ port }) => ports.note(port), ignore)
    return worker
  }
  const pool = new WorkerPool({
    count: settings.workers ?? 1,
    start,
    logger,
    patience: shutdownTimeout + GRACE,
    onGivenUp(error) {
      console.error(`millrace: ${error.message}`)
      process.exit(error.exitCode)
    },
  })
  process.on('exit', () => pool.kill())
  const supervision = superviseProcess({ application: pool, logger, shutdownTimeout, say })
  const hadTerminal = hasTerminal()
  for (const signal of RESTART_SIGNALS) {
    process.on(signal, () => {
      // Whoever closes a terminal wants an end to what runs in it, and the signal for that is SIGHUP.
      if (signal === 'SIGHUP' && hadTerminal && !hasTerminal()) supervision.shutDown()
      else pool.restart()
    })
  }
  try {
    announce(await pool.start(), context)
  } catch (error) {
    // Told to stop while it started: whoever is in charge of the process ends it.
    if (pool.isClosing) return
    await pool.close().catch(ignore)
    throw error
  }
}

/**
 * Which port workers take. Cluster keeps a port open for as long as a worker listens on it. Where a free
 * one was asked for, those that come after the last has died are to have the same again.
 */
class Ports {
  readonly #isFree: boolean
  #taken: number | undefined
  #isFixed = false

  constructor(asked: number | undefined) {
    this.#isFree = asked === 0
  }

  note(port: number): void {
    this.#taken ??= port
  }

  /** In place of the port that was asked for. */
  next(isOpen: boolean): number | undefined {
    if (this.#isFree && this.#taken !== undefined && !isOpen) this.#isFixed = true
    return this.#isFixed ? this.#taken : undefined
  }
}

function ignore(): void {}
