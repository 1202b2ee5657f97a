import { expect, test } from 'vitest'
import { RecentRuns } from '../../../src/endpoints/chat/recent-runs.ts'

test('the runs that were noted first are forgotten, so that a server that runs for months stays small', () => {
  const runs = new RecentRuns()
  for (let run = 0; run < 10_000; run++) runs.add(`${run}`)
  runs.add('0')
  runs.add('new')
  expect(['0', '1', '2', 'new'].filter((run) => runs.has(run))).toEqual(['0', '2', 'new'])
})
