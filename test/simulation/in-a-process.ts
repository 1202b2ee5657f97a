/** Runs the simulation in a process of its own: it replaces clocks and timers, which a test runner has its own of. */
import { execFile } from 'node:child_process'
import process from 'node:process'
import { promisify } from 'node:util'

const run = promisify(execFile)

export interface Printed {
  readonly out: string
  readonly passed: boolean
}

export async function simulation(...args: readonly string[]): Promise<Printed> {
  const all = ['--conditions=millrace:source', 'test/simulation/main.ts', ...args]
  try {
    const { stdout } = await run(process.execPath, all, { maxBuffer: 256 * 1024 * 1024 })
    return { out: stdout, passed: true }
  } catch (error) {
    const { stdout, stderr } = error as { readonly stdout?: string; readonly stderr?: string }
    return { out: `${stdout ?? ''}${stderr ?? ''}`, passed: false }
  }
}
