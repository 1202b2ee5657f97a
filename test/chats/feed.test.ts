/** The feed of an owner's chats, and the wait for a chat that does not exist yet. */
import { expect, it } from 'vitest'
import { Outlet } from '../../src/delivery/outlet.ts'
import { type ChatNews, newsIn } from '../../src/conversation/news.ts'
import type { ChatProcess } from './world.ts'
import { onEveryStore, said, until } from './world.ts'

/** What the feed of an owner says, as one process reads it, until it is stopped. */
function listening(one: ChatProcess, owner: string): { readonly news: ChatNews[]; stop(): void } {
  const news: ChatNews[] = []
  let follow: { stop(): void } | undefined
  void one.chats.feed(owner).then((feed) => {
    if (!feed) return
    follow = one.delivery.follow(feed.id, {
      place: 'start',
      incarnation: feed.incarnation,
      encoder: { encode: ({ records }: { readonly records: readonly unknown[] }) => records },
      outlet: new Outlet<readonly unknown[]>({
        write: (records) => {
          for (const record of records) {
            const read = newsIn(JSON.parse(String(record)))
            if (read) news.push(read)
          }
          return true
        },
      }),
      observer: { opened: () => {}, over: () => {} },
    })
  })
  return { news, stop: () => follow?.stop() }
}

const kept = async (one: ChatProcess, owner: string): Promise<readonly ChatNews[]> => {
  const feed = await one.chats.feed(owner)
  const page = await one.hand.store.read(feed?.id ?? '', 'start')
  if (page.outcome !== 'page') throw new Error(`The feed is ${page.outcome}`)
  return page.records.map((record) => newsIn(JSON.parse(String(record)))).filter((one) => one !== undefined)
}

onEveryStore('the feed', (world) => {
  it('says in every process in which chats of an owner something was kept', async () => {
    const [one, two] = [world().process(), world().process()]
    const { news, stop } = listening(two, 'ann')
    await one.chats.send('c1', { owner: 'ann', message: said('m1') })
    await until(() => news.length > 0)
    const { createdAt } = (await one.chats.get('c1', { owner: 'ann' })) ?? {}
    expect(news[0]).toEqual({ chat: 'c1', createdAt, at: expect.any(Number) as number })
    const before = news.length
    ;(await one.turnOf('m1')).say('Hello')
    await until(() => news.length > before)
    await one.chats.rename('c1', 'Greetings', { owner: 'ann' })
    await until(() => news.some((each) => 'title' in each && each.title === 'Greetings'))
    await one.chats.rename('c1', '', { owner: 'ann' })
    await until(() => !('title' in (news.at(-1) ?? {})))
    await two.chats.add('c2', [said('m1')], { owner: 'ann' })
    await until(() => news.at(-1)?.chat === 'c2')
    await two.chats.delete('c1', { owner: 'ann' })
    await until(() => 'deleted' in (news.at(-1) ?? {}))
    expect(news.at(-1)).toEqual({ chat: 'c1', deleted: true })
    stop()
  })

  it('says nothing to another owner, and is none of what belongs to nobody', async () => {
    const one = world().process()
    await one.chats.add('c1', [said('m1')], { owner: 'ann' })
    await one.chats.add('c2', [said('m1')])
    await until(async () => (await kept(one, 'ann')).length === 1)
    expect(await kept(one, 'bob')).toEqual([])
    const { streams } = await one.hand.store.list({ owner: null })
    expect(streams.filter(({ id }) => id.startsWith('@chat-feed/'))).toEqual([])
  })

  it('keeps nothing of a chat that is deleted', async () => {
    const one = world().process()
    await one.chats.add('c1', [said('m1')], { owner: 'ann' })
    await one.chats.rename('c1', 'A secret', { owner: 'ann' })
    await until(async () => JSON.stringify(await kept(one, 'ann')).includes('A secret'))
    await one.chats.delete('c1', { owner: 'ann' })
    await until(async () => (await kept(one, 'ann')).length === 1)
    expect(await kept(one, 'ann')).toEqual([{ chat: 'c1', deleted: true }])
  })

  it('holds no send up, and fails none', async () => {
    const one = world().process()
    one.hand.around = (method, call, [id]) =>
      method !== 'leases.acquire' && String(id).startsWith('@chat-feed/')
        ? Promise.reject(new Error('no feed today'))
        : call()
    await one.chats.add('c1', [said('m1')], { owner: 'ann' })
    await one.chats.rename('c1', 'Title', { owner: 'ann' })
    expect((await one.chats.get('c1', { owner: 'ann' }))?.title).toBe('Title')
    await until(() => one.logger.messages('warn').includes('feed of chats could not be written'))
  })

  it('is told what was kept before the process closes', async () => {
    const [one, two] = [world().process(), world().process()]
    await Promise.all(['c1', 'c2', 'c3'].map((id) => one.chats.add(id, [said('m1')], { owner: 'ann' })))
    await one.chats.close()
    expect((await kept(two, 'ann')).map(({ chat }) => chat).toSorted()).toEqual(['c1', 'c2', 'c3'])
    await one.chats.add('c4', [said('m1')], { owner: 'ann' })
    expect(await kept(two, 'ann')).toHaveLength(3)
  })

  it('is given up a second after the close, where the store does not answer', async () => {
    const one = world().process()
    one.hand.around = (_method, call, [id]) =>
      String(id).startsWith('@chat-feed/') ? new Promise(() => undefined) : call()
    await one.chats.add('c1', [said('m1')], { owner: 'ann' })
    await one.chats.close()
    expect(one.logger.messages('warn')).toEqual([])
  })
})

