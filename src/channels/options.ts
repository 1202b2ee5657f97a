/** The options of every channel layer, with Channels' names and defaults. */
import type { OptionNames } from '../protocol/known-options.ts'
import { capacityRule, type ChannelCapacities } from './capacity.ts'

export interface ChannelLayerOptions {
  /** Seconds for which an undelivered message is kept. Default: 60. */
  readonly expiry?: number | undefined
  /** Seconds after which a group forgets a channel that was not added again. Default: 86,400. */
  readonly groupExpiry?: number | undefined
  /** Messages that a channel holds before it is full. Default: 100. */
  readonly capacity?: number | undefined
  /** Other capacities for the channels that match a pattern. The first match decides. */
  readonly channelCapacity?: ChannelCapacities | undefined
}

export const CHANNEL_LAYER_OPTIONS: OptionNames<ChannelLayerOptions> = {
  expiry: true,
  groupExpiry: true,
  capacity: true,
  channelCapacity: true,
}

export interface ChannelLayerSettings {
  readonly expiry: number
  readonly groupExpiry: number
  readonly capacityOf: (channel: string) => number
}

/**
 * The options with their defaults.
 *
 * @throws {RangeError} for a time that is not a positive number of seconds, and for a capacity that
 * is not a positive integer.
 */
export function channelLayerSettings(options: ChannelLayerOptions): ChannelLayerSettings {
  const { expiry = 60, groupExpiry = 86_400, capacity = 100, channelCapacity } = options
  checkSeconds('expiry', expiry)
  checkSeconds('groupExpiry', groupExpiry)
  return { expiry, groupExpiry, capacityOf: capacityRule(capacity, channelCapacity) }
}

function checkSeconds(what: string, value: number): void {
  if (!Number.isFinite(value) || value <= 0) {
    throw new RangeError(`${what} must be a positive number of seconds, not ${String(value)}`)
  }
}
