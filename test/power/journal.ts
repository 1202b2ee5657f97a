/**
 * What the traced server says while it works: before it asks its store for something, and once that was
 * acknowledged or a reader saw it. What was acknowledged must survive; what was asked for may.
 */
import { writeSync } from 'node:fs'

/** `done` is false before the store is asked, and true once it answered. */
export type JournalLine =
  /** The stream `id` is made, for the `life`th time, counted from 0. */
  | { readonly what: 'create'; readonly done: boolean; readonly id: string; readonly life: number }
  /** Records up to and without `upTo`. `at` is the token of the place after them. */
  | { readonly what: 'append'; readonly done: false; readonly id: string; readonly upTo: number }
  | {
      readonly what: 'append'
      readonly done: true
      readonly id: string
      readonly upTo: number
      readonly at: string
      readonly seq: number
    }
  /** A reader was given the records up to and without `upTo`. */
  | {
      readonly what: 'seen'
      readonly id: string
      readonly life: number
      readonly upTo: number
      readonly at: string
    }
  | { readonly what: 'metadata'; readonly done: boolean; readonly id: string; readonly value: number }
  | { readonly what: 'lease'; readonly id: string; readonly epoch: number }
  | { readonly what: 'stop'; readonly id: string }
  | { readonly what: 'close' | 'delete'; readonly done: boolean; readonly id: string }

const STDOUT = 1

/** At once and in one call, so that a trace holds it where it happened. */
export function say(line: JournalLine): void {
  writeSync(STDOUT, `${JSON.stringify(line)}\n`)
}

/** What one call printed; lines of others are left out. */
export function readJournal(text: string): JournalLine[] {
  return text
    .split('\n')
    .filter((line) => line.startsWith('{"what":'))
    .map((line) => JSON.parse(line) as JournalLine)
}
