import { describe, expect, it } from 'vitest'
import { UsageError, helpText, readSettings } from '../../bench/command-line.ts'
import { GROUPS } from '../../bench/groups.ts'

const loadsOf = (...args: string[]): string[] =>
  readSettings(args, GROUPS)?.groups.flatMap(({ loads }) => loads.map(({ name }) => name)) ?? []

describe('the loads that are chosen', () => {
  it('are all of them by default, and then the page is written', () => {
    const settings = readSettings([], GROUPS)
    expect(settings?.groups).toEqual(GROUPS)
    expect(settings?.page).toMatch(/docs[/\\]benchmarks\.md$/)
  })

  it('are those that are named, alone or with their group, and then no page is written', () => {
    expect(loadsOf('--only', 'late-join,one-to-1')).toEqual(['one-to-1', 'late-join'])
    expect(loadsOf('--only', 'appends')).toEqual(['appends-1', 'appends-100'])
    expect(readSettings(['--only', 'appends'], GROUPS)?.page).toBeUndefined()
    expect(readSettings(['--only', 'appends', '--out', 'page.md'], GROUPS)?.page).toMatch(/page\.md$/)
  })

  it('may be any number of streams', () => {
    expect(loadsOf('--only', 'streams-6000')).toEqual(['streams-6000'])
  })

  it('keep only the variants that are named', () => {
    const groups = readSettings(['--only', 'streams-500', '--peers', 'millrace,WS'], GROUPS)?.groups
    expect(groups?.[0]?.loads[0]?.variants.map(({ name }) => name)).toEqual(['ws', 'Millrace'])
  })

  it.each([
    [['--only', 'nothing'], `There is no load 'nothing'`],
    [['--only', 'streams-0'], `There is no load 'streams-0'`],
    [['--peers', 'nobody'], 'No load that was chosen has a variant'],
    [['--seconds', 'long'], '--seconds takes a number'],
    [['--fast'], '--fast'],
  ])('are refused as %j', (args, message) => {
    expect(() => readSettings(args, GROUPS)).toThrow(UsageError)
    expect(() => readSettings(args, GROUPS)).toThrow(message)
  })
})

it('has names for its loads that tell them apart, and help that lists them', () => {
  const names = GROUPS.flatMap(({ name, loads }) => [name, ...loads.map((load) => load.name)])
  const groupsOfOne = GROUPS.filter(({ name, loads }) => loads.some((load) => load.name === name))
  expect(new Set(names).size).toBe(names.length - groupsOfOne.length)
  expect(readSettings(['--help'], GROUPS)).toBeUndefined()
  for (const name of names) expect(helpText(GROUPS)).toContain(name)
})
