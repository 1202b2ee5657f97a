/** The options of an append beside its records and producer, as arguments of the append script. */
import { type CheckedAppend, mediaTypeOf } from '../../bookkeeping/requests.ts'
import type { AppendOption } from './append-script.ts'
import { tailText } from './script-values.ts'

/**
 * Names and values, one after the other.
 *
 * @param tail that it must follow as an append that was lost.
 * @param list on which it is marked.
 * @param producers how many a stream knows.
 */
export function appendOptions(
  request: CheckedAppend,
  tail: number | undefined,
  list: string | undefined,
  producers: string,
): readonly string[] {
  const { incarnation, contentType, close, end, owes, producer, streamSeq, metadata, checkpoint, after } =
    request
  const options: string[] = []
  const add = (name: AppendOption, value: string): void => void options.push(name, value)
  if (incarnation !== undefined) add('incarnation', incarnation)
  if (contentType !== undefined) add('type', mediaTypeOf(contentType))
  if (close) add('close', '1')
  if (end !== undefined) add('end', end)
  if (owes !== undefined) add('owes', owes)
  if (streamSeq !== undefined) add('stream-seq', streamSeq)
  if (metadata !== undefined) add('metadata', metadata)
  if (checkpoint !== undefined) add('checkpoint', checkpoint)
  if (after) add('after', tailText(after))
  if (tail !== undefined) add('tail', String(tail))
  if (list !== undefined) add('list', list)
  // One that the stream does not know begins with this.
  if (producer?.seq === 0) add('producers', producers)
  return options
}
