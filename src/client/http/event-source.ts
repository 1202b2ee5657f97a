/** Server-sent events out of a `fetch` body (the HTML standard, section 9.2.6), in browser and Node. */

export interface ServerSentEvent {
  /** `retry` for the field of that name, `message` for an event without one. */
  readonly event: string
  readonly data: string
}

/**
 * The events of a body, in order. An event that is cut off is left out. Calls `fed` whenever bytes come, comments
 * included.
 */
export async function* serverSentEvents(
  body: ReadableStream<Uint8Array> | null,
  fed: () => void,
): AsyncGenerator<ServerSentEvent, void, undefined> {
  if (!body) return
  const decoder = new TextDecoder()
  const reader = body.getReader()
  let rest = ''
  let event = ''
  let data: string[] = []
  try {
    for (;;) {
      const { value, done } = await reader.read()
      if (done) return
      fed()
      rest += decoder.decode(value, { stream: true })
      // A CR at the very end may be half of a CRLF.
      const end = rest.endsWith('\r') ? rest.length - 1 : rest.length
      const lines = rest.slice(0, end).split(/\r\n|\n|\r/)
      rest = (lines.pop() ?? '') + rest.slice(end)
      for (const line of lines) {
        if (line === '') {
          if (data.length > 0) yield { event: event || 'message', data: data.join('\n') }
          event = ''
          data = []
        } else if (line.startsWith('data:')) data.push(valueOf(line))
        else if (line.startsWith('event:')) event = valueOf(line)
        else if (line.startsWith('retry:')) yield { event: 'retry', data: valueOf(line) }
      }
    }
  } finally {
    // A body that failed cannot be cancelled.
    await reader.cancel().catch(() => undefined)
  }
}

/** What follows the colon, and one space. */
function valueOf(line: string): string {
  return line.slice(line.indexOf(':') + 1).replace(/^ /, '')
}
