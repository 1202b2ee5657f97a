/** The quick cut of `npm run power`. */
import { expect, test } from 'vitest'
import { describeWith } from '../support/services.ts'
import { SMALL_LOG, planted } from './planted.ts'
import { type PowerOptions, losePower } from './power.ts'

const BUGS: readonly (readonly [title: string, name: string])[] = [
  ['a commit that does not wait for the disk', 'normal'],
  ['a log that is never synced', 'wal'],
  ['a database that is not synced before its log is written over', 'file'],
  ['a new folder that is not synced in the one around it', 'folder'],
]

describeWith(['strace'], 'a loss of power', ({ strace }) => {
  const trial = (signal: AbortSignal, seed: number, images: number, options: Partial<PowerOptions> = {}) =>
    losePower({ strace, rounds: 2, randomLosses: 2, signal, seed, images, ...options })

  test('takes nothing back that was acknowledged or seen', async ({ signal }) => {
    const report = await trial(signal, 1, 100)
    expect(report.broken).toEqual([])
    expect(report.acknowledged).toBeGreaterThan(100)
    expect(report.runsFollowed).toBeGreaterThan(0)
  })

  test('takes nothing back while the log is checkpointed into the file', async ({ signal }) => {
    const report = await trial(signal, 2, 100, { pragmas: SMALL_LOG })
    expect(report.broken).toEqual([])
  })

  test.for(BUGS)('is found to lose something with %s', async ([, name], { signal }) => {
    const { broken } = await trial(signal, 3, 400, { ...planted[name], untilBroken: true })
    expect(broken).toHaveLength(1)
  })

  test('takes no folder that the store made itself', async ({ signal }) => {
    const { broken } = await trial(signal, 4, 60, { newFolder: true })
    expect(broken).toEqual([])
  })
})
