/** The streams that one socket follows. */
import type { TextFrame } from '../../consumers/text-frame.ts'
import type { Delivery, Follow } from '../../delivery/delivery.ts'
import type { Outlet } from '../../delivery/outlet.ts'
import type { FollowEnd } from '../../delivery/reader.ts'
import { encodeOffset } from '../../protocol/offset.ts'
import type { Offset, Place } from '../../protocol/offset.ts'
import { REFUSED_OFFSETS } from '../../protocol/stream-errors.ts'
import type { StreamErrorCode } from '../../protocol/stream-errors.ts'
import type { ServerFrame } from '../../protocol/stream-frames.ts'
import type { StreamInfo } from '../../streams/store.ts'
import { recordsEncoder } from './records-encoder.ts'

export interface SubscriptionsOptions {
  readonly delivery: Delivery
  readonly outlet: Outlet<TextFrame>
  /** A stream is followed: keeps it. Returns what lets it go. */
  readonly keep: (info: StreamInfo) => () => void
  readonly send: (frame: ServerFrame) => void
  /** `first`: from where it can be read. */
  readonly refuse: (code: StreamErrorCode, stream: string, first?: Offset) => void
  /** Delivery ends for everybody: the server goes down. */
  readonly closing: () => void
}

export class Subscriptions {
  readonly #options: SubscriptionsOptions
  readonly #follows = new Map<string, Follow>()
  #over = false

  constructor(options: SubscriptionsOptions) {
    this.#options = options
  }

  get size(): number {
    return this.#follows.size
  }

  has(stream: string): boolean {
    return this.#follows.has(stream)
  }

  /** Follows a stream that was looked up and may be read. */
  add(info: StreamInfo, place: Place): void {
    if (this.#over) return
    const { id: stream, incarnation } = info
    const { delivery, outlet, keep, send } = this.#options
    const release = keep(info)
    const observer = {
      opened: (at: Parameters<typeof encodeOffset>[0]) =>
        send({ type: 'subscribed', stream, offset: encodeOffset(at) }),
      over: (end: FollowEnd) => {
        release()
        this.#follows.delete(stream)
        this.#tell(stream, end)
      },
    }
    const follow = delivery.follow(stream, { place, outlet, encoder: recordsEncoder, observer, incarnation })
    const stop = (): void => {
      release()
      follow.stop()
    }
    this.#follows.set(stream, { stop })
  }

  delete(stream: string): void {
    this.#follows.get(stream)?.stop()
    this.#follows.delete(stream)
  }

  /** Follows nothing from here on. */
  end(): void {
    this.#over = true
    for (const follow of this.#follows.values()) follow.stop()
    this.#follows.clear()
  }

  #tell(stream: string, end: FollowEnd): void {
    const { send, refuse, closing } = this.#options
    switch (end.type) {
      case 'end':
        return send({
          type: 'end',
          stream,
          offset: encodeOffset(end.at),
          ...(end.end !== undefined && { end: end.end }),
        })
      case 'gone':
        return send({ type: 'gone', stream, reason: end.reason })
      case 'missing':
        return refuse('stream_not_found', stream)
      case 'refused':
        return refuse(REFUSED_OFFSETS[end.reason], stream, end.reason === 'trimmed' ? end.first : undefined)
      case 'failed':
        return refuse('store_failed', stream)
      case 'closing':
        return closing()
    }
  }
}
