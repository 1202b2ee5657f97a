/** One stream as a program reads it: its records, how it stands, and Stop. */
import type { Json } from '../protocol/json.ts'
import type { RunEnd } from '../protocol/run-end.ts'
import type { StreamError } from './errors.ts'
import { type RemoteReader, type StreamStatus, placeText } from './remote-reader.ts'

export class RemoteStream<Record = Json> implements AsyncIterable<Record> {
  readonly #reader: RemoteReader
  readonly #stop: () => Promise<RunEnd['status']>
  #looped = false

  constructor(reader: RemoteReader, stop: () => Promise<RunEnd['status']>) {
    this.#reader = reader
    this.#stop = stop
  }

  get id(): string {
    return this.#reader.id
  }

  get status(): StreamStatus {
    return this.#reader.status
  }

  /** Why it failed, is gone, or cannot be read. */
  get error(): StreamError | undefined {
    return this.#reader.error
  }

  /** What the stream is closed with, once its end has come: of a run, how it ended. */
  get end(): Json | undefined {
    return this.#reader.closedWith
  }

  /** Whether nothing more comes. Records that came may still wait to be taken. */
  get done(): boolean {
    return this.#reader.done
  }

  /** The place after the last record that was taken, where another reader can go on. */
  get offset(): string {
    return placeText(this.#reader.takenTo)
  }

  /** Calls a listener whenever there are records to take or the status changed. Returns the undo. */
  subscribe(listener: () => void): () => void {
    return this.#reader.listeners.add(listener)
  }

  /** Takes the records that have come and were not yet taken, without waiting for more. */
  take(): Record[] {
    return this.#reader.take() as Record[]
  }

  /**
   * Every record until the end. After the last record the loop throws for a run that failed, a stream that is gone
   * and one that may not be read. It ends in the same way for a run that was stopped and one that completed: see
   * `status`. Leaving the loop closes the stream; `offset` says where to go on.
   *
   * @throws {StreamError}
   * @throws {TypeError} for a second loop: each record goes to one. Make a stream for each loop.
   */
  [Symbol.asyncIterator](): AsyncGenerator<Record, void, undefined> {
    if (this.#looped) throw new TypeError('One loop reads a stream; make another of the same id')
    this.#looped = true
    const records = this.#records()
    const end = records.return.bind(records)
    const fail = records.throw.bind(records)
    // A generator by itself would queue both after a `next()` that waits for the server. Closing ends that wait.
    return Object.assign(records, {
      return: () => {
        this.close()
        return end()
      },
      throw: (error: unknown) => {
        this.close()
        return fail(error)
      },
    })
  }

  /**
   * Ends the run, wherever it is and whoever reads it. Its records stay. Resolves with how it ended, which is
   * `completed` when the stop came too late.
   *
   * @throws {StreamError}
   */
  stop(): Promise<RunEnd['status']> {
    return this.#stop()
  }

  /** Stops reading and ends the loop. The run goes on. */
  close(): void {
    this.#reader.close()
  }

  async *#records(): AsyncGenerator<Record, void, undefined> {
    const reader = this.#reader
    for (;;) {
      while (reader.waiting > 0) yield reader.shift() as Record
      if (reader.error) throw reader.error
      if (reader.done) return
      await this.#change()
    }
  }

  #change(): Promise<void> {
    return new Promise((resolve) => {
      const undo = this.subscribe(() => {
        undo()
        resolve()
      })
    })
  }
}
