/** The lists of owners on Redis, which are on another server of a Cluster than the streams on them. */
import { setImmediate as nextTurn } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { Keys } from '../../../../src/streams/redis/keys.ts'
import type { StreamStore } from '../../../../src/streams/store.ts'
import { describeWith } from '../../../support/services.ts'
import { StoresOnRedis } from '../../redis-tools.ts'

const LIST = { owner: 'anna', listed: 'chats' }

describeWith(['redis'], 'the lists of owners on Redis', ({ redis }) => {
  const on = new StoresOnRedis(redis)
  const keys = () => new Keys(on.prefix).latest('anna chats')

  async function latest(store: StreamStore): Promise<string> {
    return (await store.list(LIST)).streams.map(({ id }) => id).join('')
  }

  async function openWith(ids: string): Promise<StreamStore> {
    const store = on.open()
    for (const id of ids) await store.create(id, LIST)
    return store
  }

  it('have what was appended by a process that died before it could move it', async () => {
    const store = await openWith('abc')
    // As it is left by one that marked, appended, and was no more.
    await on.admin('ZADD', keys().marks, String(Date.now()), 'a 1')
    const { state, log } = new Keys(on.prefix).of('a')
    await on.admin('XADD', log, '1-7', 'r', '1')
    await on.admin('HSET', state, 'n', '1')
    expect(await latest(on.open())).toBe('acb')
    await store.append('b', { records: ['1'] })
    expect(await latest(store)).toBe('bac')
    // It may be under way still, and is looked at again until it cannot be.
    expect(await on.admin('ZCARD', keys().marks)).toBe(1)
    await on.admin('ZADD', keys().marks, String(Date.now() - 601_000), 'a 1')
    expect(await latest(store)).toBe('bac')
    expect(await on.admin('EXISTS', keys().marks)).toBe(0)
  })

  it('have what was created by a process that died before it could move it', async () => {
    const store = await openWith('ab')
    await on.admin('ZREM', keys().order, 'b')
    await on.admin('HDEL', keys().tails, 'b')
    await on.admin('ZADD', keys().marks, String(Date.now()), 'b 1', String(Date.now()), 'nothing 2')
    expect(await latest(store)).toBe('ba')
  })

  it('leave nothing behind of what is gone', async () => {
    const store = await openWith('abc')
    await store.append('a', { records: ['1'] })
    for (const id of 'ab') await store.delete(id)
    const { state, log } = new Keys(on.prefix).of('c')
    await on.admin('DEL', state, log)
    expect(await latest(store)).toBe('')
    const { order, tails, marks } = keys()
    for (const key of [order, tails, marks]) expect(await on.admin('EXISTS', key)).toBe(0)
  })

  it('keep the order in which a process appends that does not know yet of the list', async () => {
    await openWith('ab')
    const other = on.open()
    const appends = []
    for (let seq = 0; seq < 200; seq++) {
      appends.push(other.append('a', { records: [String(seq)], producer: { id: 'p', epoch: 1, seq } }))
      // What is asked for once the list is known must not overtake what was asked for before, and is on its way.
      await nextTurn()
    }
    appends.push(other.append('a', { close: true }))
    for (const { outcome } of await Promise.all(appends)) expect(outcome).toBe('appended')
    const page = await other.read('a', 'start')
    expect(page).toMatchObject({ records: Array.from({ length: 200 }, (_, n) => String(n)), closed: true })
    expect(await latest(other)).toBe('ab')
  })

  it('cost a stream that is on none no command more', async () => {
    const store = on.open()
    await store.create('plain')
    await store.append('plain', { records: ['0'] })
    const commands = async (): Promise<number> =>
      Number(/total_commands_processed:(\d+)/.exec(String(await on.admin('INFO', 'stats')))?.[1])
    const of = async (work: () => Promise<unknown>): Promise<number> => {
      const before = await commands()
      await work()
      return (await commands()) - before
    }
    const none = await of(async () => {})
    // The script, and what it calls: a look at the state, a record, a change of the state, and that it is told.
    expect((await of(() => store.append('plain', { records: ['1'] }))) - none).toBe(5)
  })
})
