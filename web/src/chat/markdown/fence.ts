/** A fenced code block whose end has not come yet. */
import type { Block } from './block.ts'

const OPENING = /^( {0,3})(`{3,}|~{3,})[ \t]*([^\s`]*)[^`]*$/

export class Fence {
  readonly #language: string
  readonly #indent: string
  readonly #closing: RegExp
  readonly #pieces: string[] = []

  constructor(indent: string, marks: string, language: string) {
    this.#indent = indent
    this.#language = language
    this.#closing = new RegExp(`^ {0,3}${marks[0]}{${marks.length},}[ \\t]*$`)
  }

  isClosedBy(line: string): boolean {
    return this.#closing.test(line)
  }

  /** A piece that is finished. */
  keep(piece: string): void {
    this.#pieces.push(this.#outdented(piece))
  }

  /** The code so far, `rest` behind the pieces that were kept. */
  block(rest: string): Block {
    // A line of marks alone may become the end of the code.
    const shown = this.#outdented(rest.replace(/\n {0,3}(?:`+|~+)$/, '\n'))
    const pieces = shown === '' ? [...this.#pieces] : [...this.#pieces, shown]
    return { kind: 'code', language: this.#language, pieces }
  }

  /** Without the spaces that its fence was moved in by. */
  #outdented(piece: string): string {
    const { length } = this.#indent
    return length === 0 ? piece : piece.replaceAll(new RegExp(`^ {1,${length}}`, 'gm'), '')
  }
}

/** The fence that a line opens, if it does. */
export function fenceOf(line: string): Fence | undefined {
  const [, indent, marks, language] = OPENING.exec(line) ?? []
  if (indent === undefined || marks === undefined) return undefined
  return new Fence(indent, marks, (language ?? '').toLowerCase())
}
