/** Does to a cluster what its plan says, and what its clients want. */
import type { StreamClient } from '../../src/client/stream-client.ts'
import type { Json } from '../../src/protocol/json.ts'
import type { RunEnd } from '../../src/protocol/run-end.ts'
import type { Lease } from '../../src/streams/leases.ts'
import { ChatDeeds } from './chat-deeds.ts'
import type { Cluster } from './cluster.ts'
import { Host } from './host.ts'
import type { Deed, DeedOf as Of, Via } from './deed.ts'
import type { AskedScript } from './providers.ts'
import { ClusterReader } from './reader.ts'
import type { ServerProcess } from './server-process.ts'
import { StoreDeeds } from './store-deeds.ts'

export class Deeds {
  /** Runs that were created, with what they are made from. */
  readonly runs = new Map<string, AskedScript>()
  readonly #cluster: Cluster
  readonly #store: StoreDeeds
  readonly chats: ChatDeeds
  #clients = 0

  constructor(cluster: Cluster) {
    this.#cluster = cluster
    this.#store = new StoreDeeds(cluster)
    this.chats = new ChatDeeds(cluster)
  }

  do(deed: Deed): void {
    this.#cluster.trace(`--- ${JSON.stringify(deed)}`)
    switch (deed.type) {
      case 'start':
        return this.#start(deed)
      case 'stop':
        return this.#stop(deed.run, deed.via)
      case 'retry':
      case 'delete':
      case 'look':
        return this.#use(deed)
      case 'kill':
        return this.#kill(deed)
      case 'drain':
        return this.#drain(deed)
      case 'freeze':
        return this.#freeze(deed)
      case 'outage':
        return this.#outage(deed)
      case 'cut':
        return this.#cut(deed)
      case 'stall':
        return this.#stall(deed)
      case 'read':
        return this.#read(deed)
      case 'write':
        return this.#store.write(deed)
      case 'jump':
        return this.#store.jump(deed)
      case 'stranger':
        return this.#store.strange(deed)
      case 'remove':
        return this.#remove(deed)
      case 'same-id':
        return this.#sameId(deed)
      case 'foreign-leases':
        return this.#store.foreignLeases(deed)
      case 'damage':
        return this.#damage(deed)
      case 'laggards':
        return this.#laggards(deed)
      case 'sweep':
        return this.#sweep(deed)
      case 'race':
        return this.#store.race(deed)
      case 'keep':
        return this.#store.keep(deed)
      case 'lose-tail':
        return this.#store.loseTail(deed)
      case 'chat':
        return this.chats.do(deed)
      case 'chat-doom':
        return this.chats.doom(deed)
      case 'trim':
        return this.#trim(deed)
    }
  }

  /** What a client sends, as the server gets it. */
  received(text: string): string {
    if (this.#cluster.planted !== 'resumed-too-late' || !text.includes('"subscribe"')) return text
    // A token of a place in the middle of a stream: sixteen digits.
    return text.replace(/"offset":"(\d{16})_/, (_, digits: string) => {
      return `"offset":"${String(Number(digits) + 1).padStart(16, '0')}_`
    })
  }

  /** Ends what would not end by itself. */
  stopAll(): void {
    for (const run of this.runs.keys()) {
      const log = this.#cluster.checker.current.get(run)
      if (log && !log.closed && !log.removed && this.runs.get(run)?.events === null) this.#stop(run, 0)
    }
  }

