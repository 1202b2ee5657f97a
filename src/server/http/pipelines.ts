/** The pipelines of a server's connections, and the number of requests that wait in all of them. */
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import type { FloodLog } from '../../logging/flood-log.ts'
import { Pipeline, type PipelineServer } from './pipeline.ts'

/**
 * Requests that may wait in one process, of some 4 KiB each. Above that, connections with more than
 * `MOST_WAITING` are cut.
 */
const MOST_WAITING_IN_ALL = 10_000

export class Pipelines implements PipelineServer {
  readonly #server: Server
  readonly #floods: FloodLog
  readonly #pipelines = new WeakMap<Duplex, Pipeline>()
  #waiting = 0

  constructor(server: Server, floods: FloodLog) {
    this.#server = server
    this.#floods = floods
  }

  get headersTimeout(): number {
    return this.#server.headersTimeout
  }

  get requestTimeout(): number {
    return this.#server.requestTimeout
  }

  /** Adds a request. */
  add(incoming: IncomingMessage, outgoing: ServerResponse): Pipeline {
    const pipeline = this.of(incoming.socket)
    pipeline.add(incoming, outgoing)
    return pipeline
  }

  of(socket: Duplex): Pipeline {
    const found = this.#pipelines.get(socket)
    if (found) return found
    const pipeline = new Pipeline(socket, this)
    this.#pipelines.set(socket, pipeline)
    return pipeline
  }

  /** See `Pipeline.upgrade`. */
  upgrade(socket: Duplex, head: Buffer, start: (head: Buffer) => void): void {
    const pipeline = this.#pipelines.get(socket)
    this.#pipelines.delete(socket)
    if (pipeline) pipeline.upgrade(head, start)
    else start(head)
  }

  countWaiting(change: 1 | -1): boolean {
    this.#waiting += change
    if (this.#waiting <= MOST_WAITING_IN_ALL) return true
    if (change === 1)
      this.#floods.warn(
        { waiting: this.#waiting },
        'too many pipelined requests wait: cutting connections that send more',
      )
    return false
  }
}
