/**
 * The line of docs/ai-sdk.md for transports that do not know that a resume tells all of an answer again: without it the
 * stock client shows that behind what it has. Runs in browsers, too.
 */
import type { ChatTransport, UIMessage } from 'ai'

export function replaying<Transport extends ChatTransport<UIMessage>>(transport: Transport): Transport {
  return Object.assign(transport, { resumeStreamIsReplay: true })
}
