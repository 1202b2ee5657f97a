/** The subscriptions of one socket: each follows a stream, under a number that the client chose. */
import type { TextFrame } from '../../consumers/text-frame.ts'
import type { Delivery } from '../../delivery/delivery.ts'
import type { Outlet } from '../../delivery/outlet.ts'
import type { FollowEnd } from '../../delivery/reader.ts'
import { encodeOffset } from '../../protocol/offset.ts'
import type { Offset, Place } from '../../protocol/offset.ts'
import type { EndpointErrorCode } from '../../protocol/stream-errors.ts'
import type { ServerFrame } from '../../protocol/stream-frames.ts'
import type { StreamInfo } from '../../streams/stream.ts'
import { followFault } from '../follow-fault.ts'
import { RecordsEncoder } from './records-encoder.ts'

export interface SubscriptionsOptions {
  readonly delivery: Delivery
  readonly outlet: Outlet<TextFrame>
  /** Keeps a followed stream from expiring until the returned function is called. */
  readonly keep: (info: StreamInfo) => () => void
  readonly send: (frame: ServerFrame) => void
  /** `first` is the offset from which the stream can be read. */
  readonly refuse: (code: EndpointErrorCode, sub: number, first?: Offset) => void
  /** Called when the server shuts down and delivery ends. */
  readonly closing: () => void
}

/** One subscription, from the client's `subscribe` to its end. */
export interface Subscription {
  readonly sub: number
  /** Ends the subscription; undefined until the stream is found. */
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

  /** Takes a free number while a stream is looked up. */
  reserve(sub: number): Subscription {
    const subscription: Subscription = { sub, stop: undefined }
    this.#bySub.set(sub, subscription)
    return subscription
  }

  /** Whether the subscription has not ended. Another one may have its number by now. */
  holds(subscription: Subscription): boolean {
    return this.#bySub.get(subscription.sub) === subscription
  }

  /** Follows a stream that was found and may be read. */
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

  /** Ends the subscription with this number. The number is free then. */
  delete(sub: number): void {
    this.#bySub.get(sub)?.stop?.()
    this.#bySub.delete(sub)
  }

  /** Ends all subscriptions. */
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
      case 'refused':
      case 'failed': {
        const { code, first } = followFault(end)
        return refuse(code, sub, first)
      }
      case 'closing':
        return closing()
    }
  }
}
