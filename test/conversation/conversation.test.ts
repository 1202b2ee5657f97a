import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { contentsOf } from '../../src/conversation/chat.ts'
import { Conversation } from '../../src/conversation/conversation.ts'
import { entryIn, readEntry, writeEntry } from '../../src/conversation/entries.ts'
import type { ChatEntry, ChatMessage } from '../../src/conversation/entries.ts'

function folded(...entries: readonly ChatEntry[]): Conversation {
  const conversation = new Conversation()
  for (const entry of entries) conversation.add(entry)
  return conversation
}

function user(id: string, text: string = id): { id: string; role: string; text: string } {
  return { id, role: 'user', text }
}

function asked(run: string, id: string, parent: string | null, more: object = {}): ChatEntry {
  return { type: 'asked', run, kind: 'k', at: 1, message: user(id), parent, ...more }
}

function answer(run: string, more: object = {}): ChatEntry {
  return {
    type: 'answer',
    run,
    status: 'completed',
    at: 2,
    message: { id: `a-${run}`, role: 'assistant' },
    ...more,
  }
}

function ids(conversation: Conversation, last?: string): readonly string[] {
  return conversation.branch(last).map(({ message }) => message.id)
}

describe('a conversation', () => {
  it('is the branch of what was said last', () => {
    const chat = folded(asked('r1', 'm1', null), answer('r1'), asked('r2', 'm2', 'a-r1'))
    expect(ids(chat)).toEqual(['m1', 'a-r1', 'm2'])
    expect(chat.active).toMatchObject({ run: 'r2', status: 'running' })
    expect(chat.asks.get('r1')).toMatchObject({ status: 'completed', answer: 'a-r1' })
  })

  it('keeps both branches of an edit, with the same id too', () => {
    const chat = folded(
      asked('r1', 'm1', null),
      answer('r1'),
      { ...asked('r2', 'm1', null), message: user('m1', 'other') } as ChatEntry,
      answer('r2'),
    )
    expect(chat.branch().map(({ key }) => key)).toEqual(['m1~2', 'a-r2'])
    expect(ids(chat, 'a-r1')).toEqual(['m1', 'a-r1'])
    expect(chat.tree.following(undefined)).toEqual(['m1', 'm1~2'])
    chat.add({ type: 'selected', message: 'm1' })
    expect(chat.head).toBe('a-r1')
    expect(chat.keyOf('m1')).toBe('m1')
  })

  it('puts an answer that goes on with a message in its place', () => {
    const tool = { id: 'a-r1', role: 'assistant', approved: true }
    const chat = folded(
      asked('r1', 'm1', null),
      answer('r1'),
      { type: 'asked', run: 'r2', kind: 'k', at: 3, message: tool, parent: 'm1' },
      answer('r2', { message: { id: 'a-r1', role: 'assistant', whole: true } }),
    )
    expect(chat.branch().map(({ message }) => message)).toEqual([
      user('m1'),
      { id: 'a-r1', role: 'assistant', whole: true },
    ])
    // Its versions are those of what it goes on with.
    chat.add({ type: 'asked', run: 'r3', kind: 'k', at: 4, again: 'm1' })
    chat.add(answer('r3'))
    expect(contentsOf(chat).messages[1]).toMatchObject({ versions: ['a-r1', 'a-r1~2', 'a-r3'] })
    chat.add({ type: 'selected', message: 'a-r1~2' })
    const whole = { key: 'a-r1~3', versions: ['a-r1', 'a-r1~3', 'a-r3'] }
    expect(contentsOf(chat).messages[1]).toMatchObject(whole)
  })

  it('takes the first answer of a run, and none of a run that was not asked', () => {
    const chat = folded(
      asked('r1', 'm1', null),
      answer('r0'),
      answer('r1', { usage: 1 }),
      answer('r1', { usage: 2 }),
    )
    expect(chat.asks.get('r1')?.usage).toBe(1)
    expect(ids(chat)).toEqual(['m1', 'a-r1'])
  })

  it('answers one at a time, and begins what waits behind it', () => {
    const waits = { queued: true, parent: undefined }
    const chat = folded(asked('r1', 'm1', null), asked('r2', 'm2', null, waits), asked('r3', 'm3', null))
    expect(chat.queue.map(({ ask }) => ask.run)).toEqual(['r2'])
    expect(chat.asks.has('r3')).toBe(false)
    chat.add({ type: 'begun', run: 'r2', parent: 'm1', at: 3 })
    expect(chat.active?.run).toBe('r1')
    chat.add(answer('r1'))
    chat.add({ type: 'begun', run: 'r2', parent: 'a-r1', at: 3 })
    expect(ids(chat)).toEqual(['m1', 'a-r1', 'm2'])
  })

  it('knows two edits of one message that wait from each other', () => {
    const edit = (run: string, text: string): ChatEntry => ({
      type: 'asked',
      run,
      kind: 'k',
      at: 1,
      message: user('m1', text),
      parent: null,
      queued: true,
    })
    const chat = folded(asked('r1', 'm1', null), edit('r2', 'one'), edit('r3', 'two'))
    expect(chat.sentBefore(user('m1', 'one'))).toMatchObject({ run: 'r2' })
    expect(chat.sentBefore(user('m1', 'two'))).toMatchObject({ run: 'r3' })
    expect(chat.sentBefore(user('m1', 'three'))).toBe('differs')
    expect(chat.waitingBy('m1')).toMatchObject({ run: 'r3' })
    chat.add({ type: 'taken-back', run: 'r3' })
    expect(chat.waitingBy('m1')).toMatchObject({ run: 'r2' })
  })

  it('removes a message with what follows it, and not what is being answered', () => {
    const chat = folded(asked('r1', 'm1', null), answer('r1'), asked('r2', 'm2', 'a-r1'))
    chat.add({ type: 'removed', message: 'a-r1' })
    expect(ids(chat)).toEqual(['m1', 'a-r1', 'm2'])
    chat.add(answer('r2'))
    chat.add({ type: 'removed', message: 'a-r1' })
    expect(ids(chat)).toEqual(['m1'])
    expect(chat.sentBefore(user('m2'))).toBe('removed')
    expect(chat.wasRemoved(user('m2'))).toBe(true)
  })

  it('passes over what it does not know, and what is no entry', () => {
    for (const text of ['{"type":"later"}', '1', 'null', '{"type":"asked"}', '{"type":"begun","run":"r"}'])
      expect(readEntry(text)).toBeUndefined()
    expect(readEntry('{"type":"title","title":"T"}')).toEqual({ type: 'title', title: 'T' })
  })
})

