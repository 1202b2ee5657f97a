/** Runs the store's scripts on the servers that have their keys. */
import type { Argument, Reply } from '../../../redis/open-client.ts'
import { RedisRefusal } from '../../../redis/open-client.ts'
import { CONNECTION_ERRORS } from '../store-error.ts'
import type { StreamKeys } from '../keys.ts'
import type { RedisScript } from './script.ts'
import type { Servers } from '../servers.ts'

/** What a script is given: values, or what makes them from the run of the server that is asked. */
export type Values = readonly Argument[] | ((server: string) => readonly Argument[])

export class Scripts {
  readonly #servers: Servers
  readonly #clock: (() => number) | undefined

  /** @param clock instead of Redis's own, for tests. */
  constructor(servers: Servers, clock?: () => number) {
    this.#servers = servers
    this.#clock = clock
  }

  /** Runs a script on one stream. The time is put before the values. */
  onStream(script: RedisScript, { state, log }: StreamKeys, values: Values = []): Promise<Reply> {
    return this.run(script, [state, log], values)
  }

  async run(script: RedisScript, keys: readonly string[], values: Values = []): Promise<Reply> {
    const now = this.#clock ? String(this.#clock()) : ''
    const count = String(keys.length)
    const key = keys[0] as string
    const ask = (command: string, name: string) => (server: string) => {
      const given = typeof values === 'function' ? values(server) : values
      return [command, name, count, ...keys, now, ...given]
    }
    try {
      return await this.#servers.request(key, ask('EVALSHA', script.sha))
    } catch (error) {
      // The server does not know it yet; nothing was done.
      if (!isUnknownScript(error)) throw error
    }
    try {
      return await this.#servers.request(key, ask('EVAL', script.source))
    } catch (error) {
      throw isUnknownScript(error) ? CONNECTION_ERRORS.unavailable('it knows no script', false, error) : error
    }
  }
}

function isUnknownScript(error: unknown): boolean {
  return error instanceof RedisRefusal && error.kind === 'NOSCRIPT'
}
