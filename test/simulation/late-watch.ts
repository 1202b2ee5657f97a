/**
 * One watch of one process: what the store tells comes a little later, in its order, and not while the process
 * stands still. Half of the inboxes are filled event by event, as SQLite and Redis do it, and the others call
 * for what the memory store has, as that one does.
 */
import { GatheredEvents } from '../../src/streams/bookkeeping/gathered-events.ts'
import { StreamInbox } from '../../src/streams/watching.ts'
import type { Offset } from '../../src/protocol/offset.ts'
import type { StreamStore } from '../../src/streams/store.ts'
import type { StreamRecord } from '../../src/streams/stream.ts'
import type { StreamEvent, WatchListener, WatchResult } from '../../src/streams/watching.ts'
import type { Faults } from './faults.ts'
import type { Host } from './host.ts'
import type { PlantedBug } from './planted-bugs.ts'
import type { VirtualTime } from './virtual-time.ts'

export interface LateWatchOptions {
  readonly host: Host
  readonly time: VirtualTime
  readonly faults: Faults
  readonly planted: PlantedBug | undefined
}

export class LateWatch {
  readonly stream: string
  readonly #listener: WatchListener
  readonly #options: LateWatchOptions
  readonly #waiting: StreamEvent[] = []
  #tell: (event: StreamEvent) => void = () => {}
  #stopInner: () => void = () => {}
  #stopped = false
  /** Where it was told up to, for the planted bug that tells too early. */
  #told: Offset | undefined

  constructor(stream: string, listener: WatchListener, options: LateWatchOptions) {
    this.stream = stream
    this.#listener = listener
    this.#options = options
  }

  async begin(store: StreamStore): Promise<WatchResult> {
    const { faults } = this.#options
    const byEvents = !(this.#listener instanceof StreamInbox) || faults.happens(0.5) || this.#plants
    const result = byEvents ? await this.#watchEvents(store) : await this.#watchInbox(store, this.#listener)
    if (result.outcome === 'watching') {
      this.#stopInner = result.stop
      this.#told = result.tail
      if (this.#stopped) result.stop()
    }
    return result
  }

  stop(): void {
    this.#stopped = true
    this.#waiting.length = 0
    this.#stopInner()
  }

  /** Tells what waits: the answer to an append comes after what it appended. */
  flush(): void {
    while (this.#waiting.length > 0) this.#next()
  }

  /** The planted bug: of records that are not kept yet. */
  tellEarly(stream: string, records: readonly StreamRecord[]): void {
    const from = this.#told
    if (stream !== this.stream || records.length === 0 || !from || this.#stopped) return
    const next = { ...from, position: from.position + records.length }
    this.#deliver({ type: 'append', from, next, records, closed: false })
  }

  get #plants(): boolean {
    const { planted } = this.#options
    return planted === 'publish-before-append' || planted === 'watcher-not-told'
  }

  #watchEvents(store: StreamStore): Promise<WatchResult> {
    const listener = this.#listener
    if (listener instanceof StreamInbox) {
      const gathered = new GatheredEvents(listener)
      this.#tell = (event) => gathered.add(event)
      this.#options.host.onDeath(() => gathered.close())
    } else this.#tell = listener
    return store.watch(this.stream, (event) => this.#hear(event))
  }

  #watchInbox(store: StreamStore, inbox: StreamInbox): Promise<WatchResult> {
    const relay = new StreamInbox(() => this.#later(() => inbox.call()))
    inbox.open({ take: () => (this.#stopped ? undefined : relay.take()) })
    return store.watch(this.stream, relay)
  }

  #hear(event: StreamEvent): void {
    const { faults, planted } = this.#options
    if (planted === 'watcher-not-told' && faults.happens(0.05)) return
    this.#waiting.push(event)
    this.#later(() => this.#next())
  }

  #next(): void {
    const event = this.#waiting.shift()
    if (event) this.#deliver(event)
  }

  #deliver(event: StreamEvent): void {
    if (this.#stopped) return
    if (event.type === 'append' && this.#options.planted === 'publish-before-append') {
      const told = this.#told?.position ?? 0
      if (event.next.position < told || (event.next.position === told && !event.closed)) return
      const from = { ...event.from, position: Math.max(told, event.from.position) }
      const records = event.records.slice(from.position - event.from.position)
      this.#told = event.next
      return this.#tell({ ...event, from, records })
    }
    this.#tell(event)
  }

  /** In the order of the calls, whatever each is drawn. */
  #later(task: () => void): void {
    const { host, time, faults } = this.#options
    const { thereMs } = faults.next()
    const at = Math.max(this.#lastAt, time.now + thereMs)
    this.#lastAt = at
    const due = (): void => {
      if (!this.#stopped) host.run(task)
    }
    if (at > time.now) time.after(at - time.now, due)
    else due()
  }

  #lastAt = 0
}
