/** What the script of an append answers, in the terms of the store. */
import type { Reply } from '../../redis/open-client.ts'
import { endMember } from '../bookkeeping/stream-state.ts'
import type { CheckedAppend } from '../bookkeeping/requests.ts'
import type { AppendResult } from '../store.ts'

export function appendResult(reply: readonly Reply[], { close, producer }: CheckedAppend): AppendResult {
  const [word, ...rest] = reply
  const outcome = String(word) as AppendResult['outcome']
  const offset = { position: Number(rest[1]), stamp: String(rest[0]) }
  switch (outcome) {
    case 'appended':
      return { outcome, offset, closed: close }
    case 'missing':
    case 'leased':
      return { outcome }
    case 'moved':
      return { outcome, offset }
    case 'closed':
      return { outcome, offset, ...endMember(String(rest[2]) || undefined) }
    case 'content-type':
      return { outcome, contentType: String(rest[0]) }
    case 'fenced':
      return { outcome, epoch: Number(rest[0]) }
    case 'epoch-start':
      return { outcome, receivedSeq: producer?.seq ?? 0 }
    case 'gap':
      return { outcome, expectedSeq: Number(rest[0]), receivedSeq: producer?.seq ?? 0 }
    case 'stream-seq':
      return { outcome, last: String(rest[0]) }
    case 'duplicate': {
      const lastSeq = String(rest[3])
      const end = endMember(String(rest[4]) || undefined)
      return {
        outcome,
        offset,
        closed: rest[2] === 1,
        ...end,
        ...(lastSeq !== '' && { lastSeq: Number(lastSeq) }),
      }
    }
  }
}
