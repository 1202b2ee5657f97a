import { closeSync, openSync } from 'node:fs'

/** Whether this process has a terminal, and one that is still there. */
export function hasTerminal(): boolean {
  try {
    closeSync(openSync('/dev/tty', 'r'))
    return true
  } catch {
    return false
  }
}
