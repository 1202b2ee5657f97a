import type { UIMessage } from 'ai'
import { describe, expect, it } from 'vitest'
import type { ChatItem } from '../../../src/conversation/chat.ts'
import { ShownMessages } from '../../../src/react/chat/shown-messages.ts'

const said = (id: string, text: string, role: UIMessage['role'] = 'user'): UIMessage => ({
  id,
  role,
  parts: [{ type: 'text', text }],
})
const item = (message: UIMessage, key = message.id): ChatItem => ({ key, message, at: 0, versions: [key] })
const question = said('q', 'Hello')
const whole = said('a', 'One two', 'assistant')
const half = said('a', 'One', 'assistant')
const reading = { run: 'r', question: 'q', answer: 'a' }

describe('the messages that a page shows', () => {
  it('are those of the log, and the answer that is read behind its question', () => {
    const shown = new ShownMessages()
    const next = item(said('q2', 'Next'))
    expect(shown.merge([item(question)], [question], undefined, undefined)).toEqual([question])
    expect(shown.merge([item(question)], [question, half], reading, undefined)).toEqual([question, half])
    // What waited has begun, and the last words of the answer are still on their way through the page.
    const list = shown.merge([item(question), next], [question, half], reading, undefined)
    expect(list).toEqual([question, half, next.message])
  })

  it('keep the answer as far as it is read where the log has it whole, and take the log’s when it is left', () => {
    const shown = new ShownMessages()
    const items = [item(question), item(whole)]
    expect(shown.merge(items, [question, half], reading, undefined)).toEqual([question, half])
    expect(shown.merge(items, [question, half], undefined, undefined)).toEqual([question, whole])
  })

  it('show nothing of an answer before its first word was read, where the log has it whole already', () => {
    const shown = new ShownMessages()
    const ask = { run: 'r', kind: 'k', message: 'q', at: 0, status: 'completed', answer: 'a' } as const
    const items = [
      { ...item(question), ask },
      { ...item(whole), ask },
    ]
    const begun = { ...reading, answer: undefined }
    expect(shown.merge(items, [question], begun, undefined)).toEqual([question])
    // One that goes on with a message leaves that where it is.
    expect(shown.merge(items, [question, half], begun, undefined)).toEqual([question, half])
    expect(shown.merge(items, [question], undefined, undefined)).toEqual([question, whole])
  })

  it('keep what the page added to an answer that was read to its end', () => {
    const shown = new ShownMessages()
    const items = [item(question), item(whole)]
    const more = { ...whole, parts: [...whole.parts, { type: 'step-start' } as const] }
    shown.merge(items, [question, half], reading, undefined)
    shown.noteWhole('a')
    expect(shown.merge(items, [question, more], undefined, undefined)).toEqual([question, more])
    expect(shown.merge([...items, item(said('q2', 'Next'))], [question, more], undefined, undefined)[1]).toBe(
      more,
    )
    // Until the log says something else of it.
    const later = item(said('a', 'Three', 'assistant'), 'a~2')
    expect(shown.merge([item(question), later], [question, more], undefined, undefined)[1]).toBe(
      later.message,
    )
  })

  it('are without an answer whose question is in another branch', () => {
    const shown = new ShownMessages()
    const edit = said('e', 'Hi')
    expect(shown.merge([item(edit)], [question, half], reading, undefined)).toEqual([edit])
  })

  it('end with what the server refused, until the log has it', () => {
    const shown = new ShownMessages()
    const unsent = said('u', 'Odd')
    expect(shown.merge([item(question)], [question, unsent], undefined, unsent)).toEqual([question, unsent])
    expect(shown.merge([item(question), item(unsent)], [question, unsent], undefined, unsent)).toEqual([
      question,
      unsent,
    ])
  })
})
