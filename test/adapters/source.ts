/** A stream that a test fills by hand, and what a reader of one got. */

export class Source<T> {
  readonly stream: ReadableStream<T>
  #controller: ReadableStreamDefaultController<T> | undefined

  constructor() {
    this.stream = new ReadableStream({ start: (controller) => void (this.#controller = controller) })
  }

  give(...chunks: readonly T[]): void {
    for (const chunk of chunks) this.#controller?.enqueue(chunk)
  }

  end(): void {
    this.#controller?.close()
  }
}

/** Reads a stream of text, as far as a test asks. */
export class TextReader {
  text = ''
  readonly #reader: ReadableStreamDefaultReader<string>

  constructor(stream: ReadableStream<string> | null | undefined) {
    if (!stream) throw new Error('There is no stream.')
    this.#reader = stream.getReader()
  }

  /** Reads until the text is as long as this one, and returns it. */
  async upTo(text: string): Promise<string> {
    while (this.text.length < text.length) {
      const { done, value } = await this.#reader.read()
      if (done) break
      this.text += value
    }
    return this.text
  }

  /** Reads to the end. */
  async all(): Promise<string> {
    for (;;) {
      const { done, value } = await this.#reader.read()
      if (done) return this.text
      this.text += value
    }
  }

  leave(): Promise<void> {
    return this.#reader.cancel()
  }
}

export function never(): never {
  throw new Error('It was asked to produce what is there.')
}
