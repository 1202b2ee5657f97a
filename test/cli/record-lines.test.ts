import fc from 'fast-check'
import { expect, it } from 'vitest'
import { recordLines } from '../../src/cli/record-lines.ts'

it('gives the records of an array as they were written', () => {
  const record = fc.jsonValue({ maxDepth: 3 }).map((value) => JSON.stringify(value))
  fc.assert(
    fc.property(fc.array(record), (records) => {
      expect(recordLines(`[${records.join(',')}]`)).toEqual(records)
    }),
  )
})

it.each([
  ['what is no number of JavaScript', '[12345678901234567890,1e400,-0,1.0]'],
  ['keys that are out of order, or twice there', '[{"2":1,"1":2,"1":3}]'],
  ['escapes', String.raw`["\u00e9\/\ud800","\"],["]`],
])('leaves %s alone', (_name, json) => {
  expect(`[${recordLines(json).join(',')}]`).toBe(json)
})

it.each([
  ['between the tokens of a record', '[{\n"a":\r\n1,\r"b":2}]', ['{ "a": 1, "b":2}']],
  ['around the array', '\n[1,2]\r\n', ['1', '2']],
  ['in an empty one', '[\n]', []],
])('gives a record one line, whatever line breaks are %s', (_name, json, lines) => {
  expect(recordLines(json)).toEqual(lines)
})

it.each(['{"status":"ok"}', '1', '[1', ''])('throws for what is no array: %j', (json) => {
  expect(() => recordLines(json)).toThrow(SyntaxError)
})
