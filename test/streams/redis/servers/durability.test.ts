import { expect, it } from 'vitest'
import { serverDurability, logDurability } from '../../../../src/streams/redis/servers/durability.ts'
import type { Greeting } from '../../../../src/streams/redis/servers/greeting.ts'

const safe: Greeting = {
  run: 'r',
  appendOnly: true,
  fsync: 'always',
  snapshots: false,
  replicas: 0,
  eviction: 'noeviction',
}

function said(change: Partial<Greeting>): [level: string, text: string] {
  const lines: [string, string][] = []
  const at = (level: string) => (_: unknown, text: string) => void lines.push([level, text])
  const logger = { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
  logDurability(logger, 'host:6379', { ...safe, ...change })
  expect(lines).toHaveLength(1)
  return lines[0] as [string, string]
}

it.each<[Partial<Greeting>, string, RegExp]>([
  [{}, 'info', /survives its crash and a loss of power/],
  [{ fsync: 'everysec' }, 'info', /but for the last second/],
  [{ fsync: 'no' }, 'info', /what the system had not written/],
  [{ fsync: undefined }, 'info', /does not say when it syncs/],
  [{ appendOnly: false }, 'warn', /its crash loses all of them and ends every run \(appendonly no/],
  [{ appendOnly: false, snapshots: true }, 'warn', /what came after its last snapshot/],
  [{ appendOnly: false, snapshots: undefined }, 'warn', /appendonly no/],
  [{ appendOnly: undefined }, 'warn', /does not say/],
  [{ eviction: 'allkeys-lru' }, 'warn', /deletes streams \(maxmemory-policy allkeys-lru\)/],
])('of a Redis with %o is said', (change, level, text) => {
  expect(said(change)).toEqual([level, expect.stringMatching(text)])
})

it('is `power` only where every append is synced', () => {
  expect(serverDurability(safe)).toBe('power')
  for (const change of [{ fsync: 'everysec' }, { fsync: undefined }, { appendOnly: false }]) {
    expect(serverDurability({ ...safe, ...change })).toBe('process')
  }
})
