/** What programs of their own do to the store of a cluster, and what happens to it. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Cluster } from './cluster.ts'
import type { DeedOf as Of } from './deed.ts'
import { Host } from './host.ts'

const DAY_MS = 86_400_000

export class StoreDeeds {
  readonly #cluster: Cluster

  constructor(cluster: Cluster) {
    this.#cluster = cluster
  }

  /** A program writes to a stream that is no run, as a producer of its own, and closes it. */
  write({ stream, last, count }: Of<'write'>): void {
    const host = new Host(`writer of ${stream}`, this.#cluster.plan.seed)
    const store = this.#cluster.storeFor(host)
    this.#cluster.ask(`write ${stream}`, host, async () => {
      await persistently(() => store.create(stream))
      for (let seq = 0; seq <= count; seq++) {
        const close = seq === count
        const records = [close ? last : `{"n":${seq},"what":"${'x'.repeat(100)}"}`]
        const end = close && last === '"last"' ? { end: { status: 'stopped' } } : {}
        const request = { records, close, ...end, producer: { id: 'w', epoch: 0, seq } }
        const { outcome } = await persistently(() => store.append(stream, request))
        // The store has lost what came before: it says so, and this is the end.
        if (outcome === 'gap') await persistently(() => store.append(stream, { close: true }))
        if (outcome === 'gap') return
        await sleep(200)
      }
    })
  }

  /** Each writes behind the tail that it saw, and says so in its record. */
  race({ stream, writers, count }: Of<'race'>): void {
    for (let writer = 0; writer < writers; writer++) {
      const host = new Host(`racer ${writer} of ${stream}`, this.#cluster.plan.seed)
      const store = this.#cluster.storeFor(host)
      this.#cluster.ask(`race ${stream}`, host, async () => {
        await persistently(() => store.create(stream))
        let after = (await persistently(() => store.head(stream)))?.tail
        for (let left = count; left > 0 && after;) {
          const request = { records: [JSON.stringify({ after: after.position, by: writer })], after }
          const result = await persistently(() => store.append(stream, request))
          if (result.outcome !== 'appended' && result.outcome !== 'moved') return
          after = result.offset
          if (result.outcome === 'appended') left--
          this.#cluster.coverage.add('races')
          await sleep(50 * (writer + 1))
        }
      })
    }
  }

  jump({ slot, ms, forMs }: Of<'jump'>): void {
    const { coverage, time } = this.#cluster
    coverage.add('jumps')
    if (slot < 0) {
      this.#cluster.storeOffset += ms
      if (ms >= DAY_MS) this.#cluster.note({ type: 'hidden', aheadMs: ms })
      time.after(forMs, () => {
        this.#cluster.trace("the store's clock is right again")
        this.#cluster.storeOffset = 0
      })
    }
    const hosts = slot === -2 ? this.#cluster.ups.map((one) => one.host) : [this.#cluster.at(slot)?.host]
    for (const host of hosts) if (host) host.wallOffset += ms
    time.after(forMs, () => {
      this.#cluster.trace(`the clock of ${hosts.map((host) => host?.name).join(', ')} is right again`)
      for (const host of hosts) if (host) host.wallOffset = 0
    })
  }

  strange({ run, how }: Of<'stranger'>): void {
    const { shared, coverage, planted } = this.#cluster
    coverage.add('strangers')
    const request =
      how === 'appends'
        ? { records: ['{"of":"a stranger"}'] }
        : how === 'closes'
          ? { close: true }
          : { metadata: { mine: true } }
    void shared.append('a stranger', run, request, { smuggled: planted === 'stranger-not-fenced' })
  }

  foreignLeases({ count }: Of<'foreign-leases'>): void {
    const { store } = this.#cluster.shared
    for (let index = 0; index < count; index++)
      void store.create(`foreign-${index}`, { lease: { holder: 'an-application', ttlMs: 1 } })
  }

  /** A stream lives for as long as somebody touches it: it may not go while the last touch that was answered is fresh. */
  keep({ stream, ttlMs, everyMs, count }: Of<'keep'>): void {
    const host = new Host(`keeper of ${stream}`, this.#cluster.plan.seed)
    const store = this.#cluster.storeFor(host)
    this.#cluster.ask(`keep ${stream}`, host, async () => {
      await persistently(() => store.create(stream, { ttlMs, records: ['"kept"'] }))
      for (let left = count; left > 0; left--) {
        await sleep(everyMs)
        if (!(await persistently(() => store.touch(stream)))) return
        this.#cluster.coverage.add('touches')
      }
    })
  }

  /** The store loses what came last, and says so: the stream is another one. */
  loseTail({ stream, count }: Of<'lose-tail'>): void {
    const isSilent = this.#cluster.planted === 'offset-reused'
    void this.#cluster.shared.loseTail(stream, count, isSilent)
  }
}

/** Again until it is done, as a producer does that the store fails. */
async function persistently<T>(work: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await work()
    } catch {
      await sleep(100)
    }
  }
}
