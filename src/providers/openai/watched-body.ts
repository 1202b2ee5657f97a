/** Notices when a server that should be sending has fallen silent. */

/** A body of bytes that is watched while it is read. */
export class WatchedBody {
  /** The same bytes; read them here. */
  readonly bytes: ReadableStream<Uint8Array>
  #begun = false
  #silent = false
  #ended = false

  /**
   * Any byte breaks a silence, so a server's keep-alive comments do. Only waiting counts: while the
   * reader itself is busy no time passes, and a slow page is not taken for a stalled model.
   *
   * @param timeout in milliseconds.
   * @param onSilence is called when a read has waited that long; ending the request is up to it.
   * @param firstTimeout in milliseconds, for the first byte.
   * @param onBytes is called for whatever comes.
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
      // Nothing is read ahead, which would count the reader's own pauses.
      { highWaterMark: 0 },
    )
  }

  /** Whether a first byte came, or an end without one. */
  get begun(): boolean {
    return this.#begun
  }

  /** Whether a read waited for the whole timeout without a byte. */
  get silent(): boolean {
    return this.#silent
  }

  /** Whether the body was read to an end that is its own, and not a cut. */
  get ended(): boolean {
    return this.#ended
  }
}
