/** Has an application listen as the command line says, and says in one line why it does not. */
import type { Application } from '../server/application.ts'
import type { RunningServer } from '../server/listening/listener.ts'
import { LISTEN_DEFAULTS, LISTEN_OPTIONS, type ListenOptions } from '../server/options.ts'
import { CommandError } from './command-error.ts'
import { placeIn } from './loading/load-failure.ts'

export interface Listening {
  readonly running: RunningServer
  /** Whether an application that asks nobody who they are can be reached from beyond this machine. */
  readonly isOpen: boolean
}

/**
 * @param settings all that the command line says; those of a server are taken.
 * @throws {CommandError} saying why it cannot, and what to do about it.
 */
export async function listen(
  application: Pick<Application, 'listen'>,
  settings: ListenOptions,
): Promise<Listening> {
  const options: ListenOptions = Object.fromEntries(
    Object.entries(settings).filter(([name]) => Object.hasOwn(LISTEN_OPTIONS, name)),
  )
  try {
    return await listenWarily(application, options)
  } catch (error) {
    if (!(error instanceof Error)) throw new CommandError(String(error))
    const advice = adviceFor(codeOf(error), options)
    const place = placeOfStore(error)
    const message = place === undefined ? error.message : `${place}: ${error.message}`
    throw new CommandError(advice === undefined ? message : `${message}; ${advice}`, error)
  }
}

/** The listener alone knows what is beyond this machine: it refuses first, where a warning is due. */
async function listenWarily(
  application: Pick<Application, 'listen'>,
  options: ListenOptions,
): Promise<Listening> {
  try {
    return { running: await application.listen({ ...options, allowAnonymous: false }), isOpen: false }
  } catch (error) {
    if (!options.allowAnonymous || codeOf(error) !== 'anonymous_refused') throw error
    return { running: await application.listen(options), isOpen: true }
  }
}

function adviceFor(
  code: unknown,
  { port = LISTEN_DEFAULTS.port, unixSocket, fd }: ListenOptions,
): string | undefined {
  if (code === 'anonymous_refused') return '--allow-anonymous does the latter'
  if (unixSocket !== undefined || fd !== undefined) return undefined
  if (code === 'address_in_use') return 'choose another port with --port, or 0 for any that is free'
  if (code === 'address_unavailable') return 'name one that is with --bind'
  if (code === 'permission_denied' && port < 1024)
    return 'ports below 1024 take privileges; choose another with --port'
  return undefined
}

/** Where the application names the store that it cannot use. */
function placeOfStore(error: Error): string | undefined {
  if (codeOf(error) !== 'store_unusable' || !(error.cause instanceof Error)) return undefined
  return placeIn(error.cause)
}

/** Of a StartError, by its shape: the application may come from another copy of Millrace. */
function codeOf(error: unknown): unknown {
  return error instanceof Error ? (error as { code?: unknown }).code : undefined
}
