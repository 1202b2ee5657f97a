/** What a process has used of the processor, by the books of the system. */
import { readFileSync, readdirSync } from 'node:fs'

/**
 * Of a process and all its threads, from /proc: to the nanosecond where the kernel keeps statistics of
 * its scheduler, otherwise in ticks of a hundredth of a second.
 */
export function cpuMicrosOf(pid: number): number {
  try {
    const threads = readdirSync(`/proc/${pid}/task`)
    const nanos = threads.map((id) => Number(readProc(`${pid}/task/${id}/schedstat`).split(' ')[0]))
    return nanos.reduce((sum, one) => sum + one, 0) / 1000
  } catch {
    return ticksOf(pid) * 10_000
  }
}

function ticksOf(pid: number): number {
  try {
    // The second field, the name, may hold spaces; it ends at the last parenthesis.
    const stat = readProc(`${pid}/stat`)
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return Number(fields[11]) + Number(fields[12])
  } catch {
    return Number.NaN
  }
}

function readProc(path: string): string {
  return readFileSync(`/proc/${path}`, 'latin1')
}
