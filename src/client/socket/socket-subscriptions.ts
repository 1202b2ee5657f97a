/** What one socket is asked for: for each stream as many subscriptions as its readers stand at places. */
import type { ClientFrame } from '../../protocol/stream-frames.ts'
import type { RemoteReader } from '../remote-reader.ts'
import {
  SharedSubscription,
  type SubscriptionFrame,
  type SharedSubscriptionHost,
} from './shared-subscription.ts'

export interface Socket {
  readonly isOpen: boolean
  send(frame: ClientFrame): void
}

export class SocketSubscriptions implements SharedSubscriptionHost {
  readonly #socket: Socket
  readonly #byReader = new Map<RemoteReader, SharedSubscription>()
  /** Those that readers may join. */
  readonly #byStream = new Map<string, Set<SharedSubscription>>()
  /** What was asked on this connection and is not over. */
  readonly #bySub = new Map<number, SharedSubscription>()
  #lastSub = 0

  constructor(socket: Socket) {
    this.#socket = socket
  }

  get readers(): readonly RemoteReader[] {
    return Array.from(this.#byReader.keys())
  }

  /** Follows its stream for a reader, now or once the socket is open. */
  follow(reader: RemoteReader): void {
    const { id } = reader
    let ofStream = this.#byStream.get(id)
    if (!ofStream) this.#byStream.set(id, (ofStream = new Set()))
    let subscription = Array.from(ofStream).find((one) => one.admits(reader))
    const isNew = !subscription
    subscription ??= new SharedSubscription(id, reader, this)
    this.#byReader.set(reader, subscription)
    if (!isNew) return
    ofStream.add(subscription)
    if (this.#socket.isOpen) subscription.ask()
  }

  unfollow(reader: RemoteReader): void {
    const subscription = this.#byReader.get(reader)
    this.#byReader.delete(reader)
    if (!subscription?.readers.delete(reader) || subscription.readers.size > 0) return
    subscription.end()
    this.retire(subscription)
  }

  /** A new connection is there. */
  opened(): void {
    this.#each((subscription) => subscription.ask())
  }

  /** The connection is gone. */
  lost(): void {
    this.#each((subscription) => subscription.reset())
    this.#bySub.clear()
    this.#lastSub = 0
  }

  receive(sub: number, frame: SubscriptionFrame): void {
    this.#bySub.get(sub)?.receive(frame)
  }

  subscribe(subscription: SharedSubscription, offset: string): number {
    const sub = ++this.#lastSub
    this.#bySub.set(sub, subscription)
    this.#socket.send({ type: 'subscribe', sub, stream: subscription.stream, offset })
    return sub
  }

  over(sub: number, isKnown: boolean): void {
    this.#bySub.delete(sub)
    if (!isKnown) this.#socket.send({ type: 'unsubscribe', sub })
  }

  retire(subscription: SharedSubscription): void {
    const { stream } = subscription
    const ofStream = this.#byStream.get(stream)
    ofStream?.delete(subscription)
    if (ofStream?.size === 0) this.#byStream.delete(stream)
  }

  #each(run: (subscription: SharedSubscription) => void): void {
    for (const ofStream of this.#byStream.values()) ofStream.forEach(run)
  }
}
