/** What `Membership` is given in its tests: a layer and a logger that note what they are told. */
import type { Logger } from '../../src/logging/logger.ts'

export const HOUR = 3_600_000
/** The default `groupExpiry`, in milliseconds and in seconds. */
export const DAY = 24 * HOUR
export const DAY_SECONDS = 86_400

/** A layer that notes when each pair was added, and fails or waits when told. */
export class NotingLayer {
  readonly groupExpiry: number
  readonly added = new Map<string, number[]>()
  readonly calls: string[] = []
  /** Pairs that somebody else took apart. */
  readonly discarded = new Set<string>()
  before: (pair: string) => Promise<void> | void = () => {}

  constructor(groupExpiry: number = DAY_SECONDS) {
    this.groupExpiry = groupExpiry
  }

  async groupAdd(group: string, channel: string): Promise<void> {
    const pair = `${group}/${channel}`
    this.calls.push(`add ${pair}`)
    await this.before(pair)
    const times = this.added.get(pair) ?? []
    times.push(performance.now())
    this.added.set(pair, times)
  }

  async groupRenew(group: string, channel: string): Promise<boolean> {
    await this.groupAdd(group, channel)
    return !this.discarded.has(`${group}/${channel}`)
  }

  async groupDiscard(group: string, channel: string): Promise<void> {
    this.calls.push(`discard ${group}/${channel}`)
    await this.before(`${group}/${channel}`)
  }
}

export interface Warning {
  readonly fields: { readonly err?: unknown; readonly failed?: number; readonly held?: number }
  readonly message: string
}

export function notingLogger(warnings: Warning[]): Logger {
  return {
    debug() {},
    info() {},
    error() {},
    warn: (fields, message) => void warnings.push({ fields, message }),
  }
}
