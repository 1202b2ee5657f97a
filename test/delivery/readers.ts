/** Readers without sockets: an outlet that keeps what it is sent, and takes as much as it is told to. */
import type { Batch, Encoder, SharedEncoder } from '../../src/delivery/batch.ts'
import type { Delivery, Follow } from '../../src/delivery/delivery.ts'
import { Outlet } from '../../src/delivery/outlet.ts'
import type { FollowEnd } from '../../src/delivery/reader.ts'
import type { Offset, Place } from '../../src/protocol/offset.ts'
import { memory } from '../../src/streams/memory/store.ts'
import type { StreamStore } from '../../src/streams/store.ts'

/** A frame that says what it is made of, so that a gap shows. */
export interface Frame {
  readonly stream: string
  readonly from: number
  readonly next: number
  readonly records: readonly string[]
}

export class CountingEncoder implements SharedEncoder<Frame> {
  /** Frames made. */
  made = 0

  encode(batch: Batch): Frame {
    this.made++
    const { stream, from, next, records } = batch
    return { stream, from: from.position, next: next.position, records: records as readonly string[] }
  }
}

const plain: CountingEncoder = new CountingEncoder()

export class FakeReader {
  readonly frames: Frame[] = []
  readonly outlet: Outlet<Frame>
  readonly encoder: Encoder<Frame>
  opened: Offset | undefined
  end: FollowEnd | undefined
  isCut = false
  /** Frames it takes before it is full; then it takes none until `drain`. */
  room = Number.POSITIVE_INFINITY
  /** Frames after which it stops, in the middle of being given the last of them. */
  stopsAfter = Number.POSITIVE_INFINITY
  #follow: Follow | undefined
  #wake: (() => void) | undefined
  readonly #batch: number

  constructor(room = Number.POSITIVE_INFINITY, encoder: Encoder<Frame> = plain) {
    this.room = room
    this.encoder = encoder
    this.#batch = room
    this.outlet = new Outlet({
      write: (frame) => {
        this.frames.push(frame)
        this.room--
        if (this.frames.length >= this.stopsAfter) this.stop()
        this.#wake?.()
        return this.room > 0
      },
      cutSlow: () => {
        this.isCut = true
        this.stop()
        this.outlet.gone()
        this.#wake?.()
      },
    })
  }

  follow(
    delivery: Delivery,
    stream: string,
    place: Place = 'start',
    incarnation?: string,
    first?: Offset,
  ): this {
    const observer = {
      opened: (at: Offset) => {
        this.opened = at
        this.#wake?.()
      },
      over: (end: FollowEnd) => {
        this.end = end
        this.#wake?.()
      },
    }
    const { outlet, encoder } = this
    const of = { ...(incarnation !== undefined && { incarnation }), ...(first && { first }) }
    this.#follow = delivery.follow(stream, { place, outlet, encoder, observer, ...of })
    return this
  }

  /** It read what it had. */
  drain(room: number = this.#batch): void {
    this.room = room
    this.outlet.drained()
  }

  stop(): void {
    this.#follow?.stop()
  }

  get records(): string[] {
    return this.frames.flatMap((frame) => frame.records)
  }

  /** Resolves as soon as the condition holds; looked at whenever something was sent or told. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }

  async untilOver(): Promise<FollowEnd> {
    await this.until(() => this.end !== undefined)
    return this.end as FollowEnd
  }
}

/** Texts of JSON, each different: `first` up to, not including, `end`. */
export function numbered(first: number, end: number): string[] {
  return Array.from({ length: end - first }, (_, index) => `{"n":${first + index}}`)
}

/** A memory store with the stream `s`. */
export async function make(records: readonly string[] = [], closed = false): Promise<StreamStore> {
  const store = memory()
  await store.create('s', { records, closed })
  return store
}

/** To the stream `s`, a thousand at a time. */
export async function append(store: StreamStore, records: readonly string[], close = false): Promise<void> {
  for (let at = 0; at < records.length; at += 1000) {
    await store.append('s', { records: records.slice(at, at + 1000) })
  }
  if (close) await store.append('s', { close })
}
