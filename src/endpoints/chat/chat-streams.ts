/** The streams of a chat route that a page may follow: the logs of the user's chats, and the runs that answer in them. */
import type { Chats } from '../../chats/chats.ts'
import { isName } from '../../conversation/entries.ts'
import { chatNamedBy } from '../../conversation/stream-names.ts'
import { readRunRecord } from '../../runs/records/run-record.ts'
import type { LookUp } from '../stream-access.ts'

export function chatStreams(chats: Chats): LookUp {
  return async (name, owner, stored, signal) => {
    const chat = chatNamedBy(name)
    if (chat !== undefined) {
      const scope = { ...(owner !== undefined && { owner }), ...(signal && { signal }) }
      return isName(chat) ? chats.stream(chat, scope) : undefined
    }
    const info = await stored()
    return info && readRunRecord(info)?.chat !== undefined ? info : undefined
  }
}
