/** What a stream store does, said once more and as simply as can be: what the real ones are held against. */

export interface ModelAppend {
  readonly records: readonly string[]
  readonly close: boolean
  readonly producer?: { readonly id: string; readonly epoch: number; readonly seq: number }
}

interface ModelStream {
  readonly records: string[]
  closed: boolean
  closedBy: string
  readonly epochs: Map<string, number>
  readonly next: Map<string, number>
  end: number
  readonly ttlMs: number
  /** Of its lease: when it is over, and its epoch; 0 while there was none. */
  leaseEnd: number
  leaseEpoch: number
}

export class Model {
  now = 0
  readonly #streams = new Map<string, ModelStream>()

  create(id: string, ttlMs: number): string {
    const there = this.#find(id)
    if (there) return there.ttlMs === ttlMs && !there.closed ? 'exists' : 'conflict'
    const end = this.now + ttlMs
    const empty = { epochs: new Map<string, number>(), next: new Map<string, number>() }
    this.#streams.set(id, {
      records: [],
      closed: false,
      closedBy: '',
      end,
      ttlMs,
      leaseEnd: 0,
      leaseEpoch: 0,
      ...empty,
    })
    return 'created'
  }

  append(id: string, { records, close, producer }: ModelAppend): string {
    const stream = this.#find(id)
    if (!stream) return 'missing'
    const tuple = JSON.stringify(producer ?? null)
    if (stream.closed) {
      if (producer) return stream.closedBy === tuple ? 'duplicate' : 'closed'
      return close && records.length === 0 ? 'duplicate' : 'closed'
    }
    if (stream.leaseEpoch > 0 && producer?.id !== '@lease') return 'leased'
    if (producer) {
      const { id: name, epoch, seq } = producer
      const current = stream.epochs.get(name)
      if (name === '@lease' && (stream.leaseEpoch === 0 || epoch > stream.leaseEpoch)) return 'fenced'
      if (current !== undefined && epoch < current) return 'fenced'
      if (current !== undefined && epoch > current && seq !== 0) return 'epoch-start'
      const due = current === epoch ? (stream.next.get(name) ?? 0) : 0
      if (seq < due) return 'duplicate'
      if (seq > due) return 'gap'
      stream.epochs.set(name, epoch)
      stream.next.set(name, seq + 1)
    }
    stream.records.push(...records)
    stream.closed = close
    stream.closedBy = close ? tuple : ''
    this.touch(id)
    if (close) stream.leaseEnd = 0
    return 'appended'
  }

  acquire(id: string, ttlMs: number): string {
    const stream = this.#find(id)
    if (!stream) return 'missing'
    if (stream.closed) return 'closed'
    if (this.now < stream.leaseEnd) return 'held'
    stream.leaseEnd = this.now + ttlMs
    stream.epochs.set('@lease', ++stream.leaseEpoch)
    stream.next.set('@lease', 0)
    return 'acquired'
  }

  delete(id: string): boolean {
    return this.#find(id) !== undefined && this.#streams.delete(id)
  }

  touch(id: string): boolean {
    const stream = this.#find(id)
    // The contract lets the end stay while less than a hundredth would be gained.
    if (stream && this.now + stream.ttlMs - stream.end >= stream.ttlMs / 100)
      stream.end = this.now + stream.ttlMs
    return stream !== undefined
  }

  sweep(): number {
    const over = [...this.#streams].filter(([, { end, leaseEnd }]) => Math.max(end, leaseEnd) <= this.now)
    for (const [id] of over) this.#streams.delete(id)
    return over.length
  }

  read(id: string): { records: readonly string[]; closed: boolean } | undefined {
    const stream = this.#find(id)
    return stream && { records: stream.records, closed: stream.closed }
  }

  #find(id: string): ModelStream | undefined {
    const stream = this.#streams.get(id)
    // A lease that nobody took keeps its stream, also when its time is over.
    return stream && (stream.end > this.now || stream.leaseEnd > 0) ? stream : undefined
  }
}
