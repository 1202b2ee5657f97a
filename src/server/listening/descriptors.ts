/**
 * Notices when the process has no file descriptors left. Each connection takes one. Without a free one, libuv
 * accepts connections and closes them silently, so this tries to open one.
 */
import { close, open, readFileSync } from 'node:fs'
import { devNull } from 'node:os'
import type { FloodLog } from '../../logging/flood-log.ts'

/** Milliseconds from a new connection, or from a failed attempt, to the next attempt. */
const DELAY = 1_000

/** How many descriptors this process may have; undefined when that is not known. */
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

  /** Checks soon, and again until a descriptor is free. Call it for each new connection. */
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
        'no file descriptors left: connections are refused. Raise the limit (ulimit -n, LimitNOFILE)',
      )
      this.lookSoon()
    })
  }
}
