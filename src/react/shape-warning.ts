/** Tells a developer, once in a page, that `text` stays empty because nobody said how to read the records. */

let warned = false

/** Names the record's keys and type; what a record holds may be private. */
export function warnOfShape(record: unknown): void {
  if (warned) return
  warned = true
  // eslint-disable-next-line no-console -- it is for whoever writes the page
  console.warn(
    `useStream: no text is known in records such as ${shapeOf(record)}, so \`text\` leaves them out. ` +
      'Say how to read them: useStream(target, id, { text: (record) => … }).',
  )
}

function shapeOf(record: unknown): string {
  if (typeof record !== 'object' || record === null) return record === null ? 'null' : `a ${typeof record}`
  if (Array.isArray(record)) return 'an array'
  const { type } = record as { readonly type?: unknown }
  const keys = Object.keys(record).join(', ')
  return typeof type === 'string' ? `{ ${keys} } of type "${type}"` : `{ ${keys} }`
}
