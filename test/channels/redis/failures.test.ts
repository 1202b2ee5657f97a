import { describe, expect, it } from 'vitest'
import { layerClosed, layerUnavailable } from '../../../src/channels/errors.ts'
import { allOf, restOf } from '../../../src/channels/redis/failures.ts'

const away = layerUnavailable('Redis is away', false)
const hanging = layerUnavailable('Redis did not answer', true)
const closed = layerClosed()

function failure(call: Promise<unknown>): Promise<unknown> {
  return call.then(
    () => undefined,
    (error: unknown) => error,
  )
}

describe('requests side by side', () => {
  it('give what each of them gave', async () => {
    expect(await allOf([Promise.resolve(1), Promise.resolve(2)])).toEqual([1, 2])
    expect(await allOf([])).toEqual([])
  })

  it('did nothing when all of them did nothing', async () => {
    expect(await failure(allOf([Promise.reject(away), Promise.reject(away)]))).toBe(away)
  })

  it.each([
    ['was carried out', () => Promise.resolve(1)],
    ['may have been', () => Promise.reject(hanging)],
  ])('may have done something when another one %s', async (_what, other) => {
    const error = await failure(allOf([Promise.reject(away), other()]))
    expect(error).toMatchObject({ code: 'channel_layer_unavailable', uncertain: true, cause: away })
  })

  it('end after the last of them', async () => {
    const { promise, resolve } = Promise.withResolvers<number>()
    let ended = false
    const all = failure(allOf([Promise.reject(away), promise])).finally(() => (ended = true))
    await failure(Promise.reject(away))
    expect(ended).toBe(false)
    resolve(1)
    await all
  })

  it('fail as they do for other reasons', async () => {
    expect(await failure(allOf([Promise.reject(closed), Promise.resolve(1)]))).toBe(closed)
  })
})

describe('the rest of a call', () => {
  it('gives what it gave', async () => {
    expect(await restOf(Promise.resolve(1))).toBe(1)
  })

  it('does not say that nothing was done', async () => {
    expect(await failure(restOf(Promise.reject(away)))).toMatchObject({ uncertain: true, cause: away })
    expect(await failure(restOf(Promise.reject(hanging)))).toBe(hanging)
    expect(await failure(restOf(Promise.reject(closed)))).toBe(closed)
  })
})
