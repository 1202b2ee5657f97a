/**
 * What outlives an evaluation of an application's module. A framework in development evaluates it again after each
 * edit, and in production once for each bundle that has it. All of these are one application: each brings its own
 * routes and runs, and they share one store, its runs under way and their readers, and the channel layer.
 *
 * Kept on `globalThis`, as a bundle may have a copy of this module.
 */
import type { ChannelLayer } from './channels/layer.ts'
import type { Streaming } from './endpoints/streaming.ts'

export interface KeptParts {
  readonly streams: Streaming
  readonly channels: ChannelLayer
}

/** Its number changes when another version could not use what this one keeps. */
const KEPT = Symbol.for('millrace.kept-parts.1')

/** What says which application it is. */
export interface Identity {
  readonly name?: string | undefined
  readonly store: { readonly address?: string }
}

/**
 * The parts of an application that was evaluated before and is not closed, or those that `make` makes. `again` is
 * called with the former. One that neither a name nor the address of its store tells from others is always new.
 */
export function keptParts(
  identity: Identity,
  make: () => KeptParts,
  again: (parts: KeptParts) => void,
): KeptParts {
  const key = keyOf(identity)
  if (key === undefined) return make()
  const holder = globalThis as { [KEPT]?: Map<string, KeptParts> }
  const all = (holder[KEPT] ??= new Map())
  const kept = all.get(key)
  if (kept && !kept.streams.closing) {
    again(kept)
    return kept
  }
  const parts = make()
  all.set(key, parts)
  return parts
}

function keyOf({ name, store: { address } }: Identity): string | undefined {
  return name === undefined && address === undefined ? undefined : JSON.stringify([name, address])
}
