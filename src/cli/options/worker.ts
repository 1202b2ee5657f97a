/** The options of `millrace worker`; most are those of `serve`. */
import { concurrency } from './kinds.ts'
import type { OptionFor } from './option.ts'
import { type Environment, type Flags, readOptions } from './read-options.ts'
import { withRedis } from './read-settings.ts'
import { type ServeSettings, defaultOf } from './serve.ts'
import { EXPORT_OPTION } from './application.ts'
import { CLOSE_TIMEOUT_OPTION } from './limits.ts'
import { LOG_FORMAT_OPTION, VERBOSITY_OPTION } from './logging.ts'
import { LAYER_OPTION, STORE_OPTION } from './stores.ts'

type Shared = Pick<
  ServeSettings,
  'channelLayer' | 'store' | 'exportName' | 'shutdownTimeout' | 'verbosity' | 'logFormat'
>

export interface WorkerSettings extends Shared {
  readonly concurrency?: number
}

const CONCURRENCY_OPTION: OptionFor<Pick<WorkerSettings, 'concurrency'>> = {
  flags: '--concurrency <count>',
  sets: 'concurrency',
  kind: concurrency,
  description: 'Messages of one channel that are handled at a time, each by a consumer of its own',
  absent: '1',
}

/** Made for `serve`, and the same here. */
const SHARED_OPTIONS = [
  LAYER_OPTION,
  STORE_OPTION,
  EXPORT_OPTION,
  CLOSE_TIMEOUT_OPTION,
  VERBOSITY_OPTION,
  LOG_FORMAT_OPTION,
] as const

export const WORKER_OPTIONS = [CONCURRENCY_OPTION, ...SHARED_OPTIONS] as const

export function workerDefaultOf(option: (typeof WORKER_OPTIONS)[number]): string {
  return option === CONCURRENCY_OPTION ? '1' : defaultOf(option as (typeof SHARED_OPTIONS)[number])
}

/** @throws {UsageError} naming the flag or the variable that cannot be used. */
export function readWorkerSettings(flags: Flags, environment: Environment, file: string): WorkerSettings {
  const { fromFlags, fromVariables } = readOptions<WorkerSettings>(WORKER_OPTIONS, flags, environment)
  return withRedis({ ...fromVariables, ...fromFlags }, environment, file)
}
