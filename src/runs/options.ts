/** Options of the runs of a process. Durations are in seconds, and may have fractions; sizes are in bytes. */
import type { OptionNames } from '../protocol/known-options.ts'
import { randomBytes } from 'node:crypto'
import { libraryLogger } from '../logging/logger.ts'
import type { Logger } from '../logging/logger.ts'
import { type RunDefinition, type RunDefinitions, checkDefinition } from './definition.ts'
import type { StreamStore } from '../streams/store.ts'
import { milliseconds } from '../time/duration.ts'

/** Limits of runs. `Infinity` lifts a limit. */
export interface RunLimits {
  /** Runs of one owner at one time. Runs without an owner are not limited. Default 100. */
  readonly runsPerOwner: number
  /** Runs of this process at one time. It takes over as many again at most. Default 1,000. */
  readonly runsPerProcess: number
  /** Records of one run, without closing records. Default 1,000,000. */
  readonly records: number
  /** Bytes of the records of one run, over all its attempts. Default 64 MiB. */
  readonly bytes: number
  /** Seconds that a provider may take for its next event without a sign of life. Default 300. */
  readonly silence: number
  /** Seconds that a provider may take for its next event, with or without signs of life. Default 3600. */
  readonly thinking: number
  /** Seconds that a run may last. Default 86,400: a day. */
  readonly life: number
}

export interface RunsOptions {
  readonly store: StreamStore
  /** Logs why runs fail. Default: as for a store. */
  readonly logger?: Logger
  /** The kinds of runs, by name: 1 to 64 characters. */
  readonly runs?: RunDefinitions
  readonly limits?: Partial<RunLimits>
  /** The name of this process: 1 to 200 printable ASCII characters, another one at each start. Default: random. */
  readonly holder?: string
  /** Seconds without a sign of a process after which its runs may be taken over. Default 10. */
  readonly leaseTtl?: number
  /** Seconds that a run is kept after its last record or its last reader. Default 86,400. `Infinity`: forever. */
  readonly retention?: number
  /** Seconds that a provider has to end after its signal aborts. Then its run ends without it. Default 5. */
  readonly stopTimeout?: number
  /** Seconds for `ended` of a kind, and for upstream cancelling after the end of a run. Then it is tried again later. Default 30. */
  readonly endedTimeout?: number
  /** Seconds that records wait for a store that is full, locked or unavailable; then the run fails. Default 30. */
  readonly storePatience?: number
  /** Bytes that may wait for the store. Beyond it, the provider waits. Default 256 KiB. */
  readonly highWaterMark?: number
  /**
   * Seconds after which a run without readers is stopped. Default `Infinity`: never. Needs `readers`. Set it in all
   * processes: the readers of a process without it do not count.
   */
  readonly stopUnreadAfter?: number
  /** Returns the number of readers of a run in this process: `delivery.readers`. Other processes are asked. */
  readonly readers?: (id: string) => number
}

/** The options with their defaults. Durations are in milliseconds here, as timers and stores take them. */
export interface RunSettings {
  readonly store: StreamStore
  readonly logger: Logger
  /** Changes while the process runs: see `Runs.redefine`. */
  readonly kinds: Map<string, RunDefinition>
  readonly holder: string
  readonly leaseTtlMs: number
  /** Undefined: forever. */
  readonly retentionMs: number | undefined
  readonly stopTimeoutMs: number
  readonly endedTimeoutMs: number
  readonly storePatienceMs: number
  readonly highWaterMark: number
  readonly unreadMs: number
  readonly readers: ((id: string) => number) | undefined
  /** Changes while the process runs: see `Runs.limit` and `Runs.redefine`. */
  readonly limits: { runsPerOwner: number; runsPerProcess: number }
  readonly records: number
  readonly bytes: number
  readonly silenceMs: number
  readonly thinkingMs: number
  readonly lifeMs: number
}

export const LIMIT_DEFAULTS: RunLimits = {
  runsPerOwner: 100,
  runsPerProcess: 1000,
  records: 1_000_000,
  bytes: 64 * 1024 * 1024,
  silence: 300,
  thinking: 3600,
  life: 86_400,
}

const FOREVER = Number.POSITIVE_INFINITY
/** Least bytes of a store's metadata limit; it must hold the record of a run. See `metadataShares`. */
const MIN_METADATA = 8 * 1024
/** Least bytes of a store's checkpoint limit; see `checkpointValueBytes`. */
const MIN_CHECKPOINT = 1024
/** Least bytes of a store's end limit; it must hold a status, a reason of 64 characters and a message of 500. */
const MIN_END = 2 * 1024

export const RUNS_OPTIONS: OptionNames<Omit<RunsOptions, 'readers' | 'limits'>> = {
  store: true,
  logger: true,
  runs: true,
  holder: true,
  leaseTtl: true,
  retention: true,
  stopTimeout: true,
  endedTimeout: true,
  storePatience: true,
  highWaterMark: true,
  stopUnreadAfter: true,
}

