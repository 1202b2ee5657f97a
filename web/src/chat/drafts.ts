/** What was typed and not sent, by chat. It survives a reload, where the browser lets the page keep anything. */

const PREFIX = 'millrace-draft:'
/** Characters. A longer draft lives as long as the page. */
const MOST = 100_000

const drafts = new Map<string, string>()

export function draftOf(chat: string): string {
  return drafts.get(chat) ?? stored(chat) ?? ''
}

export function keepDraft(chat: string, text: string): void {
  drafts.set(chat, text)
  try {
    if (text === '' || text.length > MOST) sessionStorage.removeItem(PREFIX + chat)
    else sessionStorage.setItem(PREFIX + chat, text)
  } catch {
    // No storage: the map has it.
  }
}

function stored(chat: string): string | undefined {
  try {
    return sessionStorage.getItem(PREFIX + chat) ?? undefined
  } catch {
    return undefined
  }
}
