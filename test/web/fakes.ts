import type { Clock } from '../../web/src/clock.ts'
import type { OpenSocket, Socket, SocketHandlers } from '../../web/src/socket.ts'

/** A clock that moves only when told to. */
export class FakeClock implements Clock {
  #now = 0
  #timers: { at: number; run: () => void }[] = []

  now(): number {
    return this.#now
  }

  after(ms: number, run: () => void): () => void {
    const timer = { at: this.#now + ms, run }
    this.#timers.push(timer)
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer)
    }
  }

  /** Timers that would still run. */
  get pending(): number {
    return this.#timers.length
  }

  /** Moves on by `ms`, and runs what falls due on the way, in order. */
  advance(ms: number): void {
    const end = this.#now + ms
    for (;;) {
      const due = this.#timers.filter((timer) => timer.at <= end).toSorted((a, b) => a.at - b.at)[0]
      if (due === undefined) break
      this.#timers = this.#timers.filter((timer) => timer !== due)
      this.#now = due.at
      due.run()
    }
    this.#now = end
  }
}

/** A socket whose server is the test: it calls `handlers`, and reads `sent`. */
export class FakeSocket implements Socket {
  readonly handlers: SocketHandlers
  readonly sent: unknown[] = []
  closed = false

  constructor(handlers: SocketHandlers) {
    this.handlers = handlers
  }

  send(text: string): void {
    this.sent.push(JSON.parse(text))
  }

  close(): void {
    this.closed = true
  }

  /** Receives one frame. */
  frame(fields: object): void {
    this.handlers.message(JSON.stringify(fields))
  }
}

/** Opens fake sockets, and keeps each for the test. */
export class FakeNetwork {
  readonly sockets: FakeSocket[] = []
  readonly open: OpenSocket = (handlers) => {
    const socket = new FakeSocket(handlers)
    this.sockets.push(socket)
    return socket
  }

  /** The socket opened last. */
  get socket(): FakeSocket {
    const socket = this.sockets.at(-1)
    if (socket === undefined) throw new Error('No socket was opened')
    return socket
  }
}
