/**
 * Cuts Markdown into blocks, line by line and only forwards.
 *
 * A finished block never changes, and every block is bounded, whatever the text is: a line of megabytes, a list of
 * 50,000 items or an endless code block become many blocks. The cuts follow CommonMark as far as a line and those
 * before it tell. Where a list or a table is cut for its length, the next block goes on with its numbers, or repeats
 * its header.
 */
import type { Block, Blocks } from './block.ts'
import { type Fence, fenceOf } from './fence.ts'

/** Characters after which a block is cut at the next good place, and at any line. */
const CUT = 6_000
const MOST = 16_000
/** Blocks, and characters, after which a section is full. */
const SECTION = 24
const SECTION_SIZE = 12_000

const BLANK = /^\s*$/
const HEADING = /^ {0,3}#{1,6}(?:\s|$)/
const RULE = /^ {0,3}(?:(?:\*[ \t]*){3,}|(?:_[ \t]*){3,}|(?:-[ \t]*){3,})$/
const UNDERLINE = /^ {0,3}(?:=+|-+)[ \t]*$/
const ITEM = /^ {0,3}(?:([-*+])|(\d{1,9})([.)]))(?:\s|$)/
const QUOTE = /^ {0,3}>/
const DELIMITERS = /^ {0,3}\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*$/
const INDENTED = /^(?: {2}|\t)/

type Kind = 'none' | 'text' | 'quote' | 'list' | 'table'

export class Cutter {
  #text = ''
  #kind: Kind = 'none'
  /** Where the open block begins, and where the line that is read. */
  #start = 0
  #at = 0
  /** Up to here there is no end of that line. */
  #searched = 0
  /** Of the code block that is open. */
  #fence: Fence | undefined
  /** The marker of the list that is open. */
  #marker = ''
  /** The line before, and the header that each part of a table begins with. */
  #before = ''
  #header = ''
  /** Whether the beginning of the line was cut off, because the line is too long. */
  #isLong = false
  #full: readonly (readonly Block[])[] = []
  #filling: readonly Block[] = []
  #size = 0

