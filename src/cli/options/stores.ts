/** Where streams and the channel layer are kept. */
import { channelLayer, store } from './kinds.ts'
import { type OptionFor, variableOf } from './option.ts'

export interface StoreSettings {
  /** Where streams are kept; see `pathOfStore`. */
  readonly store?: string
  /** Where the channel layer is; see `openLayer`. */
  readonly channelLayer?: string
}

export const STORE_OPTION: OptionFor<Pick<StoreSettings, 'store'>> = {
  flags: '--store <where>',
  sets: 'store',
  kind: store,
  description:
    'Where streams are kept: memory:, the path of an SQLite file (or sqlite:<path>), or redis://host:6379/0',
}

export const LAYER_OPTION: OptionFor<Pick<StoreSettings, 'channelLayer'>> = {
  flags: '--channel-layer <where>',
  sets: 'channelLayer',
  kind: channelLayer,
  description: 'Where the channel layer is: memory: for inside each process, or redis://host:6379/0',
}

export const STORE_OPTIONS: readonly OptionFor<StoreSettings>[] = [STORE_OPTION, LAYER_OPTION]

/** Tells an application that opens its store and its channel layer by what the environment says. */
export function setVariables({ store: where, channelLayer: layer }: StoreSettings): void {
  if (where !== undefined) process.env[variableOf(STORE_OPTION)] = where
  if (layer !== undefined) process.env[variableOf(LAYER_OPTION)] = layer
}
