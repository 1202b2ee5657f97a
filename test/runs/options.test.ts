import { describe, expect, it } from 'vitest'
import { runSettings } from '../../src/runs/options.ts'
import type { RunsOptions } from '../../src/runs/options.ts'
import { Runs } from '../../src/runs/runs.ts'
import { memory } from '../../src/streams/memory/store.ts'

const store = memory()

describe('the options of runs', () => {
  it('have the documented defaults', () => {
    const { holder, store: _store, logger: _logger, kinds, ...rest } = runSettings({ store })
    expect(rest).toEqual({
      leaseTtlMs: 10_000,
      endedTimeoutMs: 30_000,
      retentionMs: 86_400_000,
      stopTimeoutMs: 5000,
      storePatienceMs: 30_000,
      highWaterMark: 262_144,
      unreadMs: Number.POSITIVE_INFINITY,
      readers: undefined,
      limits: { runsPerOwner: 100, runsPerProcess: 1000 },
      records: 1_000_000,
      bytes: 67_108_864,
      silenceMs: 300_000,
      thinkingMs: 3_600_000,
      lifeMs: 86_400_000,
    })
    expect(kinds.size).toBe(0)
    expect(holder).toMatch(/^\d+-[0-9a-f]{24}$/)
    expect(runSettings({ store }).holder).not.toBe(holder)
  })

  it('are in seconds and bytes, and infinity lifts a limit', () => {
    const limits = { silence: Number.POSITIVE_INFINITY, life: 0.5, bytes: Number.POSITIVE_INFINITY }
    const settings = runSettings({ store, leaseTtl: 0.3, retention: Number.POSITIVE_INFINITY, limits })
    expect(settings).toMatchObject({
      leaseTtlMs: 300,
      retentionMs: undefined,
      silenceMs: Number.POSITIVE_INFINITY,
      lifeMs: 500,
      bytes: Number.POSITIVE_INFINITY,
      records: 1_000_000,
    })
  })

  it.each<[string, Partial<RunsOptions>]>([
    ['leaseTtl', { leaseTtl: 0 }],
    ['leaseTtl', { leaseTtl: 2_147_484 }],
    ['leaseTtl', { leaseTtl: Number.NaN }],
    ['retention', { retention: 5 }],
    ['stopTimeout', { stopTimeout: -1 }],
    ['stopTimeout', { stopTimeout: Number.POSITIVE_INFINITY }],
    ['storePatience', { storePatience: -1 }],
    ['highWaterMark', { highWaterMark: 0 }],
    ['stopUnreadAfter', { stopUnreadAfter: 0, readers: () => 0 }],
    ['stopUnreadAfter needs readers', { stopUnreadAfter: 10 }],
    ['holder', { holder: '' }],
    ['holder', { holder: 'a b' }],
    ['holder', { holder: 'x'.repeat(201) }],
    ['limits.runsPerOwner', { limits: { runsPerOwner: 0 } }],
    ['limits.runsPerProcess', { limits: { runsPerProcess: 0 } }],
    ['limits.records', { limits: { records: Number.NaN } }],
    ['limits.bytes', { limits: { bytes: 0 } }],
    ['limits.silence', { limits: { silence: 0 } }],
    ['limits.thinking', { limits: { thinking: -1 } }],
    ['limits.life', { limits: { life: -1 } }],
    ['kind', { runs: { '': { async *run() {} } } }],
    ['metadata', { store: memory({ limits: { metadataBytes: 1000 } }) }],
    ['end', { store: memory({ limits: { endBytes: 2047 } }) }],
    ['checkpoint', { store: memory({ limits: { checkpointBytes: 1000 } }) }],
  ])('refuse a %s that cannot be', (name, options) => {
    expect(() => new Runs({ store, ...options })).toThrow(RangeError)
    expect(() => new Runs({ store, ...options })).toThrow(name)
  })
})
