/**
 * Processes of a benchmark, each with a core of its own where the system can be told so. Whoever starts
 * one ends it; when the benchmark is interrupted it ends by itself.
 */
import { spawn, spawnSync } from 'node:child_process'
import type { ChildProcess, SpawnOptions } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { cpuMicrosOf } from './processor-time.ts'

/** Something took longer than it was given. Where a peer is overloaded, that is a result. */
export class TooSlow extends Error {
  override readonly name = 'TooSlow'
}

/** Seconds: long enough for anything that ends at all. */
export const PATIENCE = 120

export interface ProgramOptions {
  /** Aborts with the benchmark. */
  readonly signal: AbortSignal
  /** Which of the cores there are, counted from 0 and from the begin again; any, when it is not given. */
  readonly core?: number
  /** For Node: `--expose-gc`. */
  readonly flags?: readonly string[]
}

const TASKSET = 'taskset'

/** The numbers of the cores that this process may use; none where that cannot be told or chosen. */
const cores = spawnSync(TASKSET, ['--version'], { stdio: 'ignore' }).status === 0 ? allowedCores() : []

/** Whether processes are given cores of their own. */
export const pinning: boolean = cores.length > 1

/** How many cores there are for whatever is not the server. */
export const otherCores: number = Math.max(1, (pinning ? cores.length : availableParallelism()) - 1)

function allowedCores(): number[] {
  try {
    const list = /^Cpus_allowed_list:\s*(\S+)$/m.exec(readFileSync('/proc/self/status', 'latin1'))?.[1] ?? ''
    return list.split(',').flatMap((range) => {
      const [first = Number.NaN, last = first] = range.split('-').map(Number)
      return Array.from({ length: last - first + 1 || 0 }, (_, n) => first + n)
    })
  } catch {
    return []
  }
}

/** A process. It is killed when the signal aborts; `end` waits until it is gone. */
export class Program {
  readonly process: ChildProcess
  readonly #signal: AbortSignal
  readonly #gone: Promise<unknown>
  readonly #kill = (): void => void this.process.kill('SIGKILL')

  constructor(child: ChildProcess, signal: AbortSignal) {
    this.process = child
    this.#signal = signal
    this.#gone = new Promise((resolve) => child.once('exit', resolve).once('error', resolve))
    signal.addEventListener('abort', this.#kill)
    if (signal.aborted) this.#kill()
  }

  get running(): boolean {
    return (
      this.process.pid !== undefined && this.process.exitCode === null && this.process.signalCode === null
    )
  }

  /** Microseconds of CPU time since it began, by the books of the system; NaN where it keeps none. */
  get cpuMicros(): number {
    return cpuMicrosOf(this.process.pid ?? 0)
  }

  /** `quietly`: gives a Node process the time to write its profile. */
  async end(quietly: boolean = false): Promise<void> {
    if (this.running) {
      const timer = setTimeout(this.#kill, quietly ? 5000 : 0)
      if (quietly && this.process.connected) this.process.disconnect()
      await this.#gone
      clearTimeout(timer)
    }
    this.#signal.removeEventListener('abort', this.#kill)
  }
}

/** Starts a program by its command line. */
export function launch(
  command: readonly string[],
  { core, signal }: ProgramOptions,
  spawning: SpawnOptions,
): Program {
  const pinned = pinning && core !== undefined ? [TASKSET, '-c', String(cores[core % cores.length])] : []
  const [program = '', ...args] = [...pinned, ...command]
  return new Program(spawn(program, args, spawning), signal)
}

/** Resolves with the first match in what a program prints. @throws {TooSlow} when none comes. */
export async function printed(program: Program, pattern: RegExp, seconds: number): Promise<RegExpExecArray> {
  const { stdout, stderr } = program.process
  let text = ''
  const { promise, resolve, reject } = Promise.withResolvers<RegExpExecArray>()
  for (const stream of [stdout, stderr]) {
    stream?.setEncoding('utf8').on('data', (more: string) => {
      // Read to the end, so that the program is not held up; what comes late is forgotten.
      if (text.length > 100_000) return
      text += more
      const match = pattern.exec(text)
      if (match) resolve(match)
    })
  }
  const ended = (): void => reject(new Error(`a program ended: ${text.slice(-2000)}`))
  program.process.once('exit', ended)
  const timer = setTimeout(
    () => reject(new TooSlow(`a program does not start: ${text.slice(-2000)}`)),
    seconds * 1000,
  )
  try {
    return await promise
  } finally {
    clearTimeout(timer)
    program.process.off('exit', ended)
  }
}
