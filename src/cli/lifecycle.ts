/**
 * How a serving process ends. SIGINT and SIGTERM shut the application down, and a second one exits at once.
 * An uncaught exception shuts it down too, since nobody knows what it left half done; not one that comes from
 * a handler, whose own affair it is (see src/logging/late-errors.ts). A rejected promise that nobody handled is
 * logged and the server goes on: with many people connected, one forgotten `await` must not disconnect them
 * all.
 */
import { blameHandler, isThrownByHandler } from '../logging/late-errors.ts'
import type { Logger } from '../logging/logger.ts'

export interface LifecycleOptions {
  readonly application: { close(): Promise<void> }
  readonly logger: Logger
  /** Seconds that the application gives what is under way. */
  readonly shutdownTimeout: number
  /** Tells whoever started the server. */
  readonly say: (line: string) => void
  /** Which signals end the process. Default: both. */
  readonly signals?: readonly EndSignal[]
}

/** A process that is in somebody's charge. */
export interface Supervision {
  /** Shuts the application down as a signal does. */
  shutDown(): void
}

/** What is used of `process`. */
export interface ProcessHost {
  on(event: string, listener: (value: unknown) => void): unknown
  exit(code: number): void
}

/** 128 and the signal's number, as shells report a process that a signal ended. */
const SIGNALS = { SIGINT: 130, SIGTERM: 143 } as const

export type EndSignal = keyof typeof SIGNALS

/**
 * Milliseconds in which a signal counts once: of a Ctrl-C that the terminal sends to every process, npm and
 * `node --watch` pass a copy on.
 */
const ECHO = 300

/** Seconds, beyond the application's own timeout, until an application that does not close is left behind. */
const GRACE = 2

/** Takes charge of a process: from here on it ends by `exit`, whatever handles are left open. */
export function superviseProcess(options: LifecycleOptions, host: ProcessHost = process): Supervision {
  const { logger, shutdownTimeout, say, signals = Object.keys(SIGNALS) as EndSignal[] } = options
  let stopped: { readonly signal: string; readonly at: number } | undefined
  let exitCode: number | undefined

  const end = (code: number): void => {
    const isFirst = exitCode === undefined
    exitCode = Math.max(exitCode ?? 0, code)
    if (!isFirst) return
    setTimeout(
      () => {
        logger.error({}, 'the application did not close in time: exiting without it')
        host.exit(1)
      },
      (shutdownTimeout + GRACE) * 1000,
    )
    void close(options).then((failed) => host.exit(failed ? 1 : (exitCode ?? 0)))
  }

  for (const signal of signals) {
    host.on(signal, () => {
      const now = performance.now()
      if (stopped === undefined) {
        stopped = { signal, at: now }
        const again = signal === 'SIGINT' ? 'Ctrl-C' : signal
        say(`Shutting down, within ${shutdownTimeout} s. Another ${again} exits at once.`)
        end(0)
      } else if (signal !== stopped.signal || now - stopped.at > ECHO) {
        host.exit(SIGNALS[signal])
      }
    })
  }
  host.on('uncaughtException', (error) => {
    if (isThrownByHandler()) return
    logger.error({ err: error }, 'uncaught exception: shutting down')
    end(1)
  })
  host.on('unhandledRejection', (reason) => {
    if (blameHandler(reason)) return
    logger.error({ err: reason }, 'a promise was rejected and nobody handled it')
  })
  return { shutDown: () => end(0) }
}

/** Whether closing failed. */
async function close({ application, logger }: LifecycleOptions): Promise<boolean> {
  try {
    await application.close()
    return false
  } catch (error) {
    logger.error({ err: error }, 'the application failed to close')
    return true
  }
}
