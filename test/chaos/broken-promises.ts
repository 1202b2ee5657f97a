/** Holds what a chaos test saw against the promises, by the checker of the simulation. */
import { Checker } from '../simulation/checker.ts'
import type { RunSource, Violation } from '../simulation/history.ts'
import type { Json } from '../../src/protocol/json.ts'
import { LEASE_PRODUCER } from '../../src/streams/leases.ts'
import type { ChaosReport } from './chaos-run.ts'
import type { Run } from './workload.ts'
import { RUNS, indexOf } from './workload.ts'

/** Of a stream that has one life, as each of these has. */
const INCARNATION = 'the only one'

/** All that is not as it was promised. */
export function brokenPromises({
  readers,
  logs,
  stops,
}: Pick<ChaosReport, 'readers' | 'logs' | 'stops'>): readonly Violation[] {
  // Numbers count, and words are those of one response.
  const checker = new Checker((_, at, record, first) => {
    const [here, begin] = [JSON.parse(record) as unknown, JSON.parse(first) as unknown]
    return indexOf(here) === indexOf(begin) + at && responseOf(here) === responseOf(begin)
  })
  for (const run of RUNS) {
    const log = JSON.parse(logs.get(run.id)?.[0] ?? '{"records":[]}') as { records: unknown[]; end?: Json }
    const records = textsOf(log.records)
    const { id: stream } = run
    checker.note({ type: 'run-asked', run: stream, source: sourceOf(run, records.length) })
    checker.note({ type: 'leased', stream, incarnation: INCARNATION, epoch: 1, holder: 'a process' })
    const producer = { id: LEASE_PRODUCER, epoch: 1, seq: 0 }
    const kept = { stream, incarnation: INCARNATION, from: 0, records, by: 'a process', producer }
    checker.note({ type: 'kept', closed: true, end: log.end, ...kept })
  }
  for (const { run } of stops) checker.note({ type: 'stop-asked', run })
  for (const { run, answer } of stops)
    checker.note({ type: 'stop-answered', run, status: answer as 'completed' | 'stopped' | 'failed' })
  for (const { plan, ...heard } of readers) {
    const reader = plan.name
    const place = { reader, stream: plan.run, incarnation: INCARNATION }
    for (const [at, record] of textsOf(heard.records).entries())
      checker.note({ type: 'read', ...place, next: at + 1, record })
    const { status, reason: error } = heard
    const next = heard.records.length
    checker.note({ type: 'reader-ended', reader, stream: plan.run, status, error, left: false, next })
  }
  checker.finish()
  return checker.violations
}

/** `counted`: how many records it came to. Whether that is the whole of its source, the test asks the source. */
function sourceOf({ id, kind, end }: Run, counted: number): RunSource {
  const events = end.status === 'completed' ? counted : null
  return { tag: id, events, fails: false, resumable: kind !== undefined && kind !== 'fleeting' }
}

function responseOf(record: unknown): string | undefined {
  const { delta } = record as { readonly delta?: unknown }
  return typeof delta === 'string' ? delta.split('.')[0] : undefined
}

function textsOf(records: readonly unknown[]): string[] {
  return records.map((record) => JSON.stringify(record))
}
