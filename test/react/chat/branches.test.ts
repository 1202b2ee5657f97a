import { describe, expect, it } from 'vitest'
import type { ChatItem } from '../../../src/conversation/chat.ts'
import { branchesOf } from '../../../src/react/chat/chat-view.ts'

const message = (id: string, role = 'assistant') => ({ id, role })
const item = (key: string, versions: readonly string[], of = message(key)): ChatItem => ({
  key,
  message: of,
  at: 0,
  versions,
})

describe('the branches of a message', () => {
  const look = (one: ChatItem, all: Readonly<Record<string, ReturnType<typeof message>>>) => {
    const selected: string[] = []
    const select = (key: string) => Promise.resolve(void selected.push(key))
    return { branches: branchesOf(one, (key) => all[key], select), selected }
  }

  it('are none for the only one', () => {
    expect(look(item('a', ['a']), { a: message('a') }).branches).toBeUndefined()
  })

  it('are the ones beside it, and end at both ends', async () => {
    const { branches, selected } = look(item('b', ['a', 'b']), { a: message('a'), b: message('b') })
    expect(branches).toMatchObject({ index: 1, count: 2 })
    await branches?.next()
    await branches?.previous()
    expect(selected).toEqual(['a'])
  })

  it('are the edits of a message, with the same id too', () => {
    const all = { m: message('m', 'user'), 'm~2': message('m', 'user') }
    expect(look(item('m~2', ['m', 'm~2'], message('m', 'user')), all).branches).toMatchObject({ count: 2 })
  })

  it('do not have what an answer was before it was gone on with', () => {
    const all = { a: message('a'), 'a~3': message('a'), b: message('b') }
    expect(look(item('a~3', ['a', 'a~3'], message('a')), all).branches).toBeUndefined()
    expect(look(item('a~3', ['a', 'a~3', 'b'], message('a')), all).branches).toMatchObject({
      index: 0,
      count: 2,
    })
    expect(look(item('b', ['a', 'a~3', 'b']), all).branches).toMatchObject({ index: 1, count: 2 })
  })
})