/** @throws {RangeError} naming the option that is out of range. */
export function runSettings(options: RunsOptions): RunSettings {
  const { store, logger = libraryLogger(), runs = {}, readers } = options
  const limits = { ...LIMIT_DEFAULTS, ...options.limits }
  const holder = options.holder ?? `${process.pid}-${randomBytes(12).toString('hex')}`
  if (!/^[\x21-\x7e]{1,200}$/.test(holder)) {
    throw new RangeError('holder must be 1 to 200 printable ASCII characters')
  }
  const kinds = new Map<string, RunDefinition>()
  defineKinds(kinds, runs)
  if (store.limits.metadataBytes < MIN_METADATA) {
    throw new RangeError(`The store keeps less than ${MIN_METADATA} bytes of metadata; a run needs more`)
  }
  if (store.limits.checkpointBytes < MIN_CHECKPOINT) {
    throw new RangeError(
      `The store keeps less than ${MIN_CHECKPOINT} bytes of a checkpoint; a run needs more`,
    )
  }
  if (store.limits.endBytes < MIN_END) {
    throw new RangeError(`The store keeps less than ${MIN_END} bytes of an end; a run needs more`)
  }
  const leaseTtlMs = milliseconds('leaseTtl', options.leaseTtl ?? 10, { min: 0.05 })
  const retentionMs = milliseconds('retention', options.retention ?? 86_400, {
    min: leaseTtlMs / 1000,
    max: FOREVER,
  })
  const unreadMs = milliseconds('stopUnreadAfter', options.stopUnreadAfter ?? FOREVER, { max: FOREVER })
  if (Number.isFinite(unreadMs) && !readers) throw new RangeError('stopUnreadAfter needs readers')
  return {
    store,
    logger,
    kinds,
    holder,
    leaseTtlMs,
    retentionMs: Number.isFinite(retentionMs) ? retentionMs : undefined,
    stopTimeoutMs: milliseconds('stopTimeout', options.stopTimeout ?? 5, { min: 0 }),
    endedTimeoutMs: milliseconds('endedTimeout', options.endedTimeout ?? 30),
    storePatienceMs: milliseconds('storePatience', options.storePatience ?? 30, { min: 0, max: FOREVER }),
    highWaterMark: count('highWaterMark', options.highWaterMark ?? 256 * 1024),
    unreadMs,
    readers,
    limits: {
      runsPerOwner: count('limits.runsPerOwner', limits.runsPerOwner),
      runsPerProcess: count('limits.runsPerProcess', limits.runsPerProcess),
    },
    records: count('limits.records', limits.records),
    bytes: count('limits.bytes', limits.bytes),
    silenceMs: milliseconds('limits.silence', limits.silence, { max: FOREVER }),
    thinkingMs: milliseconds('limits.thinking', limits.thinking, { max: FOREVER }),
    lifeMs: milliseconds('limits.life', limits.life, { max: FOREVER }),
  }
}

/** Options that a process keeps from its start, and where their values are. */
const LASTING = {
  holder: 'holder',
  leaseTtl: 'leaseTtlMs',
  retention: 'retentionMs',
  stopTimeout: 'stopTimeoutMs',
  endedTimeout: 'endedTimeoutMs',
  storePatience: 'storePatienceMs',
  highWaterMark: 'highWaterMark',
  stopUnreadAfter: 'unreadMs',
  'limits.records': 'records',
  'limits.bytes': 'bytes',
  'limits.silence': 'silenceMs',
  'limits.thinking': 'thinkingMs',
  'limits.life': 'lifeMs',
} as const satisfies Record<string, keyof RunSettings>

/** Puts the definitions and the changeable limits of these options in place: see `Runs.redefine`. */
export function redefineRuns(settings: RunSettings, options: Omit<RunsOptions, 'store'>): string[] {
  const { store, readers, holder, kinds, limits } = settings
  const next = runSettings({ holder, ...options, store, ...(readers && { readers }) })
  defineKinds(kinds, options.runs ?? {})
  Object.assign(limits, next.limits)
  const names = Object.keys(LASTING) as (keyof typeof LASTING)[]
  return names.filter((name) => next[LASTING[name]] !== settings[LASTING[name]])
}

/**
 * Replaces all definitions.
 *
 * @throws {TypeError} if a value is not a definition; {RangeError} if a name is too long.
 */
function defineKinds(kinds: RunSettings['kinds'], runs: RunDefinitions): void {
  for (const [name, definition] of Object.entries(runs)) {
    if (name.length === 0 || name.length > 64)
      throw new RangeError('The name of a kind must be 1 to 64 characters')
    checkDefinition(`runs.${name}`, definition)
  }
  kinds.clear()
  for (const [name, definition] of Object.entries(runs)) kinds.set(name, definition)
}

/** Changes limits from now on. Throws as `runSettings` does. */
export function changeLimits(
  { limits }: RunSettings,
  {
    runsPerOwner = limits.runsPerOwner,
    runsPerProcess = limits.runsPerProcess,
  }: Partial<RunSettings['limits']>,
): void {
  limits.runsPerOwner = count('limits.runsPerOwner', runsPerOwner)
  limits.runsPerProcess = count('limits.runsPerProcess', runsPerProcess)
}

/** @throws {RangeError} naming the option, if no timer can wait that long. */
export function graceMilliseconds(name: string, seconds: number): number {
  return milliseconds(name, seconds, { min: 0 })
}

/** How a run divides the bytes of a store's metadata; the rest is for the end of the run. */
export function metadataShares(store: StreamStore): { start: number; input: number } {
  const { metadataBytes } = store.limits
  return { start: metadataBytes / 2, input: metadataBytes / 8 }
}

function count(name: string, value: number): number {
  if (!(value >= 1)) throw new RangeError(`${name} is ${value}; it must be a number from 1`)
  return value
}
