/** Follows the entries of a chat from a place on. It uses delivery, which watches each chat once. */
import { decodeOffset, encodeOffset } from '../protocol/offset.ts'
import type { AskedPlace } from '../protocol/offset.ts'
import type { Batch, SharedEncoder } from '../delivery/batch.ts'
import type { Delivery } from '../delivery/delivery.ts'
import { Outlet } from '../delivery/outlet.ts'
import type { FollowEnd } from '../delivery/reader.ts'
import { readEntry } from '../conversation/entries.ts'
import type { ChatEntry } from '../conversation/entries.ts'
import { ChatError } from '../conversation/errors.ts'

/** An entry of a chat, and the place after it. */
export interface ChatChange {
  /** Where to go on from. */
  readonly offset: string
  readonly entry: ChatEntry
}

/** Batches that may wait for the reader. */
const MOST_WAITING = 4

const batches: SharedEncoder<Batch> = { encode: (batch) => batch }

/**
 * Yields what comes in a stream after a place, and returns how that ended; undefined if the signal aborted. Rejects with
 * nothing: a store that fails is an end.
 */
export async function* batchesFrom(
  delivery: Delivery,
  stream: string,
  place: AskedPlace,
  incarnation: string,
  signal: AbortSignal,
): AsyncGenerator<Batch, FollowEnd | undefined> {
  const waiting: Batch[] = []
  let wake = Promise.withResolvers<void>()
  let end: FollowEnd | undefined
  const outlet = new Outlet<Batch>({
    write: (batch) => {
      waiting.push(batch)
      wake.resolve()
      return waiting.length < MOST_WAITING
    },
  })
  const abort = (): void => wake.resolve()
  const observer = {
    opened: () => {},
    over: (how: FollowEnd) => {
      end = how
      wake.resolve()
    },
  }
  const following = delivery.follow(stream, { place, incarnation, outlet, encoder: batches, observer })
  signal.addEventListener('abort', abort, { once: true })
  try {
    while (!signal.aborted) {
      const batch = waiting.shift()
      if (batch) yield batch
      else if (end) return end
      else {
        outlet.drained()
        await wake.promise
        wake = Promise.withResolvers()
      }
    }
    return undefined
  } finally {
    signal.removeEventListener('abort', abort)
    following.stop()
    outlet.gone()
  }
}

/**
 * Yields entries until the chat is deleted or the signal aborts, and then ends. Rejects as the store does.
 *
 * @throws {ChatError} `chat_not_found` if the chat does not exist; `invalid_ask` if the offset is not one of this chat.
 */
export async function* changesFrom(
  ...[delivery, stream, place, incarnation, signal]: Parameters<typeof batchesFrom>
): AsyncGenerator<ChatChange> {
  const following = batchesFrom(delivery, stream, place, incarnation, signal)
  try {
    for (;;) {
      const next = await following.next()
      if (!next.done) yield* changesIn(next.value)
      else return next.value && thrown(next.value)
    }
  } finally {
    await following.return(undefined)
  }
}

/** @throws {ChatError} `invalid_ask` if the text is not an offset. */
export function placeAt(offset: string | undefined): AskedPlace {
  if (offset === undefined) return 'now'
  try {
    return decodeOffset(offset)
  } catch {
    throw new ChatError('invalid_ask', 'The offset is not one that a chat returned')
  }
}

function* changesIn(batch: Batch): Generator<ChatChange> {
  const { records, from, next } = batch
  for (const [index, record] of records.entries()) {
    const entry = readEntry(String(record))
    const ahead = records.length - index - 1
    const { stamp } = next
    const position = from.position + index + 1
    if (entry) yield { entry, offset: encodeOffset({ position, stamp, ahead: ahead + (next.ahead ?? 0) }) }
  }
}

function thrown(end: FollowEnd): void {
  switch (end.type) {
    case 'end':
    case 'gone':
    case 'closing':
      return
    case 'missing':
      throw new ChatError('chat_not_found')
    case 'refused':
      throw new ChatError('invalid_ask', 'The offset is not one of this chat')
    case 'failed':
      throw end.error
  }
}