const name = fc.constantFrom('m1', 'm2', 'm3', 'a-r1', 'a-r2')
const run = fc.constantFrom('r1', 'r2', 'r3', 'r4')
const message = fc.record({ id: name, role: fc.constant('user'), text: fc.constantFrom('x', 'y') })
const parent = fc.option(name)
const at = fc.constant(1)
const entry: fc.Arbitrary<ChatEntry> = fc.oneof(
  fc.record({ type: fc.constant('message' as const), message, parent, at }),
  fc.record({ type: fc.constant('asked' as const), run, kind: fc.constant('k'), at, message, parent }),
  fc.record({ type: fc.constant('asked' as const), run, kind: fc.constant('k'), at, again: name }),
  fc.record({
    type: fc.constant('asked' as const),
    run,
    kind: fc.constant('k'),
    at,
    message,
    queued: fc.constant(true as const),
  }),
  fc.record({ type: fc.constant('begun' as const), run, parent, at }),
  fc.record({ type: fc.constant('answer' as const), run, status: fc.constant('stopped' as const), at }),
  fc.record({
    type: fc.constant('answer' as const),
    run,
    status: fc.constant('completed' as const),
    at,
    message,
  }),
  fc.record({ type: fc.constant('taken-back' as const), run }),
  fc.record({ type: fc.constant('removed' as const), message: name }),
  fc.record({ type: fc.constant('selected' as const), message: name }),
  fc.record({ type: fc.constant('title' as const), title: fc.string() }),
)

describe('whatever comes in whatever order, a conversation', () => {
  const entries = fc.array(entry, { maxLength: 40 })

  it('is whole: branches end, and all that is named is there', () => {
    fc.assert(
      fc.property(entries, (all) => {
        const chat = new Conversation()
        const ever = new Map<string, string>()
        for (const one of all) {
          const before = chat.active
          chat.add(one)
          const { tree, head, active, queue } = chat
          const branch = chat.branch()
          expect(branch.length).toBeLessThanOrEqual(tree.size)
          expect(branch.at(-1)?.key).toBe(head)
          for (const node of tree.nodes) {
            expect(tree.get(node.key)).toBe(node)
            expect(tree.following(node.parent)).toContain(node.key)
            expect(tree.isBelow(node.key, node.key)).toBe(true)
          }
          if (active) {
            expect(active.status).toBe('running')
            expect(tree.get(active.message)).toBeDefined()
          }
          // One begins only where none is being answered.
          if (before && active) expect(active.run).toBe(before.run)
          for (const { ask } of queue) expect(ask.status).toBe('queued')
          for (const { run: of, status } of chat.asks.values()) {
            const was = ever.get(of)
            const isOver = was !== undefined && was !== 'queued' && was !== 'running'
            if (isOver) expect(status).toBe(was)
            ever.set(of, status)
          }
        }
      }),
    )
  })

  it('is the same in every process, however often it looked', () => {
    fc.assert(
      fc.property(entries, (all) => {
        const there = folded(...all.map((one) => readEntry(writeEntry(one)) as ChatEntry))
        const parsed = folded(...all.map((one) => entryIn(JSON.parse(writeEntry(one))) as ChatEntry))
        expect([...parsed.tree.nodes]).toEqual([...there.tree.nodes])
        const here = folded(...all)
        expect([...there.tree.nodes]).toEqual([...here.tree.nodes])
        expect([...there.asks]).toEqual([...here.asks])
        expect(there.head).toBe(here.head)
      }),
    )
  })

  it('loses no message that was kept, unless it was removed', () => {
    fc.assert(
      fc.property(entries, (all) => {
        const chat = new Conversation()
        const kept: ChatMessage[] = []
        for (const one of all) {
          const isNew = one.type === 'asked' && one.message && !chat.asks.has(one.run)
          chat.add(one)
          if (isNew && chat.asks.has(one.run)) kept.push(one.message)
          for (const sent of kept) expect(chat.sentBefore(sent)).toBeDefined()
        }
      }),
    )
  })
})
