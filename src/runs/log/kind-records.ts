/** Records that a kind adds to those of its providers: the marks of a new attempt, and the closing records. */
import { Buffer } from 'node:buffer'
import { callHandler, loggingOwner } from '../../logging/late-errors.ts'
import { failureFor } from '../end-reasons.ts'
import type { RunSettings } from '../options.ts'

export interface KindRecords {
  readonly of: 'closing' | 'newAttempt'
  readonly kind: string
  readonly run: string
  /** The log's words for what happens after an error that it throws outside of the call. */
  readonly outcome: string
  readonly give: () => readonly unknown[]
}

/**
 * Their texts, which fit into one append.
 *
 * @throws what the kind throws, `RunFailedError` `not_json`, and `RangeError` for more than that.
 */
export function kindRecords(
  { store, logger }: Pick<RunSettings, 'store' | 'logger'>,
  { of, kind, run, outcome, give }: KindRecords,
): readonly string[] {
  const owner = loggingOwner(logger, { name: `${of} of the kind ${kind}`, outcome }, { run })
  const texts = callHandler(owner, () => {
    const records = give()
    if (!Array.isArray(records)) throw new TypeError(`${of} must return an array, and must not be async`)
    return records.map(textOf)
  })
  const { recordBytes, appendBytes, appendRecords } = store.limits
  const sizes = texts.map((text) => Buffer.byteLength(text))
  const isTooLarge =
    texts.length > appendRecords ||
    sizes.some((size) => size > recordBytes) ||
    sizes.reduce((sum, size) => sum + size, 0) > appendBytes
  if (isTooLarge) throw new RangeError(`${of} returned more than fits into one append`)
  return texts
}

function textOf(record: unknown): string {
  try {
    const text: string | undefined = JSON.stringify(record)
    // Undefined for what JSON cannot represent.
    if (text !== undefined) return text
  } catch (error) {
    throw failureFor('not_json', { cause: error })
  }
  throw failureFor('not_json')
}
