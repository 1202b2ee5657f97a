/** Waiting for the end of a run of another process. */
import { setImmediate as soon } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { followEnd } from '../../../src/runs/records/follow-end.ts'
import { memory } from '../../../src/streams/memory/store.ts'
import { InterposedStore } from '../interposed-store.ts'

it('rejects, and nothing else does, when the run is deleted while it begins to watch', async () => {
  const kept = memory()
  await kept.create('run')
  const incarnation = (await kept.head('run'))?.incarnation ?? ''
  const interposed = new InterposedStore(kept)
  // Between the look of a store and its answer there is a network.
  interposed.around = async (method, call) => {
    const answer = await call()
    if (method === 'watch') await kept.delete('run').then(() => soon())
    return answer
  }
  const ending = followEnd(interposed.store, { id: 'run', incarnation }, new AbortController().signal)
  // vitest fails for a rejection that nothing handles.
  await expect(ending).rejects.toMatchObject({ code: 'run_gone' })
  await kept.close()
})
