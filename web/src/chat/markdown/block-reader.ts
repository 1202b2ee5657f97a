/** Reads a text that grows as blocks. */
import type { Blocks } from './block.ts'
import { Cutter } from './cutter.ts'

/** Keeps the blocks of a text that grows, so that reading it again costs only what was added. */
export class BlockReader {
  #text = ''
  #cutter = new Cutter()
  #blocks: Blocks = { sections: [], last: [], open: undefined }

  /** Takes the whole text so far. A text that does not begin as the last one is read anew. */
  read(text: string): Blocks {
    if (text === this.#text) return this.#blocks
    if (!text.startsWith(this.#text)) this.#cutter = new Cutter()
    this.#text = text
    this.#blocks = this.#cutter.read(text)
    return this.#blocks
  }
}