  #start({ run, script, kind, via }: Of<'start'>): void {
    this.#cluster.coverage.add('starts')
    const input = { ...script, kind } as unknown as Json
    if (via === 'client') {
      return this.#byClient(`start ${run}`, async (client, name) => {
        const stream = await client.start(input, { id: run })
        stream.close()
        this.#cluster.note({ type: 'run-started', run, tag: script.tag, by: name })
      })
    }
    this.#byServer(`start ${run}`, via, async (server) => {
      await server.start(run, input)
      this.#cluster.note({ type: 'run-started', run, tag: script.tag, by: server.name })
    })
  }

  #stop(run: string, via: Via): void {
    this.#cluster.coverage.add('stops')
    const answered = (status: RunEnd['status']): void =>
      this.#cluster.note({ type: 'stop-answered', run, status })
    this.#cluster.note({ type: 'stop-asked', run })
    if (via === 'client') {
      return this.#byClient(`stop ${run}`, async (client) => answered(await client.stop(run)))
    }
    this.#byServer(`stop ${run}`, via, async (server) => {
      const stopping = server.streams.runs.stop(run)
      if (this.#cluster.planted === 'stop-answered-early') {
        stopping.catch(() => undefined)
        if (await server.streams.runs.get(run)) return answered('stopped')
      }
      answered((await stopping).status)
    })
  }

  #use({ type, run, slot }: Extract<Deed, { readonly type: 'retry' | 'delete' | 'look' }>): void {
    const { coverage } = this.#cluster
    this.#byServer(`${type} ${run}`, slot, async ({ name, streams: { runs } }) => {
      if (type === 'retry') {
        await runs.retry(run, { id: `${run}-again` })
        coverage.add('retries')
      } else if (type === 'delete') {
        const { planted, shared } = this.#cluster
        const isDeleted =
          planted === 'removed-while-it-runs' ? await shared.delete(name, run) : await runs.delete(run)
        if (isDeleted) coverage.add('deletes')
      } else {
        await runs.list({ limit: 10 })
        const found = await runs.get(run)
        const end = await found?.end
        if (end) this.#cluster.note({ type: 'end-told', run, status: end.status })
      }
    })
  }

  #kill({ slot, run, downMs }: Of<'kill'>): void {
    const server = this.#struck(slot, run)
    if (!server?.alive) return
    this.#cluster.coverage.add('kills')
    server.kill()
    this.#bootLater(server.slot, downMs)
  }

  #drain({ slot, run, downMs }: Of<'drain'>): void {
    const server = this.#struck(slot, run)
    if (!server?.up) return
    this.#cluster.coverage.add('drains')
    this.#cluster.ask(`close ${server.name}`, server.host, async () => {
      await server.close()
      await this.#handedOver(server)
      const left = server.leftovers()
      // What a turn of the event loop still has to do.
      if (left.length > 0) this.#cluster.trace(`${server.name} leaves ${left.join(', ')}`)
      this.#bootLater(server.slot, downMs)
    })
  }

  /** Asks of one that shut down, and to whose store nothing happened, whether others may have its runs. */
  async #handedOver({ host }: ServerProcess): Promise<void> {
    if (!host.isWell) return
    const { checker, shared } = this.#cluster
    const { leases } = shared.store
    const free: Lease[] = []
    // As many leases that are no runs may be over before them.
    for (let page = await leases.expired({ limit: 1000 }); page.length > 0;) {
      free.push(...page)
      page = await leases.expired({ limit: 1000, after: page.at(-1) as Lease })
    }
    for (const run of this.runs.keys()) {
      const log = checker.current.get(run)
      if (!log || log.closed || log.removed || log.holders.get(log.epoch) !== host.name) continue
      if (free.some(({ stream }) => stream === run)) continue
      this.#cluster.note({
        type: 'missed',
        invariant: 'handed-over',
        what: `${host.name} keeps the lease of ${run}`,
      })
    }
  }

  /** Who works on a run, or who is in a slot. */
  #struck(slot: number, run: string | undefined): ServerProcess | undefined {
    const log = run === undefined ? undefined : this.#cluster.checker.current.get(run)
    const holder = log && !log.closed ? log.holders.get(log.epoch) : undefined
    return this.#cluster.ups.find(({ name }) => name === holder) ?? this.#cluster.at(slot)
  }

  #bootLater(slot: number, downMs: number): void {
    this.#cluster.time.after(downMs, () => this.#cluster.boot(slot))
  }

  #freeze({ slot, run, forMs }: Of<'freeze'>): void {
    const server = this.#struck(slot, run)
    if (!server?.alive) return
    this.#cluster.coverage.add('freezes')
    server.host.freeze()
    this.#cluster.time.after(forMs, () => {
      this.#cluster.trace(`${server.name} goes on`)
      server.host.thaw()
    })
  }

  #outage({ slot, run, forMs, how }: Of<'outage'>): void {
    const server = this.#struck(slot, run)
    if (!server?.alive || server.faults.outage) return
    this.#cluster.coverage.add('outages')
    server.faults.outage = how
    server.host.isWell = false
    this.#cluster.time.after(forMs, () => {
      this.#cluster.trace(`${server.name} has its store again`)
      server.faults.outage = undefined
      server.store.calls.recover()
    })
  }

  #cut({ slot, serverAfterMs }: Of<'cut'>): void {
    for (const wire of this.#cluster.at(slot)?.wires ?? []) {
      this.#cluster.coverage.add('cuts')
      wire.cut(serverAfterMs)
    }
  }

  #stall({ reader, forMs }: Of<'stall'>): void {
    const host = this.#cluster.readers[reader]?.host
    for (const wire of this.#cluster.network.wires) {
      if (wire.client !== host || !wire.open) continue
      this.#cluster.coverage.add('stalls')
      wire.stall(forMs)
    }
  }

  #read({ reader: plan }: Of<'read'>): void {
    this.#cluster.coverage.add('readers')
    const reader = new ClusterReader(this.#cluster, plan)
    this.#cluster.readers.push(reader)
    reader.start()
  }

  #remove({ run, script, slot }: Of<'remove'>): void {
    const { shared } = this.#cluster
    const log = this.#cluster.checker.current.get(run)
    if (!log || log.closed) return
    // By whoever works on it: what it began for the one that is gone is to end there.
    const via = this.#struck(slot, run)?.slot ?? slot
    void shared.delete('the application', run).then(() => {
      this.#start({ type: 'start', run, script, kind: true, via })
    })
  }

  #sameId({ run, script, slot }: Of<'same-id'>): void {
    const was = this.runs.get(run)
    if (!was) return
    // All the same but for what is asked.
    this.#start({ type: 'start', run, script: { ...script, tag: 'another' }, kind: true, via: slot })
  }

  /** One stream cannot be read any more, and the process that fills it dies. */
  #damage({ stream, slot }: Of<'damage'>): void {
    this.#cluster.shared.damaged.add(stream)
    this.#kill({ type: 'kill', slot, downMs: 1_000 })
  }

  #sweep({ slot }: Of<'sweep'>): void {
    this.#byServer('sweep', slot, ({ store }) => store.sweep())
  }

  /** Streams with a reader each that takes one frame, and then nothing for long. */
  #laggards({ count }: Of<'laggards'>): void {
    for (let index = 0; index < count; index++) {
      const stream = `busy-${index}`
      this.#store.write({ type: 'write', stream, last: '"last"', count: 8 })
      this.#cluster.time.after(50, () =>
        this.#read({ type: 'read', reader: { name: `laggard-${index}`, stream, from: 'start', paceMs: 0 } }),
      )
    }
  }

  #trim({ stream, last, slot }: Of<'trim'>): void {
    this.#byServer(`trim ${stream}`, slot, ({ store }) => store.trim(stream, { last }))
  }

  #byServer(what: string, slot: number, work: (server: ServerProcess) => Promise<unknown>): void {
    const server = this.#cluster.up(slot)
    if (server) this.#cluster.ask(what, server.host, () => work(server))
  }

  #byClient(what: string, work: (client: StreamClient, name: string) => Promise<unknown>): void {
    const host = new Host(`client-${this.#clients++}`, this.#cluster.plan.seed)
    this.#cluster.clients.push(host)
    this.#cluster.ask(what, host, async () => {
      const client = this.#cluster.network.client(host)
      try {
        await work(client, host.name)
      } finally {
        client.close()
      }
    })
  }
}
