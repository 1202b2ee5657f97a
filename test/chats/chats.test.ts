import { expect, it } from 'vitest'
import { ChatError } from '../../src/conversation/errors.ts'
import type { Chat } from '../../src/conversation/chat.ts'
import { onEveryStore, ownedBy, said, until } from './world.ts'
import type { Said } from './world.ts'

function texts(chat: Chat | undefined): readonly string[] {
  return (chat?.messages ?? []).map(({ message }) => (message as Said).text)
}

function refused(code: string): unknown {
  return expect.objectContaining({ name: 'ChatError', code })
}

onEveryStore('chats', (world) => {
  it('answers a message, and keeps both', async () => {
    const { chats, turnOf, runs } = bound(world().process())
    const ask = await chats.send('c', { owner: 'ann', message: said('m1', 'hello') })
    expect(ask).toMatchObject({ message: 'm1', kind: 'answer', status: 'running' })
    expect((await chats.get('c', { owner: 'ann' }))?.active).toEqual(ask)

    const turn = await turnOf('m1')
    expect(turn.turn).toMatchObject({
      chat: 'c',
      owner: 'ann',
      run: ask.run,
      messages: [said('m1', 'hello')],
    })
    turn.say('good day')
    await until(async () => (await chats.get('c', { owner: 'ann' }))?.active === undefined)

    const chat = await chats.get('c', { owner: 'ann' })
    expect(texts(chat)).toEqual(['hello', 'good day'])
    expect(chat?.messages[1]?.ask).toMatchObject({ status: 'completed', usage: { records: 1 }, run: ask.run })
    expect((await runs.get(ask.run))?.info).toMatchObject({ chat: 'c', owner: 'ann', status: 'completed' })
  })

  it('gives the answer what was said before', async () => {
    const { chats, turnOf } = bound(world().process())
    await chats.send('c', { message: said('m1') })
    ;(await turnOf('m1')).say('one')
    await until(async () => texts(await chats.get('c')).length === 2)
    await chats.send('c', { message: said('m2'), body: { model: 'small' } })
    const { turn } = await turnOf('m2')
    expect(turn.messages.map((message) => (message as Said).text)).toEqual(['m1', 'one', 'm2'])
    expect(turn.body).toEqual({ model: 'small' })
  })

  it('takes a message that is sent again for the same send', async () => {
    const { chats, turns } = bound(world().process())
    const other = world().process()
    const first = await chats.send('c', { message: said('m1') })
    expect((await other.chats.send('c', { message: said('m1') })).run).toBe(first.run)
    await expect(other.chats.send('c', { message: said('m1', 'another') })).rejects.toEqual(
      refused('message_differs'),
    )
    await until(() => turns.length + other.turns.length === 1)
  })

  it('takes a message that is sent again for the same send where its kind is unknown', async () => {
    const one = bound(world().process())
    const ignorant = bound(world().process({ kinds: { reply: one.kind() } }))
    const send = { message: said('m1'), kind: 'answer' }
    await expect(ignorant.chats.send('c', send)).rejects.toEqual(refused('unknown_kind'))
    const { run } = await one.chats.send('c', send)
    expect((await ignorant.chats.send('c', send)).run).toBe(run)
    const another = { message: said('m2'), kind: 'answer' }
    await expect(ignorant.chats.send('c', another)).rejects.toEqual(refused('unknown_kind'))
    ;(await one.turnOf('m1')).say('good day')
    await until(async () => (await one.chats.get('c'))?.active === undefined)
    expect(await ignorant.chats.send('c', send)).toMatchObject({ run, status: 'completed' })
    expect(one.turns).toHaveLength(1)
  })

  it('refuses a second message while one is answered', async () => {
    const { chats } = bound(world().process())
    await chats.send('c', { message: said('m1') })
    await expect(chats.send('c', { message: said('m2') })).rejects.toEqual(refused('chat_busy'))
    expect(texts(await chats.get('c'))).toEqual(['m1'])
  })

  it('keeps one of two messages that are sent at once, in one process too', async () => {
    const one = world().process()
    const two = world().process()
    for (const [first, second] of [
      [one, one],
      [one, two],
    ] as const) {
      const chat = first === second ? 'same' : 'other'
      const sends = [
        first.chats.send(chat, { message: said('m1') }),
        second.chats.send(chat, { message: said('m2') }),
      ]
      const outcomes = await Promise.allSettled(sends)
      expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
      const { messages } = (await one.chats.get(chat)) as Chat
      expect(messages).toHaveLength(1)
      // And of two that are sent when there is a chat.
      await one.chats.stop(chat)
      await until(async () => (await one.chats.get(chat))?.active === undefined)
      const [third] = await Promise.allSettled([
        first.chats.send(chat, { message: said('m3') }),
        second.chats.send(chat, { message: said('m4') }),
        first.chats.rename(chat, 'At once'),
      ])
      expect(third).toBeDefined()
      expect((await two.chats.tree(chat)).length).toBe(2)
      await one.chats.stop(chat)
    }
  })

  it('lets a second message wait, through any process, and answers it in its turn', async () => {
    const one = bound(world().process({ whileBusy: 'queue' }))
    const two = bound(world().process({ whileBusy: 'queue' }))
    await one.chats.send('c', { message: said('m1') })
    expect(await two.chats.send('c', { message: said('m2') })).toMatchObject({ status: 'queued' })
    expect(await two.chats.send('c', { message: said('m3') })).toMatchObject({ status: 'queued' })
    expect((await one.chats.get('c'))?.queue.map(({ message }) => message?.id)).toEqual(['m2', 'm3'])
    for (const id of ['m1', 'm2', 'm3']) {
      await until(() => [...one.turns, ...two.turns].some(({ turn }) => turn.question.id === id))
      const turn = [...one.turns, ...two.turns].find((each) => each.turn.question.id === id)
      turn?.say(`of ${id}`)
    }
    await until(async () => texts(await one.chats.get('c')).length === 6)
    expect(texts(await two.chats.get('c'))).toEqual(['m1', 'of m1', 'm2', 'of m2', 'm3', 'of m3'])
  })

  it('takes a message back that waits, once and for all', async () => {
    const { chats, turnOf } = bound(world().process({ whileBusy: 'queue', limits: { queued: 2 } }))
    await chats.send('c', { message: said('m1') })
    await chats.send('c', { message: said('m2') })
    await chats.send('c', { message: said('m3') })
    await expect(chats.send('c', { message: said('m4') })).rejects.toEqual(refused('queue_full'))
    await chats.takeBack('c', 'm2')
    await chats.takeBack('c', 'm2')
    await expect(chats.takeBack('c', 'm1')).rejects.toEqual(refused('already_begun'))
    await expect(chats.takeBack('c', 'm9')).rejects.toEqual(refused('message_not_found'))
    await expect(chats.send('c', { message: said('m2') })).rejects.toEqual(refused('taken_back'))
    ;(await turnOf('m1')).say('one')
    ;(await turnOf('m3')).say('three')
    await until(async () => texts(await chats.get('c')).length === 4)
    expect(texts(await chats.get('c'))).toEqual(['m1', 'one', 'm3', 'three'])
  })

  it('stops what is answered for a message that replaces it, and keeps what was said', async () => {
    const { chats, runs, turnOf } = bound(world().process({ whileBusy: 'replace' }))
    const ask1 = await chats.send('c', { message: said('m1') })
    const first = await turnOf('m1')
    first.yield({ text: 'half' })
    await until(async () => ((await runs.get(ask1.run))?.info.tail.position ?? 0) === 1)
    const ask = await chats.send('c', { message: said('m2') })
    expect(ask.status).toBe('running')
    expect(first.context.signal.aborted).toBe(true)
    ;(await turnOf('m2')).say('two')
    await until(async () => (await chats.get('c'))?.active === undefined)
    const chat = await chats.get('c')
    expect(texts(chat)).toEqual(['m1', 'half', 'm2', 'two'])
    expect(chat?.messages[1]?.ask?.status).toBe('stopped')
  })

  it('keeps both branches of an edit, and of an answer that is asked for again', async () => {
    const { chats, turnOf } = bound(world().process())
    const settled = async (): Promise<Chat | undefined> => {
      await until(async () => (await chats.get('c'))?.active === undefined)
      return chats.get('c')
    }
    await chats.send('c', { message: said('m1', 'first') })
    ;(await turnOf('m1')).say('one')
    await settled()
    // As the AI SDK sends it: with the same id.
    await chats.send('c', { message: said('m1', 'second'), edits: 'm1' })
    await chats.send('c', { message: said('m1', 'second'), edits: 'm1' })
    await until(async () => (await chats.get('c'))?.active !== undefined)
    ;(await turnOf('m1')).say('two')
    let chat = await settled()
    expect(texts(chat)).toEqual(['second', 'two'])
    expect(chat?.messages[0]).toMatchObject({ key: 'm1~2', versions: ['m1', 'm1~2'] })

    await chats.regenerate('c')
    ;(await turnOf('m1')).say('three')
    chat = await settled()
    expect(texts(chat)).toEqual(['second', 'three'])
    expect(chat?.messages[1]?.versions).toHaveLength(2)

    await chats.select('c', 'm1')
    expect(texts(await chats.get('c'))).toEqual(['first', 'one'])
    await expect(chats.send('c', { message: said('m5'), edits: 'gone' })).rejects.toEqual(
      refused('message_not_found'),
    )
    await chats.remove('c', 'm1')
    expect(texts(await chats.get('c'))).toEqual(['second', 'three'])
  })

  it('stops from any process, and answers what waits', async () => {
    const one = bound(world().process({ whileBusy: 'queue' }))
    const two = bound(world().process({ whileBusy: 'queue' }))
    await one.chats.send('c', { message: said('m1') })
    await one.turnOf('m1')
    await two.chats.send('c', { message: said('m2') })
    expect(await two.chats.stop('c')).toEqual({ status: 'stopped' })
    await until(async () => (await two.chats.get('c'))?.active?.message === 'm2')
    expect((await two.chats.get('c'))?.messages[0]?.ask?.status).toBe('stopped')
  })

  it('lists the chats of an owner, the latest first, with their titles', async () => {
    const { chats } = bound(world().process())
    for (const id of ['a', 'b', 'c']) await chats.add(id, [said('hello')], { owner: 'ann' })
    await chats.add('d', [said('hello')], { owner: 'bob' })
    await chats.rename('a', 'The first', { owner: 'ann' })
    const { chats: listed, next } = await chats.list({ owner: 'ann', limit: 2 })
    expect(listed.map(({ id, title }) => [id, title])).toEqual([
      ['a', 'The first'],
      ['c', undefined],
    ])
    const rest = await chats.list({ owner: 'ann', limit: 2, after: next ?? '' })
    expect(rest.chats.map(({ id }) => id)).toEqual(['b'])
    await expect(chats.rename('a', 'x'.repeat(201), { owner: 'ann' })).rejects.toEqual(
      refused('invalid_title'),
    )
    await expect(chats.rename('a', 'mine', { owner: 'bob' })).rejects.toEqual(refused('chat_not_found'))
    expect(await chats.get('a', { owner: 'bob' })).toBeUndefined()
    expect((await chats.get('a', { owner: 'ann' }))?.title).toBe('The first')
  })

  it('deletes a chat with its runs, and what is answered is stopped', async () => {
    const { chats, runs, turnOf } = bound(world().process())
    const store = world().store()
    await chats.send('c', { owner: 'ann', message: said('m1') })
    ;(await turnOf('m1')).say('one')
    await until(async () => texts(await chats.get('c', { owner: 'ann' })).length === 2)
    const { run } = await chats.send('c', { owner: 'ann', message: said('m2') })
    const turn = await turnOf('m2')
    expect(await chats.delete('c', { owner: 'bob' })).toBe(false)
    expect(await chats.delete('c', { owner: 'ann' })).toBe(true)
    expect(turn.ended).toBe(true)
    expect(await runs.get(run)).toBeUndefined()
    expect(await chats.get('c', { owner: 'ann' })).toBeUndefined()
    expect((await chats.list({ owner: 'ann' })).chats).toEqual([])
    await until(async () => (await ownedBy('ann', store)).length === 0)
    await expect(chats.takeBack('c', 'm1', { owner: 'ann' })).rejects.toEqual(refused('chat_not_found'))
  })

  it('tells whoever follows what begins elsewhere', async () => {
    const one = bound(world().process({ whileBusy: 'queue' }))
    const two = bound(world().process())
    await one.chats.send('c', { message: said('m1') })
    const { offset } = (await two.chats.get('c')) as Chat
    const told: (readonly string[])[] = []
    const leaving = new AbortController()
    const following = (async () => {
      for await (const { entry, offset: at } of two.chats.follow('c', { offset, signal: leaving.signal }))
        told.push([entry.type, at])
    })()
    await one.chats.send('c', { message: said('m2') })
    ;(await one.turnOf('m1')).say('one')
    await until(() => told.length === 3)
    expect(told.map(([type]) => type)).toEqual(['asked', 'answer', 'begun'])
    expect((await one.chats.get('c'))?.offset).toBe(told[2]?.[1])
    leaving.abort()
    await following
    await expect(two.chats.follow('none').next()).rejects.toBeInstanceOf(ChatError)
  })

  it('begins what was kept by a process that died before its run was started', async () => {
    const dying = world().process()
    dying.hand.around = (method, call, args) => {
      // The create of the run never arrives.
      if (method === 'create' && !String(args[0]).startsWith('@')) {
        dying.hand.kill()
        return new Promise(() => {})
      }
      return call()
    }
    void dying.chats.send('c', { message: said('m1') })
    const { chats, turnOf } = bound(world().process())
    await until(async () => (await chats.get('c'))?.active !== undefined)
    ;(await turnOf('m1')).say('one')
    await until(async () => texts(await chats.get('c')).length === 2)
    expect(texts(await chats.get('c'))).toEqual(['m1', 'one'])
    world().kill(dying)
  })

  it('keeps an answer whose process died before it was, and begins what waits', async () => {
    // No other one looks before its lease is over.
    const quick = { leaseTtl: 0.5 }
    const dying = world().process({ whileBusy: 'queue' }, quick)
    await dying.chats.send('c', { message: said('m1') })
    await dying.chats.send('c', { message: said('m2') })
    const turn = await dying.turnOf('m1')
    dying.hand.around = (method, call, args) => {
      if (method === 'append' && String(args[0]).startsWith('@chat-log')) {
        world().kill(dying)
        return new Promise(() => {})
      }
      return call()
    }
    turn.say('one')
    const { runs, chats, turnOf } = bound(world().process({}, quick))
    runs.open()
    ;(await turnOf('m2')).say('two')
    await until(async () => texts(await chats.get('c')).length === 4)
    expect(texts(await chats.get('c'))).toEqual(['m1', 'one', 'm2', 'two'])
  })
})

/** So that its parts can be taken apart. */
function bound<T extends { turnOf: (id: string) => unknown }>(one: T): T {
  one.turnOf = one.turnOf.bind(one) as T['turnOf']
  return one
}
