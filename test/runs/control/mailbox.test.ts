import { expect, it, vi } from 'vitest'
import { StoreError } from '../../../src/streams/errors.ts'
import { PuppetProvider } from '../puppet.ts'
import { onEveryStore } from '../world.ts'

onEveryStore('the mailbox of a process', (world) => {
  it('is made before its first run, and once', async () => {
    const { runs, hand } = world().mortal({ holder: 'me' })
    const { provider } = new PuppetProvider()
    runs.open()
    await runs.list()
    expect(hand.count('create')).toBe(0)
    await Promise.all([runs.start({ id: 'a' }, provider), runs.start({ id: 'b' }, provider)])
    const created = hand.calls.filter(({ method }) => method === 'create').map(({ args }) => args[0])
    expect(created.filter((id) => id === '@control/me')).toHaveLength(1)
    expect(created[0]).toBe('@control/me')
  })

  it('stays while the process lives, and goes when it is dead', async () => {
    const { runs, kill } = world().mortal({ holder: 'me' })
    await runs.start({}, new PuppetProvider().provider)
    await world().pass(500)
    expect(await world().store.head('@control/me')).toBeDefined()
    kill()
    await world().pass(201)
    expect(await world().store.head('@control/me')).toBeUndefined()
  })

  it('is made anew when it is lost', async () => {
    const runs = world().process({ holder: 'me' })
    await runs.start({}, new PuppetProvider().provider)
    await world().store.delete('@control/me')
    await world().pass(0.1)
    expect(await world().store.head('@control/me')).toBeDefined()
  })

  it('is made anew when it is lost while the store fails', async () => {
    const { runs, hand } = world().mortal({ holder: 'me' })
    const puppet = new PuppetProvider()
    const run = await runs.start({}, puppet.provider)
    hand.around = (method, call) =>
      method === 'create' ? Promise.reject(new StoreError('unavailable', 'away')) : call()
    await world().store.delete('@control/me')
    await world().pass(0.1)
    hand.around = (_method, call) => call()
    await world().pass(2.1)
    await world().store.append('@control/me', { records: [JSON.stringify({ stop: run.id })] })
    await world().passUntil(() => puppet.last.ended, 1)
    expect(await run.end).toEqual({ status: 'stopped' })
  })

  it('is made anew when its time was over, though nobody swept it away, and hears', async () => {
    const runs = world().process({ holder: 'me' })
    const puppet = new PuppetProvider()
    const run = await runs.start({}, puppet.provider)
    vi.setSystemTime(Date.now() + 300_000)
    expect(await world().store.head('@control/me')).toBeUndefined()
    await world().pass(2.1)
    await world().store.append('@control/me', { records: [JSON.stringify({ stop: run.id })] })
    await world().passUntil(() => puppet.last.ended, 1)
    expect(await run.end).toEqual({ status: 'stopped' })
  })

  it('is emptied before it grows too long, and still hears', async () => {
    const runs = world().process({ holder: 'me' })
    const puppet = new PuppetProvider()
    const run = await runs.start({}, puppet.provider)
    const words = Array.from({ length: 1000 }, () => '{"stop":"nobody"}')
    for (let n = 0; n < 10; n++) await world().store.append('@control/me', { records: words })
    await world().pass(0.2)
    expect((await world().store.head('@control/me'))?.tail.position).toBe(0)
    await world().store.append('@control/me', { records: [JSON.stringify({ stop: run.id })] })
    await world().pass(0.1)
    expect(await run.end).toEqual({ status: 'stopped' })
  })

  it('hears nothing in words that it does not know', async () => {
    const runs = world().process({ holder: 'me' })
    const puppet = new PuppetProvider()
    await runs.start({ id: 'r' }, puppet.provider)
    const records = ['null', '"stop"', '{"stop":7}', '{"look":1}', '[]', '{"stop":{"id":"r"}}']
    await world().store.append('@control/me', { records })
    await world().pass(0.1)
    expect(runs.active).toBe(1)
    expect(world().logger.messages('error')).toEqual([])
  })

  it('that cannot be made starts no run, and is tried again with the next', async () => {
    const { runs, hand } = world().mortal({ holder: 'me' })
    const { provider } = new PuppetProvider()
    hand.around = async (_method, call, [id]) => {
      if (id === '@control/me') throw new Error('no room')
      return call()
    }
    await expect(runs.start({ id: 'r' }, provider)).rejects.toThrow('no room')
    expect(await world().store.head('r')).toBeUndefined()
    hand.around = (_method, call) => call()
    expect((await runs.start({ id: 'r' }, provider)).info.status).toBe('running')
  })
})
