/** Notices when a server stops sending. */

/** A body that is watched while it is read. */
export class WatchedBody {
  /** The same bytes; read them here. */
  readonly bytes: ReadableStream<Uint8Array>
  #begun = false
  #silent = false
  #ended = false

  /**
   * Any byte ends a silence, so a server's keep-alive comments do. Only waiting for a read counts: a reader
   * that is busy does not make the model look stalled.
   *
   * @param timeout milliseconds.
   * @param onSilence is called when a read has waited that long; it should end the request.
   * @param firstTimeout milliseconds, for the first byte.
   * @param onBytes is called for each chunk.
   */
  constructor(
    body: ReadableStream<Uint8Array>,
    timeout: number,
    onSilence: () => void,
    firstTimeout: number = timeout,
    onBytes: () => void = () => {},
  ) {
    const reader = body.getReader()
    const fallSilent = (): void => {
      this.#silent = true
      onSilence()
    }
    this.bytes = new ReadableStream<Uint8Array>(
      {
        pull: async (controller) => {
          const timer = setTimeout(fallSilent, this.#begun ? timeout : firstTimeout)
          try {
            const { done, value } = await reader.read()
            this.#begun = true
            if (!done) {
              onBytes()
              return controller.enqueue(value)
            }
            this.#ended = true
            controller.close()
          } finally {
            clearTimeout(timer)
          }
        },
        cancel: (reason) => reader.cancel(reason),
      },
      // Reading ahead would count the pauses of the reader.
      { highWaterMark: 0 },
    )
  }

  /** Whether a byte or the end has come. */
  get begun(): boolean {
    return this.#begun
  }

  /** Whether a read waited for the whole timeout. */
  get silent(): boolean {
    return this.#silent
  }

  /** Whether the body was read to its proper end. */
  get ended(): boolean {
    return this.#ended
  }
}
