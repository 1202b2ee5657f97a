import { expect, it } from 'vitest'
import { chatIndexId } from '../../src/runs/records/run-ids.ts'
import type { RunInfo } from '../../src/runs/run.ts'
import { PuppetProvider, throwing } from './puppet.ts'
import { onEveryStore } from './world.ts'

async function* nothing(): AsyncGenerator<string> {}

const ids = (infos: readonly RunInfo[]): readonly string[] => infos.map(({ id }) => id)

onEveryStore('get', (world) => {
  it('finds a run wherever it is, with its end', async () => {
    const owner = world().process()
    const elsewhere = world().process()
    const puppet = new PuppetProvider()
    const run = await owner.start({ owner: 'ann' }, puppet.provider)
    const found = await elsewhere.get(run.id)
    expect(found?.info).toEqual(run.info)
    puppet.last.end()
    await world().until(async () => (await world().store.head(run.id))?.closed)
    await world().pass(0.1)
    expect(await found?.end).toEqual({ status: 'completed' })
    expect(found?.info.status).toBe('running')
    expect((await elsewhere.get(run.id))?.info.status).toBe('completed')
  })

  it.each(['nobody', '', '@control/me', 'plain'])('finds no run %j', async (id) => {
    const runs = world().process({ holder: 'me' })
    await runs.start({}, nothing)
    await world().store.create('plain', { metadata: { run: true } })
    expect(await runs.get(id)).toBeUndefined()
  })

  it('follows nobody until somebody asks for the end', async () => {
    const owner = world().process()
    const { runs, hand } = world().mortal()
    const run = await owner.start({}, new PuppetProvider().provider)
    await runs.get(run.id)
    expect(hand.count('watch')).toBe(0)
  })

  it('rejects the end of a run that is deleted', async () => {
    const { runs, kill } = world().mortal()
    const elsewhere = world().process()
    const run = await runs.start({}, new PuppetProvider().provider)
    kill()
    const end = (await elsewhere.get(run.id))?.end
    await world().store.delete(run.id)
    await world().pass(0.1)
    await expect(end).rejects.toMatchObject({ code: 'run_gone' })
  })
})

onEveryStore('delete', (world) => {
  it('removes a run that has ended with all that was kept of it, wherever that is asked for', async () => {
    const puppet = new PuppetProvider()
    const kinds = { play: { run: puppet.run } }
    const [first, second] = [
      world().process({ runs: kinds, holder: 'one' }),
      world().process({ holder: 'two' }),
    ]
    const run = await first.start({ kind: 'play', input: 'x'.repeat(10_000) })
    await expect(second.delete(run.id)).rejects.toMatchObject({ code: 'run_not_ended' })
    await first.stop(run.id)
    expect(await second.delete(run.id)).toBe(true)
    expect(await second.delete(run.id)).toBe(false)
    expect(await second.delete('@control/one')).toBe(false)
    const left = (await world().store.list()).streams.map(({ id }) => id)
    expect(left.filter((id) => !id.startsWith('@control/'))).toEqual([])
  })
})

onEveryStore('list', (world) => {
  it('finds runs by owner, chat and status', async () => {
    const runs = world().process()
    const { provider } = new PuppetProvider()
    const failing = throwing(new Error('no'))
    await (
      await runs.start({ id: 'a', owner: 'ann', chat: 'one' }, nothing)
    ).end
    await (
      await runs.start({ id: 'b', owner: 'ann', chat: 'two' }, failing)
    ).end
    await runs.start({ id: 'c', owner: 'ann', chat: 'one' }, provider)
    await runs.start({ id: 'd', owner: 'bob', chat: 'one' }, provider)
    await runs.start({ id: 'e' }, provider)
    await world().store.create('b-plain', { owner: 'ann' })
    const list = async (options: Parameters<typeof runs.list>[0]) => ids((await runs.list(options)).runs)
    expect(await list({})).toEqual(['a', 'b', 'c', 'd', 'e'])
    expect(await list({ owner: 'ann' })).toEqual(['a', 'b', 'c'])
    expect(await list({ owner: 'ann', chat: 'one' })).toEqual(['c', 'a'])
    expect(await list({ owner: 'ann', chat: 'one', status: 'completed' })).toEqual(['a'])
    expect(await list({ chat: 'one' })).toEqual([])
    expect(await list({ status: 'running' })).toEqual(['c', 'd', 'e'])
    expect(await list({ status: 'completed' })).toEqual(['a'])
    expect(await list({ owner: 'ann', status: 'failed' })).toEqual(['b'])
    expect(await list({ status: 'stopped' })).toEqual([])
  })

  it('is read in pages', async () => {
    const runs = world().process()
    const all: string[] = []
    for (let n = 0; n < 25; n++) all.push((await runs.start({}, nothing)).id)
    const found: string[] = []
    for (let after: string | undefined; ;) {
      const page = await runs.list({ limit: 10, ...(after !== undefined && { after }) })
      expect(page.runs.length).toBeLessThanOrEqual(10)
      found.push(...ids(page.runs))
      if (page.next === undefined) break
      after = page.next
    }
    expect(found).toEqual(all.toSorted())
  })

  it('finds all runs of a chat, the latest first, and looks at no other', async () => {
    const { runs, hand } = world().mortal()
    const all: string[] = []
    for (let n = 0; n < 130; n++) {
      const run = await runs.start({ owner: 'ann', chat: n % 26 === 1 ? 'other' : 'c' }, nothing)
      await run.end
      if (n % 26 !== 1) all.unshift(run.id)
    }
    const deleted = all.splice(40, 3)
    for (const id of deleted) await runs.delete(id)
    for (const limit of [7, 60, 1000]) {
      const found: string[] = []
      const [calls, lists] = [hand.calls.length, hand.count('list')]
      for (let after: string | undefined; ;) {
        const options = { owner: 'ann', chat: 'c', limit, ...(after !== undefined && { after }) }
        const page = await runs.list(options)
        expect(page.runs.length).toBeLessThanOrEqual(limit)
        found.push(...ids(page.runs))
        if (page.next === undefined) break
        after = page.next
      }
      expect(found).toEqual(all)
      expect(hand.count('list')).toBe(lists)
      // Each entry, some of a short page twice, and what reads them.
      expect(hand.calls.length - calls).toBeLessThan(300)
    }
    const calls = hand.calls.length
    expect(ids((await runs.list({ owner: 'ann', chat: 'c', limit: 2 })).runs)).toEqual(all.slice(0, 2))
    expect(hand.calls.length - calls).toBeLessThanOrEqual(12)
  })

  it('gives nobody the run of another chat, whatever its index says', async () => {
    const runs = world().process()
    for (const [id, owner, chat] of [
      ['anns', 'ann', 'c'],
      ['bobs', 'bob', 'c'],
      ['other', 'ann', 'd'],
    ] as const)
      await (
        await runs.start({ id, owner, chat }, nothing)
      ).end
    await world().store.append(chatIndexId('c', 'ann'), { records: ['"bobs"', '"other"', '"anns"', '7'] })
    expect(await runs.list({ chat: 'c', owner: 'ann' })).toEqual({
      runs: [expect.objectContaining({ id: 'anns' })],
    })
    expect(await runs.list({ chat: 'none', owner: 'ann' })).toEqual({ runs: [] })
  })

  it.each(['', '0', '-1', 'x'])('refuses %j as the place of a page of a chat', async (after) => {
    await expect(world().process().list({ chat: 'c', after })).rejects.toThrow(RangeError)
  })

  it.each([0, 1.5, 1001])('refuses a limit of %s', async (limit) => {
    await expect(world().process().list({ limit })).rejects.toThrow(RangeError)
  })
})

