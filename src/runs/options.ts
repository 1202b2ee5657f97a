/** How the runs of a process behave. Every duration is in seconds and every size in bytes; fractions are fine. */
import type { OptionNames } from '../protocol/known-options.ts'
import { randomBytes } from 'node:crypto'
import { libraryLogger } from '../logging/logger.ts'
import type { Logger } from '../logging/logger.ts'
import { type RunDefinition, type RunDefinitions, checkDefinition } from './definition.ts'
import type { StreamStore } from '../streams/store.ts'
import { milliseconds } from '../time/duration.ts'

/** What ends a run that does not end by itself. `Infinity` lifts a limit. */
export interface RunLimits {
  /** Runs of one owner at one time. Those without an owner are not counted. Default 100. */
  readonly runsPerOwner: number
  /** Runs of this process at one time; those that it takes over are counted, up to as many again. Default 1,000. */
  readonly runsPerProcess: number
  /** Records of one run, closing ones aside. Default 1,000,000. */
  readonly records: number
  /** Bytes of its records, whichever processes wrote them. Default 64 MiB. */
  readonly bytes: number
  /** Seconds in which its provider, being asked for an event, yields none and gives no sign of life. Default 300. */
  readonly silence: number
  /** Seconds in which its provider, being asked for an event, yields none, whatever its signs of life. Default 3600. */
  readonly thinking: number
  /** Seconds from its start. Default 86,400: a day. */
  readonly life: number
}

export interface RunsOptions {
  readonly store: StreamStore
  /** Hears why runs fail. Default: as for a store. */
  readonly logger?: Logger
  /** What runs there are, by their kind: a name of 1 to 64 characters. */
  readonly runs?: RunDefinitions
  readonly limits?: Partial<RunLimits>
  /** Names this process: 1 to 200 printable ASCII characters, drawn anew at each start. Default: random. */
  readonly holder?: string
  /** Seconds after which a run whose process fell silent may be taken over. Default 10. */
  readonly leaseTtl?: number
  /** Seconds that a run is kept after its last record or its last reader. Default 86,400. `Infinity`: for good. */
  readonly retention?: number
  /** Seconds that a provider has to end once its signal aborted; then its run ends without it. Default 5. */
  readonly stopTimeout?: number
  /** Seconds that `ended` of a kind has, and the cancelling that is left of a run; then it is tried again later. Default 30. */
  readonly endedTimeout?: number
  /** Seconds that records wait for a store that is full, locked or unavailable; then the run fails. Default 30. */
  readonly storePatience?: number
  /** Bytes that wait for the store before the provider waits as well. Default 256 KiB. */
  readonly highWaterMark?: number
  /**
   * Seconds after which a run that nobody reads is stopped. Default `Infinity`: it goes on. Needs
   * `readers`. Set it in all processes: those without it are not asked for their readers.
   */
  readonly stopUnreadAfter?: number
  /** How many readers a run has in this process; a delivery knows. Those of others are asked for. */
  readonly readers?: (id: string) => number
}

/** The same, whole. Durations are in milliseconds here, as timers and stores take them. */
export interface RunSettings {
  readonly store: StreamStore
  readonly logger: Logger
  /** Changes while the process runs: see `Runs.redefine`. */
  readonly kinds: Map<string, RunDefinition>
  readonly holder: string
  readonly leaseTtlMs: number
  /** Undefined: for good. */
  readonly retentionMs: number | undefined
  readonly stopTimeoutMs: number
  readonly endedTimeoutMs: number
  readonly storePatienceMs: number
  readonly highWaterMark: number
  readonly unreadMs: number
  readonly readers: ((id: string) => number) | undefined
  /** Changes while the process runs: see `Runs.limit`. */
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
/** A store's metadata must hold the record of a run: see `metadataShares`. */
const MIN_METADATA = 8 * 1024
/** The same, of a checkpoint: see `checkpointValueBytes`. */
const MIN_CHECKPOINT = 1024
/** And its end that of a run: a status, a reason of 64 characters, and a message of 500. */
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
    throw new RangeError('holder is not 1 to 200 printable ASCII characters')
  }
  const kinds = new Map<string, RunDefinition>()
  defineKinds(kinds, runs)
  if (store.limits.metadataBytes < MIN_METADATA) {
    throw new RangeError(`The store keeps less than ${MIN_METADATA} bytes of metadata: too little for a run`)
  }
  if (store.limits.checkpointBytes < MIN_CHECKPOINT) {
    throw new RangeError(
      `The store keeps less than ${MIN_CHECKPOINT} bytes of a checkpoint: too little for a run`,
    )
  }
  if (store.limits.endBytes < MIN_END) {
    throw new RangeError(`The store keeps less than ${MIN_END} bytes of an end: too little for a run`)
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

/**
 * Puts these definitions in place of all that there are.
 *
 * @throws {TypeError} for what is no definition, {RangeError} for a name that is too long.
 */
export function defineKinds(kinds: RunSettings['kinds'], runs: RunDefinitions): void {
  for (const [name, definition] of Object.entries(runs)) {
    if (name.length === 0 || name.length > 64)
      throw new RangeError('The name of a kind is 1 to 64 characters')
    checkDefinition(`runs.${name}`, definition)
  }
  kinds.clear()
  for (const [name, definition] of Object.entries(runs)) kinds.set(name, definition)
}

/** Changes limits from here on. Throws as `runSettings` does. */
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

/** @throws {RangeError} naming the option, for what no timer can wait. */
export function graceMilliseconds(name: string, seconds: number): number {
  return milliseconds(name, seconds, { min: 0 })
}

/** How the bytes that a store keeps of metadata are shared out; the rest is for the end of the run. */
export function metadataShares(store: StreamStore): { start: number; input: number } {
  const { metadataBytes } = store.limits
  return { start: metadataBytes / 2, input: metadataBytes / 8 }
}

function count(name: string, value: number): number {
  if (!(value >= 1)) throw new RangeError(`${name} is ${value}; it takes a number from 1`)
  return value
}
