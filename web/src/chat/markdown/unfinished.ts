/** Makes the end of a text that still comes look as it probably will, so that nothing jumps a moment later. */

/** A last line of marks alone, which the next characters make an item, a rule, a heading, a table or emphasis. */
const MARKS = /(^|\n)[ \t]*(?:[-*+=_#>`~|:]+|\d{1,9}[.)]?)[ \t]*$/
/** A link whose address has not come to its end. */
const LINK = /!?\[([^[\]\n]*)(?:\]\([^()\s]*)?$/

/** The source of a block as it is to be shown while it grows. */
export function asUnfinished(source: string): string {
  const text = source.replace(MARKS, '$1').replace(LINK, '$1')
  const line = text.slice(text.lastIndexOf('\n') + 1)
  if (line.startsWith('```') || line.startsWith('~~~')) return text
  const ticks = line.match(/`/g)?.length ?? 0
  if (ticks % 2 === 1) return `${text.trimEnd()}\``
  const bold = line.replaceAll(/`[^`]*`/g, '').match(/\*\*/g)?.length ?? 0
  if (bold % 2 === 0) return text
  const end = text.trimEnd()
  return end.endsWith('*') ? end.replace(/\*+$/, '') : `${end}**`
}