onEveryStore('latest', (world) => {
  it('finds the run of a chat that was started last, for its owner alone', async () => {
    const runs = world().process()
    const elsewhere = world().process()
    await (
      await runs.start({ id: 'z', owner: 'ann', chat: 'c' }, nothing)
    ).end
    await (
      await elsewhere.start({ id: 'a', owner: 'ann', chat: 'c' }, nothing)
    ).end
    await (
      await runs.start({ id: 'm', owner: 'bob', chat: 'c' }, nothing)
    ).end
    await (
      await runs.start({ id: 'n', chat: 'c' }, nothing)
    ).end
    expect(await elsewhere.latest('c', 'ann')).toMatchObject({ id: 'a', status: 'completed', chat: 'c' })
    expect((await runs.latest('c', 'bob'))?.id).toBe('m')
    expect((await runs.latest('c'))?.id).toBe('n')
    expect(await runs.latest('c', 'eve')).toBeUndefined()
    expect(await runs.latest('d', 'ann')).toBeUndefined()
  })

  it('passes over a run that was deleted', async () => {
    const runs = world().process()
    for (const id of ['one', 'two']) await (await runs.start({ id, chat: 'c' }, nothing)).end
    await world().store.delete('two')
    expect((await runs.latest('c'))?.id).toBe('one')
  })

  it('gives nobody the run of another, whatever the index says', async () => {
    const runs = world().process()
    await (
      await runs.start({ id: 'anns', owner: 'ann', chat: 'c' }, nothing)
    ).end
    await (
      await runs.start({ id: 'bobs', owner: 'bob', chat: 'c' }, nothing)
    ).end
    await (
      await runs.start({ id: 'other', owner: 'ann', chat: 'd' }, nothing)
    ).end
    await world().store.append(chatIndexId('c', 'ann'), { records: ['"bobs"', '"other"', '"@chat/x"', '7'] })
    expect((await runs.latest('c', 'ann'))?.id).toBe('anns')
  })

  it('costs the same after many runs', async () => {
    const { runs, hand } = world().mortal()
    for (let n = 0; n < 150; n++) await (await runs.start({ chat: 'c' }, nothing)).end
    const calls = hand.calls.length
    expect(await runs.latest('c')).toBeDefined()
    expect(hand.calls.length - calls).toBeLessThanOrEqual(4)
  })

  it('finds a run as long as it is kept', async () => {
    const runs = world().process({ retention: 60, limits: { life: 300 } })
    const puppet = new PuppetProvider()
    const run = await runs.start({ chat: 'c' }, puppet.provider)
    await world().pass(150)
    puppet.last.end()
    await run.end
    await world().pass(50)
    expect((await runs.latest('c'))?.id).toBe(run.id)
  })

  it('keeps the index of a chat that somebody asks for', async () => {
    const runs = world().process({ retention: 60, limits: { life: 60 } })
    const run = await runs.start({ chat: 'c' }, nothing)
    await run.end
    for (let look = 0; look < 5; look++) {
      await world().pass(50)
      await world().store.touch(run.id)
      expect((await runs.latest('c'))?.id).toBe(run.id)
    }
  })

  it('is not kept from a run by an index that fails', async () => {
    const { runs, hand } = world().mortal()
    hand.around = async (_method, call, [id]) => {
      if (String(id).startsWith('@chat/')) throw new Error('no room')
      return call()
    }
    const run = await runs.start({ chat: 'c' }, nothing)
    expect(await run.end).toEqual({ status: 'completed' })
    expect(world().logger.messages('warn')).toEqual(['run could not be listed in its chat'])
    hand.around = (_method, call) => call()
    expect(await runs.latest('c')).toBeUndefined()
  })
})
