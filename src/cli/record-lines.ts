/** Records as `millrace streams tail` prints them: each in a line, in the text that it was written in. */
import { splitJson } from '../streams/bookkeeping/json-text.ts'

/** Between the tokens of a text; a string of JSON has none that is not escaped. */
const LINE_BREAKS = /\r\n?|\n/g

/**
 * The lines of a JSON array of records. What the parser makes of them it only judges: their numbers,
 * the order of their keys and the white space within a line stay as they are.
 *
 * @throws {SyntaxError} for what is no JSON array.
 */
export function recordLines(json: string): string[] {
  if (!Array.isArray(JSON.parse(json))) throw new SyntaxError('That is no array.')
  const between = json.replace(LINE_BREAKS, ' ').trim().slice(1, -1)
  return between.trim() === '' ? [] : splitJson(between)
}