  /** `text` begins with what was read before. */
  read(text: string): Blocks {
    this.#text = text
    for (let end = text.indexOf('\n', this.#searched); end >= 0; end = text.indexOf('\n', this.#at)) {
      this.#cutLong(end)
      if (this.#isLong) this.#endLong(end)
      else this.#line(text.slice(this.#at, text[end - 1] === '\r' ? end - 1 : end), end + 1)
      this.#at = end + 1
      this.#searched = this.#at
    }
    this.#searched = text.length
    this.#cutLong(text.length)
    return { sections: this.#full, last: this.#filling, open: this.#open() }
  }

  #open(): Block | undefined {
    const rest = this.#text.slice(this.#start)
    if (this.#fence) return this.#fence.block(rest)
    if (BLANK.test(rest)) return undefined
    return this.#isLong ? { kind: 'plain', source: rest } : { kind: 'markdown', source: this.#header + rest }
  }

  /** Takes the line that begins at `#at`; the one behind it begins at `next`. */
  #line(line: string, next: number): void {
    if (this.#fence) this.#codeLine(this.#fence, line, next)
    else if (BLANK.test(line)) {
      // Whether a list goes on, the next line tells.
      if (this.#kind !== 'list') this.#end(this.#at, next)
    } else {
      if (this.#kind !== 'none' && this.#isOver(line)) this.#end(this.#at, this.#at)
      if (this.#kind === 'none') this.#begin(line, next)
      else if (this.#kind === 'text' && this.#isTable(line)) this.#beginTable(next)
      else if (this.#kind === 'table' && this.#at - this.#start > CUT) this.#cutTable()
    }
    this.#before = line
  }

  #codeLine(fence: Fence, line: string, next: number): void {
    if (fence.isClosedBy(line)) {
      this.#add(fence.block(this.#text.slice(this.#start, this.#at)))
      this.#fence = undefined
      this.#start = next
    } else if (this.#at - this.#start > (INDENTED.test(line) ? MOST : CUT)) {
      fence.keep(this.#text.slice(this.#start, this.#at))
      this.#start = this.#at
    }
  }

  /** Whether the open block ends before this line. */
  #isOver(line: string): boolean {
    const size = this.#at - this.#start
    if (size > MOST && this.#kind !== 'table') return true
    const wasBlank = BLANK.test(this.#before)
    switch (this.#kind) {
      case 'list': {
        if (INDENTED.test(line)) return false
        const marker = markerOf(line)
        if (marker === this.#marker) return size > CUT
        return marker !== undefined || wasBlank || interrupts(line)
      }
      case 'table':
        return interrupts(line)
      case 'quote':
        return !QUOTE.test(line) && interrupts(line)
      default:
        return !UNDERLINE.test(line) && interrupts(line)
    }
  }

  #begin(line: string, next: number): void {
    this.#start = this.#at
    const fence = fenceOf(line)
    if (fence) {
      this.#fence = fence
      this.#start = next
      return
    }
    const marker = markerOf(line)
    this.#kind = marker !== undefined ? 'list' : QUOTE.test(line) ? 'quote' : 'text'
    this.#marker = marker ?? ''
    if (HEADING.test(line) || (marker === undefined && RULE.test(line))) this.#end(next, next)
  }

  #isTable(line: string): boolean {
    return DELIMITERS.test(line) && line.includes('|') && this.#before.includes('|')
  }

  #beginTable(next: number): void {
    const header = this.#text.lastIndexOf('\n', this.#at - 2) + 1
    if (header > this.#start) this.#end(header, header)
    this.#kind = 'table'
    this.#header = this.#text.slice(header, next)
    this.#start = next
  }

  /** The rest of the table is a table of its own, with the same header. */
  #cutTable(): void {
    this.#add({ kind: 'markdown', source: this.#header + this.#text.slice(this.#start, this.#at) })
    this.#start = this.#at
  }

  /** Ends the open block at `end`; what comes next begins at `next`. */
  #end(end: number, next: number): void {
    const source = this.#header + this.#text.slice(this.#start, end)
    if (!BLANK.test(source)) this.#add({ kind: 'markdown', source })
    this.#header = ''
    this.#kind = 'none'
    this.#start = next
  }

  /** Cuts off what is too long of the line that begins at `#at` and lasts until `end` so far. */
  #cutLong(end: number): void {
    while (end - this.#at > MOST) {
      if (!this.#isLong && !this.#fence && this.#kind !== 'none') this.#end(this.#at, this.#at)
      const cut = wholeCharacter(this.#text, this.#at + MOST)
      const piece = this.#text.slice(this.#start, cut)
      if (this.#fence) this.#fence.keep(piece)
      else this.#add({ kind: 'plain', source: piece })
      this.#isLong = true
      this.#start = cut
      this.#at = cut
    }
  }

  /** Takes the end of a line that was too long. */
  #endLong(end: number): void {
    this.#isLong = false
    this.#before = ''
    if (this.#fence) return
    this.#add({ kind: 'plain', source: this.#text.slice(this.#start, end) })
    this.#start = end + 1
  }

  #add(block: Block): void {
    this.#filling = [...this.#filling, block]
    this.#size += block.kind === 'code' ? CUT : block.source.length
    if (this.#filling.length < SECTION && this.#size < SECTION_SIZE) return
    this.#full = [...this.#full, this.#filling]
    this.#filling = []
    this.#size = 0
  }
}

/** The marker of the list that a line is an item of: `-`, `*`, `+`, `.` or `)`. */
function markerOf(line: string): string | undefined {
  const [, bullet, , delimiter] = (!RULE.test(line) && ITEM.exec(line)) || []
  return bullet ?? delimiter
}

/** Whether a line ends a paragraph before it. */
function interrupts(line: string): boolean {
  if (HEADING.test(line) || RULE.test(line) || QUOTE.test(line) || fenceOf(line)) return true
  const [, bullet, number] = ITEM.exec(line) ?? []
  return bullet !== undefined || Number(number) === 1
}

/** `at`, or the place before, where `at` is inside of a pair of surrogates. */
function wholeCharacter(text: string, at: number): number {
  const code = text.charCodeAt(at - 1)
  return code >= 0xd800 && code < 0xdc00 ? at - 1 : at
}
