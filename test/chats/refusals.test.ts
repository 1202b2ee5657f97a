import { expect, it } from 'vitest'
import type { Chat } from '../../src/conversation/chat.ts'
import type { ChatMessage } from '../../src/conversation/entries.ts'
import type { ChatTurnKept } from '../../src/chats/history.ts'
import { memory } from '../../src/streams/memory/store.ts'
import { ChatProcess, onEveryStore, ownedBy, said, until } from './world.ts'
import type { ChatWorld, Said } from './world.ts'

function refused(code: string): unknown {
  return expect.objectContaining({ code })
}

/** Resolves when nothing is being answered. */
async function settled({ chats }: ChatProcess, chat: string = 'c'): Promise<Chat> {
  await until(async () => (await chats.get(chat))?.active === undefined)
  return (await chats.get(chat)) as Chat
}

/** A process that dies over the first of its calls that this is true of; `dead` resolves then. */
function dyingOver(
  world: ChatWorld,
  isIt: (method: string, id: string) => boolean,
): { readonly dying: ChatProcess; readonly dead: Promise<void> } {
  const one = world.process()
  const dead = Promise.withResolvers<void>()
  one.hand.around = (method, call, args) => {
    if (!isIt(method, String(args[0]))) return call()
    world.kill(one)
    dead.resolve()
    return new Promise(() => {})
  }
  return { dying: one, dead: dead.promise }
}

onEveryStore('chats that refuse', (world) => {
  it('say what is wrong with what could never be right', async () => {
    const { chats } = world().process({ limits: { messageBytes: 200 } })
    const bad: readonly [string, unknown, string][] = [
      ['', said('m'), 'invalid_chat'],
      ['..', said('m'), 'invalid_chat'],
      ['x'.repeat(257), said('m'), 'invalid_chat'],
      ['c', { id: '', role: 'user' }, 'invalid_message'],
      ['c', { id: 'm' }, 'invalid_message'],
      ['c', null, 'invalid_message'],
      [
        'c',
        {
          id: 'm',
          role: 'user',
          cyclic: new Proxy(
            {},
            {
              ownKeys: () => {
                throw new Error('no')
              },
            },
          ),
        },
        'invalid_message',
      ],
      ['c', said('m', 'x'.repeat(200)), 'message_too_large'],
    ]
    for (const [chat, message, code] of bad)
      await expect(chats.send(chat, { message: message as ChatMessage })).rejects.toEqual(refused(code))
    const message = said('m')
    await expect(chats.send('c', { message, run: '@mine' })).rejects.toEqual(refused('invalid_ask'))
    await expect(chats.send('c', { message, body: 'x'.repeat(70_000) })).rejects.toEqual(
      refused('invalid_ask'),
    )
    await expect(chats.send('c', { message, kind: 'other' })).rejects.toEqual(refused('unknown_kind'))
    await expect(chats.send('c', { message, after: 'gone' })).rejects.toEqual(refused('message_not_found'))
    await expect(chats.regenerate('c')).rejects.toEqual(refused('chat_not_found'))
    await expect(chats.remove('c', 'm')).rejects.toEqual(refused('chat_not_found'))
    expect(await chats.get('c')).toBeUndefined()
    expect(await chats.stop('c')).toBeUndefined()
    expect(await chats.delete('c')).toBe(false)
  })

  it('hold as many messages as they may', async () => {
    const one = world().process({ limits: { messages: 3, chatBytes: 600 } })
    const { chats } = one
    await chats.add('c', [said('m1'), said('m2')])
    await expect(chats.send('c', { message: said('m3') })).rejects.toEqual(refused('chat_full'))
    await expect(chats.add('c', [said('m3'), said('m4')])).rejects.toEqual(refused('chat_full'))
    await expect(chats.add('c', [said('m1')])).rejects.toEqual(refused('message_differs'))
    await chats.add('d', [said('m1', 'x'.repeat(600))])
    await expect(chats.send('d', { message: said('m2') })).rejects.toEqual(refused('chat_too_large'))
  })

  it('hold no more than that when all is answered that waits', async () => {
    const one = world().process({ limits: { messages: 5 }, whileBusy: 'queue' })
    const { chats } = one
    await chats.send('c', { message: said('m1') })
    await chats.send('c', { message: said('m2') })
    await expect(chats.send('c', { message: said('m3') })).rejects.toEqual(refused('chat_full'))
    ;(await one.turnOf('m1')).say('one')
    ;(await one.turnOf('m2')).say('two')
    expect((await settled(one)).messages).toHaveLength(4)
    await chats.add('c', [said('m4')])
    await expect(chats.add('c', [said('m5')])).rejects.toEqual(refused('chat_full'))
  })

  it('take ids that look like keys, and keep the order', async () => {
    const one = world().process()
    const { chats } = one
    await chats.add('c', [said('m1')])
    await chats.send('c', { message: said('m1', 'better'), edits: 'm1' })
    ;(await one.turnOf('m1')).say('one')
    await settled(one)
    await chats.add('c', [said('m1~2'), said('m3')])
    const { messages } = await settled(one)
    expect(messages.map(({ message }) => (message as Said).text)).toEqual(['better', 'one', 'm1~2', 'm3'])
  })

  it('start no run that is called as its message, whose place the answer would take', async () => {
    const { chats } = world().process()
    await expect(chats.send('c', { message: said('m1'), run: 'm1' })).rejects.toEqual(refused('invalid_ask'))
  })

  it('do not edit or remove what is gone, or remove what is being answered', async () => {
    const one = world().process()
    const { chats } = one
    await chats.send('c', { message: said('m1') })
    await expect(chats.remove('c', 'm1')).rejects.toEqual(refused('chat_busy'))
    ;(await one.turnOf('m1')).say('one')
    await settled(one)
    await chats.remove('c', 'm1')
    await expect(chats.remove('c', 'm1')).rejects.toEqual(refused('message_not_found'))
    await expect(chats.send('c', { message: said('m2'), edits: 'm1' })).rejects.toEqual(
      refused('message_not_found'),
    )
    await expect(chats.send('c', { message: said('m1') })).rejects.toEqual(refused('message_not_found'))
    expect((await chats.get('c'))?.messages).toEqual([])
  })
})

