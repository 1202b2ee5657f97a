/** A redis-server of a test's own, on a free port and a unix socket, without persistence unless asked. */
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

export interface RedisServerOptions {
  /** Further arguments: `['--requirepass', 'secret']`. */
  readonly arguments?: readonly string[]
  /** Configuration of a Sentinel, which this is then: `['sentinel monitor …']`. */
  readonly sentinel?: readonly string[]
  /** Keep data over a restart (appendonly, fsync always). Default: false. */
  readonly persistent?: boolean
}

export class RedisServer {
  readonly port: number
  readonly folder: string
  readonly #program: string
  readonly #options: RedisServerOptions
  #process: ChildProcess | undefined

  private constructor(program: string, port: number, folder: string, options: RedisServerOptions) {
    this.#program = program
    this.port = port
    this.folder = folder
    this.#options = options
  }

  /** Starts a server, and resolves when it accepts connections. */
  static async start(program: string, options: RedisServerOptions = {}): Promise<RedisServer> {
    for (let attempt = 1; ; attempt++) {
      const folder = await mkdtemp(join(tmpdir(), 'millrace-redis-'))
      const server = new RedisServer(program, await freePort(), folder, options)
      try {
        await server.run()
        return server
      } catch (error) {
        await rm(folder, { recursive: true, force: true })
        // Somebody took the port between the look and the start.
        if (attempt === 5) throw error
      }
    }
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`
  }

  get socketUrl(): string {
    return `unix://${join(this.folder, 'redis.sock')}`
  }

  get pid(): number {
    const pid = this.#process?.pid
    if (pid === undefined) throw new Error('The Redis server does not run.')
    return pid
  }

  /** Starts the server again after `kill`, on the same port. */
  async run(): Promise<void> {
    const settings: Readonly<Record<string, string>> = {
      port: String(this.port),
      bind: '127.0.0.1',
      unixsocket: 'redis.sock',
      dir: this.folder,
      save: '',
      appendonly: this.#options.persistent ? 'yes' : 'no',
      appendfsync: 'always',
    }
    const args = this.#options.sentinel
      ? [await this.#sentinelFile(this.#options.sentinel), '--sentinel']
      : Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value])
    const server = spawn(this.#program, [...args, ...(this.#options.arguments ?? [])], {
      stdio: ['ignore', 'pipe', 'pipe'],
      cwd: this.folder,
    })
    this.#process = server
    server.stderr.resume()
    const lines: string[] = []
    for await (const line of createInterface({ input: server.stdout })) {
      if (/Ready to accept connections|Sentinel ID is/.test(line)) {
        server.stdout.resume()
        return
      }
      lines.push(line)
    }
    throw new Error(`redis-server did not start: ${lines.join('\n')}`)
  }

  /** A Sentinel keeps what it learns in its own configuration file. */
  async #sentinelFile(lines: readonly string[]): Promise<string> {
    const path = join(this.folder, 'sentinel.conf')
    await writeFile(
      path,
      [`port ${this.port}`, 'bind 127.0.0.1', `dir ${this.folder}`, ...lines, ''].join('\n'),
    )
    return path
  }

  /** Ends the server at once, as a crash does. */
  async kill(): Promise<void> {
    const server = this.#process
    if (!server || server.exitCode !== null || server.signalCode !== null) return
    // A stopped process takes SIGKILL all the same.
    const ended = once(server, 'exit')
    server.kill('SIGKILL')
    await ended
  }

  /** Makes the server hang: it keeps its connections, and answers nothing. */
  pause(): void {
    this.#process?.kill('SIGSTOP')
  }

  resume(): void {
    this.#process?.kill('SIGCONT')
  }

  /** Ends the server and deletes what it wrote. */
  async stop(): Promise<void> {
    await this.kill()
    await rm(this.folder, { recursive: true, force: true })
  }
}

export async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address() as AddressInfo
  probe.close()
  await once(probe, 'close')
  return port
}