onEveryStore('a wait for a chat', (world) => {
  it('ends at once when any process creates the chat of an owner', async () => {
    const [one, two] = [world().process(), world().process()]
    const waiting = two.chats.appears('c1', { owner: 'ann' })
    await until(() => two.delivery.streams === 1)
    await one.chats.add('c0', [said('m1')], { owner: 'ann' })
    await one.chats.add('c1', [said('m1')], { owner: 'bob' })
    const since = performance.now()
    await one.chats.add('c1', [said('m2')], { owner: 'ann' })
    expect((await waiting)?.messages.map(({ key }) => key)).toEqual(['m2'])
    // It does not look before 30 s by itself.
    expect(performance.now() - since).toBeLessThan(10_000)
    expect((await two.chats.appears('c1', { owner: 'ann' }))?.id).toBe('c1')
    await until(() => two.delivery.streams === 0)
  })

  it('ends at once for a chat of nobody when this process creates it, and soon when another does', async () => {
    const [one, two] = [world().process(), world().process()]
    const [here, there] = [one.chats.appears('c1'), two.chats.appears('c1')]
    await until(() => one.hand.count('head') > 0 && two.hand.count('head') > 0)
    await one.chats.add('c1', [said('m1')])
    expect((await here)?.id).toBe('c1')
    expect((await there)?.id).toBe('c1')
  })

  it('ends with its signal, and when the process stops delivering', async () => {
    const one = world().process()
    const leaving = new AbortController()
    const [left, nobodys] = [
      one.chats.appears('c1', { owner: 'ann', signal: leaving.signal }),
      one.chats.appears('c1', { signal: leaving.signal }),
    ]
    const closed = one.chats.appears('c1', { owner: 'bob' })
    await until(() => one.delivery.streams === 2)
    leaving.abort()
    expect(await left).toBeUndefined()
    expect(await nobodys).toBeUndefined()
    one.delivery.close()
    expect(await closed).toBeUndefined()
  })

  it('goes on when the feed goes away', async () => {
    const one = world().process()
    const waiting = one.chats.appears('c1', { owner: 'ann' })
    await until(() => one.delivery.streams === 1)
    const feed = await one.chats.feed('ann')
    await one.hand.store.delete(feed?.id ?? '')
    await until(async () => (await one.chats.feed('ann'))?.incarnation !== feed?.incarnation)
    await until(() => one.delivery.streams === 1)
    await one.chats.add('c1', [said('m1')], { owner: 'ann' })
    expect((await waiting)?.id).toBe('c1')
  })
})
