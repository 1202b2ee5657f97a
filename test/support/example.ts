/** A program in a process of its own, that prints the address it listens on. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'

export interface StartOptions {
  /** Default: that of the repository. */
  readonly folder?: string
  /** Default: the program takes any port. */
  readonly port?: number
  readonly environment?: Readonly<Record<string, string>>
  /** Whether `import 'millrace'` means the sources. Default: true. */
  readonly fromSource?: boolean
}

/** Variables of whoever runs the tests that would have a real model answer. */
const MODELS = ['OPENAI_API_KEY', 'OPENAI_BASE_URL', 'OPENAI_MODEL', 'OPENAI_BACKGROUND', 'MILLRACE_MODEL']

export class Example implements AsyncDisposable {
  readonly child: ChildProcess
  url = ''

  private constructor(child: ChildProcess) {
    this.child = child
  }

  /** Resolves once it listens. The arguments are Node's. */
  static async start(
    args: readonly string[],
    { folder, port = 0, environment, fromSource = true }: StartOptions = {},
  ): Promise<Example> {
    const own = Object.fromEntries(Object.entries(process.env).filter(([name]) => !MODELS.includes(name)))
    const child = spawn('node', [...(fromSource ? ['--conditions=millrace:source'] : []), ...args], {
      ...(folder !== undefined && { cwd: folder }),
      env: { ...own, PORT: String(port), ...environment },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const example = new Example(child)
    for await (const line of createInterface(child.stdout)) {
      const url = /https?:\/\/[\w.:]+/.exec(line)?.[0]
      if (url === undefined) continue
      example.url = url
      child.stdout.resume()
      return example
    }
    throw new Error(`${args.join(' ')} ended without saying where it listens`)
  }

  async end(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return
    this.child.kill(signal)
    await once(this.child, 'exit')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end()
  }
}
