/**
 * A reader: a program that follows a stream with the real client, at its own pace, and notes each record that it
 * takes. It may leave, and come back with the offset that it had.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { StreamClient } from '../../src/client/stream-client.ts'
import { StreamError } from '../../src/client/errors.ts'
import { parsePlace } from '../../src/protocol/offset.ts'
import type { Cluster } from './cluster.ts'
import { Host } from './host.ts'
import { recordsIn } from './merged-frame.ts'

export interface ReaderPlan {
  readonly name: string
  readonly stream: string
  readonly from: 'start' | 'now'
  /** Milliseconds that it takes for each record. */
  readonly paceMs: number
  /** It leaves after so many records, and comes back later. */
  readonly leavesAfter?: number | undefined
  readonly backAfterMs?: number
}

export class ClusterReader {
  readonly plan: ReaderPlan
  readonly host: Host
  /** It has come to an end. */
  done = false
  readonly #cluster: Cluster
  #client: StreamClient | undefined
  /** The place after the record that it took last. */
  #next: number | undefined

  constructor(cluster: Cluster, plan: ReaderPlan) {
    this.#cluster = cluster
    this.plan = plan
    this.host = new Host(plan.name, cluster.plan.seed)
  }

  start(): void {
    this.host.run(() => {
      this.#follow(this.plan.from === 'now' ? 'now' : '-1').catch((error: unknown) =>
        this.#cluster.note({ type: 'fault-logged', by: this.plan.name, message: String(error) }),
      )
    })
  }

  close(): void {
    this.host.call(() => this.#client?.close())
  }

  async #follow(from: string): Promise<void> {
    const { name, stream, paceMs, leavesAfter, backAfterMs = 0 } = this.plan
    const { coverage } = this.#cluster
    const { current } = this.#cluster.checker
    const was = current.get(stream)
    let offset = from
    for (let visit = 0; ; visit++) {
      const client = this.#cluster.network.client(this.host)
      this.#client = client
      const remote = client.stream(stream, { offset })
      // Where it begins is told before the first record.
      const forget = remote.subscribe(() => {
        const place = parsePlace(remote.offset)
        if (typeof place === 'object') this.#next ??= place.position
      })
      let left = false
      let taken = 0
      let error: string | undefined
      let first: string | undefined
      try {
        for await (const record of remote) {
          this.#took(name, stream, remote.offset, recordsIn(record))
          taken++
          if (paceMs > 0) await sleep(paceMs)
          if (visit === 0 && taken === leavesAfter) {
            left = true
            break
          }
        }
      } catch (caught) {
        if (!(caught instanceof StreamError)) throw caught
        error = caught.code === 'failed' ? caught.reason : caught.code
        if (caught.code === 'offset_trimmed') first = caught.first
      }
      offset = remote.offset
      forget()
      client.close()
      if (first !== undefined) {
        const at = parsePlace(first)
        if (typeof at === 'string') throw new Error(`A log is said to begin at ${first}`)
        const incarnation = at.stamp
        this.#cluster.note({ type: 'reader-trimmed', reader: name, stream, incarnation, first: at.position })
        coverage.add('trimmed')
        offset = first
        this.#next = at.position
        continue
      }
      if (left) {
        coverage.add('resumes')
        await sleep(backAfterMs)
        continue
      }
      // It came before the stream, or after its removal.
      const isEarly = error === 'stream_not_found' && (was === undefined || was !== current.get(stream))
      this.#cluster.note({
        type: 'reader-ended',
        reader: name,
        stream,
        status: remote.status,
        error,
        left: isEarly,
        next: this.#next,
      })
      this.done = true
      return
    }
  }

  #took(reader: string, stream: string, offset: string, records: readonly unknown[]): void {
    const place = parsePlace(offset)
    if (typeof place === 'string') throw new Error(`A record was taken at ${offset}`)
    const { coverage } = this.#cluster
    const begin = this.#next ?? 0
    // The place of one of several that were merged is known by those before.
    let next = records.length > 1 ? begin : place.position - 1
    for (const record of records) {
      coverage.add('reads')
      this.#cluster.note({
        type: 'read',
        reader,
        stream,
        // In a store in memory it is that of the whole log.
        incarnation: place.stamp,
        next: ++next,
        record: JSON.stringify(record),
      })
    }
    this.#next = next
  }
}
