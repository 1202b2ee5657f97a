/**
 * File descriptors: a connection takes one, and a process has a limit. When they are used up, libuv accepts
 * connections and closes them without a word to anybody, so it is tried out whether there is one.
 */
import { close, open, readFileSync } from 'node:fs'
import { devNull } from 'node:os'
import type { FloodLog } from '../../logging/flood-log.ts'

/** Milliseconds from a new connection, or from a look that found none, to the next look. */
const DELAY = 1_000

/** How many descriptors this process may have; undefined where that cannot be known. */
export function descriptorLimit(): number | undefined {
  try {
    const [, soft] = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'latin1')) ?? []
    return soft === undefined ? undefined : Number(soft)
  } catch {
    return undefined
  }
}

export class DescriptorWatch {
  readonly #floods: FloodLog
  #timer: NodeJS.Timeout | undefined

  constructor(floods: FloodLog) {
    this.#floods = floods
  }

  /** Looks soon, and then until there are some. To be called for each new connection. */
  lookSoon(): void {
    if (this.#timer) return
    this.#timer = setTimeout(() => this.#look(), DELAY).unref()
  }

  #look(): void {
    this.#timer = undefined
    open(devNull, 'r', (error, descriptor) => {
      if (!error) return close(descriptor)
      if (error.code !== 'EMFILE' && error.code !== 'ENFILE') return
      const fields = { code: error.code, limit: descriptorLimit() }
      this.#floods.error(
        fields,
        'no file descriptor is left: connections are refused. Raise the limit (ulimit -n, LimitNOFILE)',
      )
      this.lookSoon()
    })
  }
}
