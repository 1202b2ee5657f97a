/** Runs the `millrace` command from its sources, in a folder of its own. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { onTestFinished } from 'vitest'

const ROOT = resolve(import.meta.dirname, '../..')
const MAIN = join(ROOT, 'src/cli/main.ts')

/** Runs Millrace from its sources, in the process that gets it and in those that it starts. */
const FROM_SOURCE = { NODE_OPTIONS: '--conditions=millrace:source' }

/** A folder with these files, where `millrace` and Node's types are installed. It goes when the test ends. */
export async function folderWith(files: Readonly<Record<string, string>>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-cli-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  await installMillrace(folder)
  await writeFile(join(folder, 'package.json'), '{"type":"module"}')
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text)
  return folder
}

export async function installMillrace(folder: string): Promise<void> {
  const modules = join(folder, 'node_modules')
  for (const [name, target] of [
    ['millrace', ROOT],
    ['@types', join(ROOT, 'node_modules/@types')],
  ] as const) {
    await mkdir(dirname(join(modules, name)), { recursive: true })
    await symlink(target, join(modules, name))
  }
}

export interface RunOptions {
  readonly folder?: string
  readonly environment?: Readonly<Record<string, string>>
  /** Descriptors that the command inherits from 3 on. */
  readonly descriptors?: readonly number[]
}

/** What a command printed, and how it ended. */
export interface Outcome {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export class CommandLine {
  readonly child: ChildProcess
  readonly ended: Promise<Outcome>
  stdout = ''
  stderr = ''
  readonly #watchers = new Set<() => void>()

  constructor(command: readonly string[], { folder, environment, descriptors = [] }: RunOptions) {
    // Variables of whoever runs the tests, a model's key above all, change what the command does.
    const { PATH = '', NODE_COMPILE_CACHE = '' } = process.env
    const [program = '', ...args] = command
    this.child = spawn(program, args, {
      cwd: folder ?? ROOT,
      // Nor is anything kept, or found from a run before, where a test does not say where.
      env: { PATH, NODE_COMPILE_CACHE, ...FROM_SOURCE, MILLRACE_STORE: 'memory:', ...environment },
      stdio: ['ignore', 'pipe', 'pipe', ...descriptors],
      // A process group of its own, so that nothing it starts outlives it.
      detached: true,
    })
    this.child.stdout?.setEncoding('utf8').on('data', (text: string) => this.#note((this.stdout += text)))
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => this.#note((this.stderr += text)))
    this.ended = once(this.child, 'close').then(([code]) => {
      this.#note('')
      return { code: code as number | null, stdout: this.stdout, stderr: this.stderr }
    })
  }

  /** The first match in what was printed, now or later. Rejects when the command ends without one. */
  async printed(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const match = pattern.exec(this.stdout + this.stderr)
      if (match) return match
      const { exitCode, signalCode } = this.child
      if (exitCode !== null || signalCode !== null) {
        await this.ended
        const last = pattern.exec(this.stdout + this.stderr)
        if (last) return last
        throw new Error(`It ended (${exitCode ?? signalCode}) and printed:\n${this.stdout}${this.stderr}`)
      }
      await new Promise<void>((wake) => this.#watchers.add(wake))
    }
  }

  kill(signal: NodeJS.Signals): void {
    this.child.kill(signal)
  }

  /** Ends it and whatever it started, if there is anything left. */
  async end(): Promise<void> {
    const { pid } = this.child
    try {
      if (pid !== undefined) process.kill(-pid, 'SIGKILL')
    } catch {
      // Nothing is left.
    }
    await this.ended
  }

  #note(_text: string): void {
    for (const wake of this.#watchers) wake()
    this.#watchers.clear()
  }
}

/** Starts a program; the test's end is its end. */
export function start(command: readonly string[], options: RunOptions = {}): CommandLine {
  const running = new CommandLine(command, options)
  onTestFinished(() => running.end())
  return running
}

/** Starts `millrace` with these arguments. */
export function startMillrace(args: readonly string[], options: RunOptions = {}): CommandLine {
  return start([process.execPath, MAIN, ...args], options)
}

/** Runs `millrace` with these arguments to its end. */
export async function millrace(args: readonly string[], options: RunOptions = {}): Promise<Outcome> {
  return await startMillrace(args, options).ended
}

/** Starts `millrace serve` on a free port, and gives its address when it listens. */
export async function serve(
  args: readonly string[],
  options: RunOptions = {},
): Promise<CommandLine & { url: string }> {
  const running = startMillrace(['serve', '-p', '0', ...args], options)
  const [, url = ''] = await running.printed(/ is serving .* on (https?:\/\/[^\s"]+)/)
  return Object.assign(running, { url })
}
