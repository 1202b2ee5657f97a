import { expect, test } from 'vitest'
import { CheckedUpstream } from './checked-upstream.ts'
import type { KeptLog } from './kept-log.ts'

interface World {
  readonly upstream: CheckedUpstream
  readonly log: KeptLog
  readonly failures: string[]
}

/** A run that `one` works on. */
function world(): World {
  const log: KeptLog = {
    stream: 'run',
    incarnation: 'i',
    records: [],
    closed: false,
    removed: false,
    first: 0,
    epoch: 1,
    holders: new Map([[1, 'one']]),
    owes: false,
    told: new Map(),
    barren: 0,
    begunAt: 0,
    hasDied: false,
  }
  const failures: string[] = []
  const kept = { logs: new Map([['run i', log]]), current: new Map([['run', log]]) }
  const upstream = new CheckedUpstream(kept, (invariant) => failures.push(invariant))
  return { upstream, log, failures }
}

function take({ log }: World, by: string): void {
  log.epoch++
  log.holders.set(log.epoch, by)
}

function close({ upstream, log }: World, by: string): void {
  upstream.note({ type: 'upstream-closing', run: 'run', by })
  log.closed = true
  upstream.closed(log, by)
}

test('what the holder of a run knew when it ended it is to end, too', () => {
  const one = world()
  one.upstream.note({ type: 'upstream-known', run: 'run', job: 'job-1', by: 'one' })
  close(one, 'one')
  one.upstream.finish()
  expect(one.failures).toEqual(['cancelled'])
})

test('what a generation learned after it lost its run is not held against the process, which ends it later', () => {
  const one = world()
  take(one, 'another')
  one.upstream.note({ type: 'upstream-known', run: 'run', job: 'job-1', by: 'one' })
  take(one, 'one')
  close(one, 'one')
  one.upstream.finish()
  expect(one.failures).toEqual([])
})

test('what a generation knew in an earlier epoch, and did not keep, is not held against a later one', () => {
  const one = world()
  one.upstream.note({ type: 'upstream-known', run: 'run', job: 'job-1', by: 'one' })
  one.upstream.note({ type: 'upstream-closing', run: 'run', by: 'one' })
  take(one, 'another')
  take(one, 'one')
  close(one, 'one')
  one.upstream.finish()
  expect(one.failures).toEqual([])
})

test('what was kept of a run is to end, whoever ends it', () => {
  const one = world()
  one.upstream.note({ type: 'upstream-kept', stream: 'run', incarnation: 'i', job: 'job-1' })
  take(one, 'another')
  close(one, 'another')
  one.upstream.finish()
  expect(one.failures).toEqual(['cancelled'])
})
