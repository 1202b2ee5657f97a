/** What is deleted with a chat, and what is not. */
import { expect, it } from 'vitest'
import { chatIndexId } from '../../src/runs/records/run-ids.ts'
import { type ChatProcess, onEveryStore, said, until } from './world.ts'

const isIndex = (id: unknown): boolean => id === chatIndexId('c', undefined)

const answered = async (process: ChatProcess, id: string) => {
  const { run } = await process.chats.send('c', { message: said(id) })
  ;(await process.turnOf(id)).say('one')
  await until(async () => (await process.chats.get('c'))?.active === undefined)
  return run
}

onEveryStore('a chat that is deleted', (world) => {
  it('takes the list of its runs with it', async () => {
    const one = world().process()
    const run = await answered(one, 'm1')
    expect((await one.runs.latest('c'))?.id).toBe(run)
    await one.chats.delete('c')
    expect(await one.runs.latest('c')).toBeUndefined()
    expect(await world().store().head(chatIndexId('c', undefined))).toBeUndefined()
  })

  it('takes nothing of the chat of that name that is begun meanwhile', async () => {
    const one = world().process()
    const other = world().process()
    await answered(one, 'm1')
    const held = Promise.withResolvers<void>()
    const released = Promise.withResolvers<void>()
    one.hand.around = async (method, call, args) => {
      if (method === 'delete' && isIndex(args[0])) {
        held.resolve()
        await released.promise
      }
      return call()
    }
    const deleting = one.chats.delete('c')
    await held.promise
    const run = await answered(other, 'm2')
    released.resolve()
    expect(await deleting).toBe(true)
    expect((await other.runs.latest('c'))?.id).toBe(run)
    expect((await other.chats.get('c'))?.messages).toHaveLength(2)
  })

  it('leaves no list of its runs when the process dies that deletes it', async () => {
    const one = world().process()
    const other = world().process()
    await answered(one, 'm1')
    const dead = Promise.withResolvers<void>()
    one.hand.around = (method, call, args) => {
      if (method !== 'delete' || !isIndex(args[0])) return call()
      world().kill(one)
      dead.resolve()
      return new Promise(() => {})
    }
    void one.chats.delete('c')
    await dead.promise
    expect(await other.chats.get('c')).toBeUndefined()
    expect(await world().store().head(chatIndexId('c', undefined))).toBeUndefined()
  })
})
