/** What one socket follows, or is about to: each stream under a number that the client chose. */
import type { TextFrame } from '../../consumers/text-frame.ts'
import type { Delivery } from '../../delivery/delivery.ts'
import type { Outlet } from '../../delivery/outlet.ts'
import type { FollowEnd } from '../../delivery/reader.ts'
import { encodeOffset } from '../../protocol/offset.ts'
import type { Offset, Place } from '../../protocol/offset.ts'
import { REFUSED_OFFSETS } from '../../protocol/stream-errors.ts'
import type { EndpointErrorCode } from '../../protocol/stream-errors.ts'
import type { ServerFrame } from '../../protocol/stream-frames.ts'
import type { StreamInfo } from '../../streams/stream.ts'
import { RecordsEncoder } from './records-encoder.ts'

export interface SubscriptionsOptions {
  readonly delivery: Delivery
  readonly outlet: Outlet<TextFrame>
  /** A stream is followed: keeps it. Returns what lets it go. */
  readonly keep: (info: StreamInfo) => () => void
  readonly send: (frame: ServerFrame) => void
  /** `first`: from where it can be read. */
  readonly refuse: (code: EndpointErrorCode, sub: number, first?: Offset) => void
  /** Delivery ends for everybody: the server goes down. */
  readonly closing: () => void
}

/** One number, from the client's `subscribe` on until it is over. */
export interface Subscription {
  readonly sub: number
  /** Follows the stream no more; undefined while that is looked up. */
  stop: (() => void) | undefined
}

export class Subscriptions {
  readonly #options: SubscriptionsOptions
  readonly #bySub = new Map<number, Subscription>()

  constructor(options: SubscriptionsOptions) {
    this.#options = options
  }

  get size(): number {
    return this.#bySub.size
  }

  /** Whether a number is in use. */
  has(sub: number): boolean {
    return this.#bySub.has(sub)
  }

  /** Takes a free number, for a stream that is to be looked up. */
  reserve(sub: number): Subscription {
    const subscription: Subscription = { sub, stop: undefined }
    this.#bySub.set(sub, subscription)
    return subscription
  }

  /** Whether it is not over: its number may be another's by now. */
  holds(subscription: Subscription): boolean {
    return this.#bySub.get(subscription.sub) === subscription
  }

  /** Follows a stream that was looked up and may be read. */
  follow(subscription: Subscription, info: StreamInfo, place: Place): void {
    const { sub } = subscription
    const { delivery, outlet, keep, send } = this.#options
    const release = keep(info)
    const observer = {
      opened: (at: Offset) => send({ type: 'subscribed', sub, offset: encodeOffset(at) }),
      over: (end: FollowEnd) => {
        release()
        this.#bySub.delete(sub)
        this.#tell(sub, end)
      },
    }
    const { id, incarnation, first } = info
    const encoder = new RecordsEncoder(sub)
    const follow = delivery.follow(id, { place, outlet, encoder, observer, incarnation, first })
    subscription.stop = () => {
      release()
      follow.stop()
    }
  }

  /** Nothing more comes under a number, and it is free. */
  delete(sub: number): void {
    this.#bySub.get(sub)?.stop?.()
    this.#bySub.delete(sub)
  }

  /** Follows nothing from here on. */
  end(): void {
    for (const { stop } of this.#bySub.values()) stop?.()
    this.#bySub.clear()
  }

  #tell(sub: number, end: FollowEnd): void {
    const { send, refuse, closing } = this.#options
    switch (end.type) {
      case 'end':
        return send({
          type: 'end',
          sub,
          offset: encodeOffset(end.at),
          ...(end.end !== undefined && { end: end.end }),
        })
      case 'gone':
        return send({ type: 'gone', sub, reason: end.reason })
      case 'missing':
        return refuse('stream_not_found', sub)
      case 'refused':
        return refuse(REFUSED_OFFSETS[end.reason], sub, end.reason === 'trimmed' ? end.first : undefined)
      case 'failed':
        return refuse('store_failed', sub)
      case 'closing':
        return closing()
    }
  }
}
