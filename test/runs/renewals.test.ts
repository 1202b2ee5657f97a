/** Renewals that the store is slow to answer, or does not answer. */
import { expect, it } from 'vitest'
import type { Lease } from '../../src/streams/leases.ts'
import { StoreError } from '../../src/streams/errors.ts'
import { PuppetProvider } from './puppet.ts'
import { onEveryStore } from './world.ts'

const never = (): Promise<never> => new Promise(() => undefined)

onEveryStore('a renewal', (world) => {
  it('that hangs holds up its own run alone', async () => {
    const puppet = new PuppetProvider()
    const { runs, hand } = world().mortal()
    world().process().open()
    hand.around = (method, call, [lease]) =>
      method === 'leases.renew' && (lease as Lease).stream === 'sick' ? never() : call()
    await runs.start({ id: 'sick' }, puppet.provider)
    const healthy = await runs.start({ id: 'healthy' }, puppet.provider)
    await world().pass(30)
    puppet.last.end()
    await world().pass(0.1)
    expect(await healthy.end).toEqual({ status: 'completed' })
    expect((await world().store.head('sick'))?.closed).toBe(true)
  })

  it('that fails late keeps nobody from renewing in time', async () => {
    const puppet = new PuppetProvider()
    const { runs, hand } = world().mortal()
    world().process().open()
    const late = Promise.withResolvers<never>()
    hand.around = (method, call) =>
      method === 'leases.renew' && hand.count(method) === 2 ? late.promise : call()
    const run = await runs.start({}, puppet.provider)
    await world().pass(14)
    late.reject(new StoreError('unavailable', 'no answer'))
    await world().pass(16)
    puppet.last.end()
    await world().pass(0.1)
    expect(await run.end).toEqual({ status: 'completed' })
  })

  it('that takes longer than the time between two is waited for', async () => {
    const puppet = new PuppetProvider()
    const { runs, hand } = world().mortal()
    world().process().open()
    hand.around = async (method, call) => {
      if (method === 'leases.renew') await new Promise((resolve) => setTimeout(resolve, 5000))
      return call()
    }
    const run = await runs.start({}, puppet.provider)
    await world().pass(60)
    puppet.last.end()
    await world().pass(0.1)
    expect(await run.end).toEqual({ status: 'completed' })
    hand.around = (_method, call) => call()
    await world().pass(6)
  })

  it('that was given up is not taken for a lease that is lost', async () => {
    const puppet = new PuppetProvider()
    const { runs, hand } = world().mortal()
    world().process().open()
    hand.around = async (method, call) => {
      const result = await call()
      if (method === 'leases.renew') throw new DOMException('The time is over', 'TimeoutError')
      return result
    }
    const run = await runs.start({}, puppet.provider)
    await world().pass(30)
    expect(puppet.last.context.signal.aborted).toBe(false)
    puppet.last.end()
    await world().pass(0.1)
    expect(await run.end).toEqual({ status: 'completed' })
  })
})