onEveryStore('chats whose runs cannot be started', (world) => {
  it('keep the message, and say why its answer failed', async () => {
    const one = world().process({}, { limits: { runsPerProcess: 1 } })
    await one.chats.send('other', { message: said('m0') })
    await expect(one.chats.send('c', { message: said('m1') })).rejects.toEqual(refused('process_full'))
    const chat = (await one.chats.get('c')) as Chat
    expect(chat.active).toBeUndefined()
    expect(chat.messages[0]?.ask).toMatchObject({ status: 'failed', reason: 'process_full' })
    // Asked for again, once there is room.
    ;(await one.turnOf('m0')).say('zero')
    await settled(one, 'other')
    await one.chats.regenerate('c')
    ;(await one.turnOf('m1')).say('one')
    expect((await settled(one)).messages).toHaveLength(2)
  })

  it('fail what nobody began in time, and do not begin it later', async () => {
    const { dying, dead } = dyingOver(world(), (method, id) => method === 'create' && !id.startsWith('@'))
    void dying.chats.send('c', { message: said('m1') })
    await dead
    const one = world().process({ beginWithin: 0 })
    await until(async () => (await one.chats.get('c'))?.messages[0]?.ask?.status === 'failed')
    expect((await one.chats.get('c'))?.messages[0]?.ask).toMatchObject({ reason: 'interrupted' })
    expect(one.turns).toEqual([])
  })

  it('keep what was said when no message can be made of it', async () => {
    const broken = world().process()
    const kind = { ...broken.kind(), message: () => Promise.reject(new Error('It has no words')) }
    const one = world().process({ kinds: { answer: kind } })
    await one.chats.send('c', { message: said('m1') })
    ;(await broken.turnOf('m1')).say('one')
    const chat = await settled(one)
    expect(chat.messages.map(({ ask }) => ask?.status)).toEqual(['completed'])
    expect(one.logger.messages('error')).toContain('answer could not be made into a message')
  })
})

onEveryStore('a chat that is deleted', (world) => {
  it('is gone with what was left of it, when its process died over that', async () => {
    const { dying, dead } = dyingOver(
      world(),
      (method, id) => method === 'delete' && id.startsWith('@chat-log'),
    )
    await dying.chats.send('c', { owner: 'ann', message: said('m1') })
    ;(await dying.turnOf('m1')).say('one')
    await until(async () => (await dying.chats.get('c', { owner: 'ann' }))?.active === undefined)
    void dying.chats.delete('c', { owner: 'ann' })
    await dead
    const { chats } = world().process()
    const store = world().store()
    await until(async () => (await ownedBy('ann', store)).every(({ closed }) => closed))
    expect((await chats.list({ owner: 'ann' })).chats).toEqual([])
    await until(async () => (await chats.get('c', { owner: 'ann' })) === undefined)
    await until(async () => (await ownedBy('ann', store)).length === 0)
    await chats.send('c', { owner: 'ann', message: said('m1') })
    expect((await chats.get('c', { owner: 'ann' }))?.messages).toHaveLength(1)
  })

  it('ends with whoever follows it', async () => {
    const one = world().process()
    await one.chats.add('c', [said('m1')])
    const following = one.chats.follow('c')
    const next = following.next()
    await until(() => one.delivery.streams === 1)
    await one.chats.delete('c')
    expect((await next).done).toBe(true)
  })
})

