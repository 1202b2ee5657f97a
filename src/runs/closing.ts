/** How the log of a run is closed: with its end, and behind the last words of its kind. */
import { Buffer } from 'node:buffer'
import { writeRunEnd } from '../protocol/run-end.ts'
import type { RunEnd } from '../protocol/run-end.ts'
import type { Closing } from './log-writer.ts'
import type { RunSettings } from './options.ts'
import { encodeRunRecord } from './run-record.ts'
import type { RunRecord } from './run-record.ts'

/** `noteDue`: the record is kept with it, as it is not yet. */
export function closingOf(
  settings: RunSettings,
  run: string,
  record: RunRecord,
  end: RunEnd,
  noteDue: boolean,
): Closing {
  return {
    records: closingRecords(settings, run, record.kind, end),
    end: writeRunEnd(end),
    ...(noteDue && { metadata: encodeRunRecord(record) }),
  }
}

/**
 * None of a run without a kind, or of a kind that gives none or is not known here. What cannot be kept is
 * logged and left out, all of it: the run ends either way.
 */
function closingRecords(
  { kinds, store, logger }: RunSettings,
  run: string,
  kind: string | undefined,
  end: RunEnd,
): readonly string[] {
  const { closing } = (kind !== undefined && kinds.get(kind)) || {}
  if (!closing) return []
  try {
    // What JSON has no word for is no text.
    const texts: (string | undefined)[] = closing(end).map((record) => JSON.stringify(record))
    if (!texts.every((text) => text !== undefined)) throw new TypeError('One of them is no JSON')
    const { recordBytes, appendBytes, appendRecords } = store.limits
    const sizes = texts.map((text) => Buffer.byteLength(text))
    const isTooLarge =
      texts.length > appendRecords ||
      sizes.some((size) => size > recordBytes) ||
      sizes.reduce((sum, size) => sum + size, 0) > appendBytes
    if (isTooLarge) throw new RangeError('They are more than one append may hold')
    return texts
  } catch (err) {
    logger.error({ err, run, kind }, 'The closing records of a run could not be made')
    return []
  }
}
