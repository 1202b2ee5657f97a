import { describe, expect, it } from 'vitest'
import { memory } from '../../src/streams/memory/store.ts'
import { redis } from '../../src/streams/redis/open.ts'
import { sqlite } from '../../src/streams/sqlite/sqlite.ts'

describe.each([
  ['memory', memory],
  ['sqlite', (options: object) => sqlite('/nonexistent/streams.db', options)],
  ['redis', redis],
] as const)('%s()', (name, open) => {
  it('refuses an option that does not exist', () => {
    expect(() => open({ retentions: {} } as object)).toThrow(
      new TypeError(`${name}() has no option retentions. Did you mean retention?`),
    )
  })

  it('refuses a limit that does not exist', () => {
    expect(() => open({ limits: { recordbytes: 1 } } as object)).toThrow(
      new TypeError(`${name}() has no option limits.recordbytes. Did you mean limits.recordBytes?`),
    )
  })
})