it('a chat that is deleted while a clock that jumped ahead hides its runs is gone with them', async () => {
  let aheadMs = 0
  const store = memory({ clock: () => Date.now() + aheadMs })
  const one = new ChatProcess(store)
  try {
    const { run } = await one.chats.send('c', { owner: 'ann', message: said('m1') })
    ;(await one.turnOf('m1')).say('one')
    await until(async () => (await one.chats.get('c', { owner: 'ann' }))?.active === undefined)
    aheadMs = 2 * 86_400_000
    // Once nothing is owed of its end any more.
    await until(async () => (await one.runs.get(run)) === undefined)
    expect(await one.chats.delete('c', { owner: 'ann' })).toBe(true)
    aheadMs = 0
    expect(await one.runs.get(run)).toBeUndefined()
  } finally {
    await one.close()
    await store.close()
  }
})

onEveryStore('messages in a database of the application', (world) => {
  it('come before what the chat holds, and are saved with each answer', async () => {
    const kept: Said[] = [said('k1'), { ...said('k2'), role: 'assistant' }]
    const saved: ChatTurnKept[] = []
    let failures = 1
    const one = world().process({
      history: {
        load: () => kept,
        save: (turn) => {
          if (failures-- > 0) throw new Error('The database is away')
          saved.push(turn)
          kept.push(...(turn.messages as readonly Said[]))
        },
      },
    })
    await one.chats.send('c', { message: said('m1') })
    const first = await one.turnOf('m1')
    expect(first.turn.messages.map(({ id }) => id)).toEqual(['k1', 'k2', 'm1'])
    first.say('one')
    await until(() => saved.length > 0)
    expect(saved[0]).toMatchObject({ chat: 'c', after: 'k2', ask: { status: 'completed' } })
    expect(saved[0]?.messages.map((message) => (message as Said).text)).toEqual(['m1', 'one'])
    await one.chats.send('c', { message: said('m1', 'better'), edits: 'm1' })
    const second = await one.turnOf('m1')
    expect(second.turn.messages.map((message) => (message as Said).text)).toEqual(['k1', 'k2', 'better'])
    second.say('two')
    await settled(one)
    await one.chats.send('c', { message: said('m5', 'instead'), edits: 'k2' })
    expect((await one.turnOf('m5')).turn.messages.map(({ id }) => id)).toEqual(['k1', 'm5'])
  })

  it('come before no message that is the first of its branch', async () => {
    const kept: Said[] = []
    const save = ({ messages, after }: ChatTurnKept): void => {
      const at = kept.findIndex(({ id }) => id === after) + 1
      // It may be called twice.
      const fresh = (messages as readonly Said[]).filter(({ id }) => !kept.some((one) => one.id === id))
      kept.splice(at, 0, ...fresh)
    }
    const one = world().process({ history: { load: () => [...kept], save } })
    for (const id of ['m1', 'm2']) {
      await one.chats.send('c', { message: said(id), after: null })
      ;(await one.turnOf(id)).say('one')
      await settled(one)
    }
    await until(() => kept.length === 4)
    await one.chats.regenerate('c', { message: 'm1' })
    await until(() => one.turns.length === 3)
    expect(one.turns[2]?.turn.messages.map(({ id }) => id)).toEqual(['m1'])
  })

  it('are not asked for at the end of an answer, which is kept also while the database is away', async () => {
    let isAway = false
    const load = (): Said[] => {
      if (isAway) throw new Error('The database is away')
      return []
    }
    const one = world().process({ history: { load, save: () => {} } })
    await one.chats.send('c', { message: said('m1') })
    const turn = await one.turnOf('m1')
    isAway = true
    turn.say('one')
    const { messages } = await settled(one)
    expect(messages.map(({ message }) => (message as Said).text)).toEqual(['m1', 'one'])
  })

  it('hold up no stop when the database hangs', async () => {
    let loads = 0
    const load = (): Said[] | Promise<Said[]> => (loads++ === 0 ? [] : new Promise(() => {}))
    const one = world().process({ history: { load, save: () => {} } }, { stopTimeout: 0.05 })
    await one.chats.send('c', { message: said('m1') })
    await until(() => loads === 2)
    expect(await one.chats.stop('c')).toMatchObject({ status: 'stopped' })
  })

  it('are refused where they are none', async () => {
    for (const wrong of [undefined, null, 'k1', [null], [{ id: 'k1' }]]) {
      const one = world().process({ history: { load: () => wrong as never, save: () => {} } })
      await expect(one.chats.send('c', { message: said('m1') })).rejects.toThrow(
        'history.load must return a list of messages, each with an id and a role',
      )
    }
  })
})
