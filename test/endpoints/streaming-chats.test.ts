import { expect, it } from 'vitest'
import type { ChatKind } from '../../src/chats/chat-kind.ts'
import { streaming } from '../../src/endpoints/streaming.ts'
import { millrace } from '../../src/millrace.ts'
import { memory } from '../../src/streams/memory/store.ts'
import { said } from '../chats/world.ts'

const echo: ChatKind = {
  async *answer({ question }) {
    yield question
  },
  message: (_, { run }) => ({ message: { id: run, role: 'assistant' } }),
}

it('gives an application its chats', async () => {
  const app = millrace({ streams: streaming({ store: memory(), chats: { kinds: { echo } } }) })
  const { run } = await app.chats.send('c', { message: said('m1') })
  await (
    await app.runs.get(run)
  )?.end
  expect((await app.chats.get('c'))?.messages).toHaveLength(2)
  await app.close()
})

it('lets no client start what answers in chats', async () => {
  const streams = streaming({ store: memory(), chats: { kinds: { echo } } })
  const command = { kind: 'echo', input: { chat: 'c', owner: 'ann' } }
  expect(() => streams.start(command, {} as never)).toThrow('There is no such kind of run here.')
  await streams.close()
})

it('refuses a kind of chats with the name of another run, and says of what there is none', async () => {
  const runs = { echo: { async *run() {} } }
  expect(() => streaming({ store: memory(), runs, chats: { kinds: { echo } } })).toThrow(TypeError)
  expect(() => millrace().chats).toThrow('no chats')
})
