/**
 * Receivers that wait for one channel, the longest waiting first.
 *
 * A doubly linked list: joining, being served and giving up take constant time, and a receiver that gave up
 * leaves nothing behind.
 */
export class WaitingReceivers<Message> {
  #first: Receiver<Message> | undefined
  #last: Receiver<Message> | undefined
  #size = 0

  get size(): number {
    return this.#size
  }

  /**
   * Waits for a message. Rejects with the signal's reason when it aborts first; it must not have aborted yet.
   */
  wait(signal: AbortSignal | undefined): Promise<Message> {
    return new Promise((resolve, reject) => {
      const receiver = new Receiver(this, signal, resolve, reject)
      receiver.previous = this.#last
      if (this.#last) this.#last.next = receiver
      else this.#first = receiver
      this.#last = receiver
      this.#size++
      signal?.addEventListener('abort', receiver)
    })
  }

  /** Gives a message to the next receiver; false when there is none. */
  hand(message: Message): boolean {
    for (let receiver = this.#first; receiver; receiver = this.#first) {
      this.leave(receiver)
      // Its signal may have aborted just now, and an earlier listener of it sent this message.
      if (receiver.signal?.aborted) receiver.reject(receiver.signal.reason)
      else {
        receiver.resolve(message)
        return true
      }
    }
    return false
  }

  rejectAll(reason: Error): void {
    for (let receiver = this.#first; receiver; receiver = this.#first) {
      this.leave(receiver)
      receiver.reject(reason)
    }
  }

  /** Takes out a receiver that is in the list. */
  leave(receiver: Receiver<Message>): void {
    receiver.signal?.removeEventListener('abort', receiver)
    if (receiver.previous) receiver.previous.next = receiver.next
    else this.#first = receiver.next
    if (receiver.next) receiver.next.previous = receiver.previous
    else this.#last = receiver.previous
    this.#size--
  }
}

/** A waiting receiver. It listens to its own signal, which saves a closure for each. */
class Receiver<Message> {
  previous: Receiver<Message> | undefined
  next: Receiver<Message> | undefined
  readonly signal: AbortSignal | undefined
  readonly resolve: (message: Message) => void
  readonly reject: (reason: unknown) => void
  readonly #list: WaitingReceivers<Message>

  constructor(
    list: WaitingReceivers<Message>,
    signal: AbortSignal | undefined,
    resolve: (message: Message) => void,
    reject: (reason: unknown) => void,
  ) {
    this.#list = list
    this.signal = signal
    this.resolve = resolve
    this.reject = reject
  }

  handleEvent(): void {
    this.#list.leave(this)
    this.reject(this.signal?.reason)
  }
}
