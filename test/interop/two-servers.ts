/** Two servers on one Redis: Daphne with a Django project, and `millrace serve` with an application. */
import process from 'node:process'
import { CommandLine, type Outcome } from '../cli/command-line.ts'
import type { RedisServer } from '../support/redis.ts'
import { WebSocketClient } from '../support/websocket-client.ts'
import { PythonPeer } from './python-peer.ts'

export interface TwoServersOptions {
  /** The Redis they share, which outlives them. */
  readonly redis: RedisServer
  /** The path of Python. */
  readonly python: string
  /** The folder of the Django project. */
  readonly project: string
  /** The file of the Millrace application. */
  readonly app: string
  /** What both encrypt their messages with. */
  readonly secret?: string | undefined
}

export class TwoServers {
  readonly #options: TwoServersOptions
  readonly #environment: Readonly<Record<string, string>>
  readonly #peers: PythonPeer[] = []
  readonly #daphne: CommandLine
  readonly #millrace: CommandLine
  #daphneUrl = ''
  #millraceUrl = ''

  /** Starts both, each on a free port. */
  static async start(options: TwoServersOptions): Promise<TwoServers> {
    const servers = new TwoServers(options)
    try {
      await servers.#listening()
      return servers
    } catch (error) {
      await servers.end()
      throw error
    }
  }

  private constructor(options: TwoServersOptions) {
    const { redis, project, app, secret } = options
    this.#options = options
    this.#environment = {
      REDIS_URL: redis.url,
      ...(secret !== undefined && { CHANNEL_SECRET: secret }),
      DJANGO_SETTINGS_MODULE: 'django_project.settings',
      PYTHONPATH: project,
      PYTHONDONTWRITEBYTECODE: '1',
    }
    this.#daphne = this.#python(['-m', 'daphne', '-p', '0', 'django_project.asgi:application'])
    this.#millrace = new CommandLine([process.execPath, 'src/cli/main.ts', 'serve', '-p', '0', app], {
      environment: this.#environment,
    })
  }

  /** Where Daphne serves the project. */
  get daphne(): string {
    return this.#daphneUrl
  }

  /** Where Millrace serves the application. */
  get millrace(): string {
    return this.#millraceUrl
  }

  /** Runs `manage.py` to its end. */
  async manage(...args: readonly string[]): Promise<Outcome> {
    return await this.#python(['manage.py', ...args]).ended
  }

  /** A process of the Django project without a server, which uses its channel layer as it is told. */
  peer(): PythonPeer {
    const { PATH } = process.env
    const peer = PythonPeer.ofDjango(this.#options.python, { PATH, ...this.#environment })
    this.#peers.push(peer)
    return peer
  }

  /** A WebSocket to either server, as a page of its own opens it. */
  async connect(server: string, path: string): Promise<WebSocketClient> {
    return await WebSocketClient.connect(server.replace('http', 'ws') + path, { origin: server })
  }

  async end(): Promise<void> {
    await Promise.all([...this.#peers.map((peer) => peer.end()), this.#daphne.end(), this.#millrace.end()])
  }

  async #listening(): Promise<void> {
    const [daphne, millrace] = await Promise.all([
      this.#daphne.printed(/Listening on TCP address (127\.0\.0\.1:\d+)/),
      this.#millrace.printed(/ is serving .* on (http:\/\/[^\s"]+)/),
    ])
    this.#daphneUrl = `http://${daphne[1]}`
    this.#millraceUrl = millrace[1] ?? ''
  }

  #python(args: readonly string[]): CommandLine {
    const { python, project: folder } = this.#options
    return new CommandLine([python, ...args], { folder, environment: this.#environment })
  }
}
