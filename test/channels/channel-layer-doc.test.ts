import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import * as errors from '../../src/channels/errors.ts'
import { channelLayerCases } from '../../src/conformance/channel-layer-cases.ts'

const page = readFileSync(new URL('../../docs/channel-layer.md', import.meta.url), 'utf8')

/** The cases that the page lists below each rule. */
const listed = new Map<string, string[]>()
for (const section of page.split(/^##+ /m)) {
  const rule = /^CL-\d+(?=: )/.exec(section)?.[0]
  const cases = [...section.matchAll(/^- (.+)$/gm)].map((match) => match[1] as string)
  if (rule) listed.set(rule, cases)
}

describe('docs/channel-layer.md', () => {
  it('numbers its rules from 1, without a gap', () => {
    expect([...listed.keys()]).toEqual(Array.from({ length: listed.size }, (_, i) => `CL-${i + 1}`))
    expect(listed.size).toBeGreaterThan(30)
  })

  it.each([...listed.keys()])('%s names the cases that name it, and there is one', (rule) => {
    const naming = channelLayerCases
      .filter((layerCase) => layerCase.rules.includes(rule))
      .map((layerCase) => layerCase.name)
    expect(naming).not.toEqual([])
    expect(listed.get(rule)).toEqual(naming)
  })

  it('has every rule that a case names', () => {
    for (const { name, rules } of channelLayerCases) {
      for (const rule of rules) expect([...listed.keys()], name).toContain(rule)
    }
  })

  it('refers to no rule that is not there', () => {
    for (const [rule] of page.matchAll(/CL-\d+/g)) expect([...listed.keys()]).toContain(rule)
  })

  it('lists every error with its code', () => {
    const samples: errors.ChannelError[] = [
      errors.channelFull('work', 1),
      errors.invalidName('x'),
      errors.invalidMessage('message', 'x'),
      errors.channelReleased('work'),
      errors.layerClosed(),
      errors.layerUnavailable('Redis is away', false),
    ]
    for (const { code } of samples) expect(page).toContain(`\n| \`${code}\` |`)
  })
})
