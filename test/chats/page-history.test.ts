/** Sends of a page that says what came before its message. */
import { expect, it } from 'vitest'
import type { Chat } from '../../src/conversation/chat.ts'
import type { ChatMessage } from '../../src/conversation/entries.ts'
import { onEveryStore, said, until } from './world.ts'
import type { Said, ChatProcess } from './world.ts'

const refused = (code: string): unknown => expect.objectContaining({ name: 'ChatError', code })
const texts = (messages: readonly ChatMessage[]) => messages.map((message) => (message as Said).text)
const textsIn = (chat: Chat | undefined) => texts((chat?.messages ?? []).map(({ message }) => message))
const asPage = (chat: Chat | undefined) => (chat?.messages ?? []).map(({ message }) => message)

/** A chat in which m1 was answered with "one", and what a page that loaded it has. */
const answered = async (process: ChatProcess) => {
  const { chats } = process
  await chats.send('c', { message: said('m1'), before: [] })
  ;(await process.turnOf('m1')).say('one')
  await until(async () => textsIn(await chats.get('c')).length === 2)
  return asPage(await chats.get('c'))
}

onEveryStore('chats of a page that says what came before', (world) => {
  it('keep nothing again that they have', async () => {
    const one = world().process()
    const page = await answered(one)
    await one.chats.send('c', { message: said('m2'), before: page })
    const { turn } = await one.turnOf('m2')
    expect(texts(turn.messages)).toEqual(['m1', 'one', 'm2'])
    expect((await one.chats.tree('c')).map(({ key }) => key)).toEqual(['m1', page[1]?.id, 'm2'])
  })

  it('begin with all that the page has where there was none', async () => {
    const { chats, turnOf } = bound(world().process())
    const greeting = { id: 'g', role: 'assistant', text: 'hello' } as Said
    await chats.send('c', { message: said('m2'), before: [said('m1'), greeting] })
    expect(texts((await turnOf('m2')).turn.messages)).toEqual(['m1', 'hello', 'm2'])
    expect(textsIn(await chats.get('c'))).toEqual(['m1', 'hello', 'm2'])
  })

  it('ask with what the page changed, and keep the other branch', async () => {
    const one = world().process()
    const [, answer] = await answered(one)
    const changed = { ...answer, text: 'two' } as Said
    await one.chats.send('c', { message: said('m2'), before: [said('m1'), changed] })
    expect(texts((await one.turnOf('m2')).turn.messages)).toEqual(['m1', 'two', 'm2'])
    expect(textsIn(await one.chats.get('c'))).toEqual(['m1', 'two', 'm2'])
    const versions = (await one.chats.get('c'))?.messages[1]?.versions
    expect(versions).toEqual([answer?.id, `${answer?.id}~2`])
  })

  it('ask without what the page left out', async () => {
    const one = world().process()
    const page = await answered(one)
    await one.chats.send('c', { message: said('m2'), before: page })
    ;(await one.turnOf('m2')).say('two')
    await until(async () => textsIn(await one.chats.get('c')).length === 4)
    // The same question, without the turn before it.
    await one.chats.send('c', { message: said('m2'), before: [], anew: true })
    await until(() => one.turns.length === 3)
    expect(texts(one.turns[2]?.turn.messages ?? [])).toEqual(['m2'])
    expect(textsIn(await one.chats.get('c'))).toEqual(['m2'])
  })

  it('take the same send again for the same, and answer again where that is asked for', async () => {
    const one = world().process()
    const other = world().process()
    const send = { message: said('m1'), before: [] }
    const { run } = await one.chats.send('c', send)
    expect((await other.chats.send('c', send)).run).toBe(run)
    ;(await one.turnOf('m1')).say('one')
    await until(async () => (await one.chats.get('c'))?.active === undefined)
    expect((await other.chats.send('c', send)).run).toBe(run)
    const again = await one.chats.send('c', { ...send, anew: true })
    expect(again.run).not.toBe(run)
    expect(textsIn(await one.chats.get('c'))).toEqual(['m1'])
    expect(await one.chats.tree('c')).toHaveLength(2)
  })

  it('let what is sent during an answer come behind it, with or without the half that the page has', async () => {
    const one = world().process({ whileBusy: 'queue' })
    await one.chats.send('c', { message: said('m1'), before: [] })
    const half = { id: 'half', role: 'assistant', text: 'on' } as Said
    const send = { message: said('m2'), before: [said('m1'), half] }
    const { run } = await one.chats.send('c', send)
    expect((await one.chats.send('c', send)).run).toBe(run)
    ;(await one.turnOf('m1')).say('one')
    expect(texts((await one.turnOf('m2')).turn.messages)).toEqual(['m1', 'one', 'm2'])
  })

  it('know a send that waited when it comes again behind the answer, and ask anew where that is asked for', async () => {
    const one = world().process({ whileBusy: 'queue' })
    await one.chats.send('c', { message: said('m1'), before: [] })
    const half = { id: 'half', role: 'assistant', text: 'on' } as Said
    const { run } = await one.chats.send('c', { message: said('m2'), before: [said('m1'), half] })
    ;(await one.turnOf('m1')).say('one')
    ;(await one.turnOf('m2')).say('two')
    await until(async () => textsIn(await one.chats.get('c')).length === 4)
    for (const before of [[said('m1')], [said('m1'), half]])
      expect((await one.chats.send('c', { message: said('m2'), before })).run).toBe(run)
    await one.chats.send('c', { message: said('m2'), before: [said('m1')], anew: true })
    await until(() => one.turns.length === 3)
    expect(texts(one.turns[2]?.turn.messages ?? [])).toEqual(['m1', 'm2'])
  })

  it('refuse what is sent again and was removed meanwhile', async () => {
    const one = world().process()
    const page = await answered(one)
    const send = { message: said('m2'), before: page }
    await one.chats.send('c', send)
    ;(await one.turnOf('m2')).say('two')
    await until(async () => (await one.chats.get('c'))?.active === undefined)
    await one.chats.remove('c', 'm2')
    await expect(one.chats.send('c', send)).rejects.toEqual(refused('message_not_found'))
    // Another one of that id is another message.
    await one.chats.send('c', { message: said('m2', 'other'), before: page })
    expect(textsIn(await one.chats.get('c'))).toEqual(['m1', 'one', 'other'])
  })

  it('let what waits go on in its own branch, whatever is selected meanwhile', async () => {
    const one = world().process({ whileBusy: 'queue' })
    const page = await answered(one)
    const [first = said('m1')] = page
    await one.chats.send('c', { message: said('m2'), before: [{ ...first, text: 'edited' } as Said] })
    const send = { message: said('m3'), before: [{ ...first, text: 'edited' } as Said, said('m2')] }
    const { run } = await one.chats.send('c', send)
    await one.chats.select('c', 'm1')
    ;(await one.turnOf('m2')).say('two')
    expect(texts((await one.turnOf('m3')).turn.messages)).toEqual(['edited', 'm2', 'two', 'm3'])
    expect((await one.chats.send('c', send)).run).toBe(run)
  })

  it('let another branch wait, and go on showing what is being answered', async () => {
    const one = world().process({ whileBusy: 'queue' })
    const page = await answered(one)
    await one.chats.send('c', { message: said('m2'), before: page })
    const stale = [said('m1'), { ...page[1], text: 'changed' } as Said]
    await one.chats.send('c', { message: said('m3'), before: stale })
    expect(textsIn(await one.chats.get('c'))).toEqual(['m1', 'one', 'm2'])
    ;(await one.turnOf('m2')).say('two')
    expect(texts((await one.turnOf('m3')).turn.messages)).toEqual(['m1', 'changed', 'm3'])
    expect(textsIn(await one.chats.get('c'))).toEqual(['m1', 'changed', 'm3'])
  })

  it('know an answer that went on with its question', async () => {
    const one = world().process()
    const page = await answered(one)
    const approved = { ...page[1], text: 'one, approved' } as Said
    await one.chats.send('c', { message: approved, before: [said('m1')] })
    ;(await one.turnOf(approved.id)).say('one, approved, done')
    await until(async () => (await one.chats.get('c'))?.active === undefined)
    const now = asPage(await one.chats.get('c'))
    expect(texts(now)).toEqual(['m1', 'one, approved, done'])
    const size = (await one.chats.tree('c')).length
    await one.chats.send('c', { message: said('m2'), before: now })
    expect(texts((await one.turnOf('m2')).turn.messages)).toEqual(['m1', 'one, approved, done', 'm2'])
    expect(await one.chats.tree('c')).toHaveLength(size + 1)
  })

  it('refuse what is too much, and one id for two messages', async () => {
    const { chats } = world().process({ limits: { messages: 4, messageBytes: 200 } })
    const long = said('m1', 'x'.repeat(200))
    const refusal = async (before: readonly ChatMessage[]) =>
      chats.send('c', { message: said('m9'), before }).catch((error: unknown) => error)
    expect(await refusal([long])).toEqual(refused('message_too_large'))
    expect(await refusal([said('m1'), said('m1')])).toEqual(refused('invalid_message'))
    expect(await refusal([said('m9')])).toEqual(refused('invalid_message'))
    expect(await refusal([said('m1'), said('m2'), said('m3')])).toEqual(refused('chat_full'))
    expect(await chats.get('c')).toBeUndefined()
  })
})

function bound(one: ChatProcess): { chats: ChatProcess['chats']; turnOf: ChatProcess['turnOf'] } {
  return { chats: one.chats, turnOf: (id) => one.turnOf(id) }
}
