/** Whatever a page says came before: the branch of its question is that, and nothing is kept twice. */
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { graft } from '../../src/chats/page-history.ts'
import { Conversation } from '../../src/conversation/conversation.ts'
import type { ChatEntry, ChatMessage } from '../../src/conversation/entries.ts'
import { isSameJson } from '../../src/conversation/same-json.ts'
import { said } from './world.ts'

interface PageSend {
  /** Ids and texts of what the page has: the last is its question. */
  readonly messages: readonly { readonly id: number; readonly text: number; readonly speaker: boolean }[]
  readonly answers: boolean
}

const sends = fc.array(
  fc.record({
    messages: fc.uniqueArray(fc.record({ id: fc.nat(5), text: fc.nat(2), speaker: fc.boolean() }), {
      minLength: 1,
      maxLength: 5,
      selector: ({ id }) => id,
    }),
    answers: fc.boolean(),
  }),
  { maxLength: 8 },
)

const messageOf = ({ id, text, speaker }: PageSend['messages'][number]): ChatMessage => {
  // An id of the form that later versions get, too.
  const name = id === 5 ? 'm0~2' : `m${id}`
  return { ...said(name, String(text)), role: speaker ? 'user' : 'assistant' }
}

it('a page that sends has its own conversation as the branch, and each message there once', () => {
  fc.assert(
    fc.property(sends, (all) => {
      const conversation = new Conversation()
      let run = 0
      for (const { messages, answers } of all) {
        const before = messages.slice(0, -1).map(messageOf)
        const question = messageOf(messages.at(-1) as PageSend['messages'][number])
        const page = { before, question, isSame: isSameJson, anew: false, messageBytes: 1000 }
        const { entries, parent, key } = graft(conversation, page)
        const asked: ChatEntry = {
          type: 'asked',
          run: `r${++run}`,
          kind: 'k',
          at: 0,
          ...(key === undefined ? { message: question, parent: parent ?? null } : { again: key }),
        }
        for (const entry of [...entries, asked]) conversation.add(entry)
        const { active } = conversation
        expect(active?.run).toBe(`r${run}`)
        expect(conversation.branch(active?.message).map(({ message }) => message)).toEqual([
          ...before,
          question,
        ])
        // What is sent again is there.
        const again = graft(withoutActive(conversation), page)
        expect(again).toMatchObject({ entries: [], key: active?.message })
        const message = answers ? { message: { ...said(`a${run}`), role: 'assistant' } } : {}
        conversation.add({ type: 'answer', run: `r${run}`, status: 'completed', at: 0, ...message })
      }
      const places = [...conversation.tree.nodes].map(({ parent, message }) =>
        JSON.stringify([parent, message]),
      )
      expect(new Set(places).size).toBe(places.length)
    }),
  )
})

/** As it is once the answer has ended. */
function withoutActive({ tree }: Conversation): Conversation {
  const other = new Conversation()
  return Object.assign(other, { tree })
}
