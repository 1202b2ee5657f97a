/**
 * The streams of a chat route that a page may follow: the logs of the user's chats, the runs that
 * answer in them, and the feed of them all.
 */
import type { Chats } from '../../chats/chats.ts'
import { CHATS_FEED, chatNamedBy, isChatId } from '../../conversation/stream-names.ts'
import { readRunRecord } from '../../runs/records/run-record.ts'
import type { LookUp } from '../stream-access.ts'

export function chatStreams(chats: Chats): LookUp {
  return async (name, owner, stored, signal) => {
    if (name === CHATS_FEED)
      return owner === undefined ? undefined : chats.feed(owner, { ...(signal && { signal }) })
    const chat = chatNamedBy(name)
    if (chat !== undefined) {
      const scope = { ...(owner !== undefined && { owner }), ...(signal && { signal }) }
      return isChatId(chat) ? chats.stream(chat, scope) : undefined
    }
    const info = await stored()
    return info && readRunRecord(info)?.chat !== undefined ? info : undefined
  }
}
