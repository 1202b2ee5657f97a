/** Runs the store's scripts on the servers that have their keys. */
import type { Argument, Reply } from '../../../redis/open-client.ts'
import { RedisRefusedError } from '../../../redis/open-client.ts'
import { CONNECTION_ERRORS } from '../store-error.ts'
import type { StreamKeys } from '../keys.ts'
import type { RedisScript } from './script.ts'
import type { Servers } from '../servers/servers.ts'

/** Arguments of a script: values, or a function that makes them from the run id of the server. */
export type Values = readonly Argument[] | ((server: string) => readonly Argument[])

export class Scripts {
  readonly #servers: Servers
  readonly #clock: (() => number) | undefined

  /** @param clock used instead of Redis's own, for tests. */
  constructor(servers: Servers, clock?: () => number) {
    this.#servers = servers
    this.#clock = clock
  }

  /** Runs a script on one stream. The time comes before the values. */
  onStream(script: RedisScript, { state, log }: StreamKeys, values: Values = []): Promise<Reply> {
    return this.run(script, [state, log], values)
  }

  run(script: RedisScript, keys: readonly string[], values: Values = []): Promise<Reply> {
    return this.#ask('EVALSHA', script.sha, keys, values).catch((error: unknown) => {
      // The server does not know the script yet, and did nothing.
      if (isUnknownScript(error)) return this.#teach(script, keys, values)
      throw error
    })
  }

  async #teach(script: RedisScript, keys: readonly string[], values: Values): Promise<Reply> {
    try {
      return await this.#ask('EVAL', script.source, keys, values)
    } catch (error) {
      throw isUnknownScript(error) ? CONNECTION_ERRORS.unavailable('it knows no script', false, error) : error
    }
  }

  #ask(command: string, name: string, keys: readonly string[], values: Values): Promise<Reply> {
    const now = this.#clock ? String(this.#clock()) : ''
    return this.#servers.request(keys[0] as string, (server) => {
      const given = typeof values === 'function' ? values(server) : values
      return [command, name, String(keys.length), ...keys, now, ...given]
    })
  }
}

function isUnknownScript(error: unknown): boolean {
  return error instanceof RedisRefusedError && error.kind === 'NOSCRIPT'
}
