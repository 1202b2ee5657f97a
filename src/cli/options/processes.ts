/** How many processes serve. */
import { workers } from './kinds.ts'
import type { OptionFor } from './option.ts'

export interface ProcessSettings {
  /** Processes that serve; without it this one does. */
  readonly workers?: number
}

export const PROCESS_OPTIONS: readonly OptionFor<ProcessSettings>[] = [
  {
    flags: '--workers <count>',
    sets: 'workers',
    kind: workers,
    description:
      'Serve with this many processes, or auto for one a core; those that die are started anew, SIGHUP replaces them one by one',
    absent: 'one process, alone',
  },
]
