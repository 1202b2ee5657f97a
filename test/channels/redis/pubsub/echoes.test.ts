import { expect, it } from 'vitest'
import { Echoes } from '../../../../src/channels/redis/pubsub/echoes.ts'

const a = Buffer.from('a')
const b = Buffer.from('b')
const one = { sent: 1, dropped: 0 }
const two = { sent: 2, dropped: 0 }

it('what comes back is told from what others send, in the order it was sent', async () => {
  const echoes = new Echoes()
  const [first, second, third] = [echoes.expect('t', a), echoes.expect('t', b), echoes.expect('t', a)]
  expect(echoes.hear('other', a, one)).toBe(false)
  // Equal to one that is awaited, but not the next one: another process's.
  expect(echoes.hear('t', b, one)).toBe(false)
  expect([first.isHeard, second.isHeard]).toEqual([false, false])
  expect(echoes.hear('t', a, one)).toBe(true)
  expect(await first.heard).toBe(one)
  expect(echoes.hear('t', a, one)).toBe(false)
  expect(echoes.hear('t', b, two)).toBe(true)
  expect(await second.heard).toBe(two)
  expect(echoes.hear('t', a, two)).toBe(true)
  expect(await third.heard).toBe(two)
  expect(echoes.hear('t', a, two)).toBe(false)
})

it('what is lost on its way is forgotten, and keeps nothing else waiting', async () => {
  const echoes = new Echoes()
  const [lost, next] = [echoes.expect('t', a), echoes.expect('t', b)]
  lost.forget()
  expect(await lost.heard).toBe(undefined)
  expect(lost.isHeard).toBe(false)
  expect(echoes.hear('t', b, one)).toBe(true)
  next.forget()
  expect(await next.heard).toBe(one)
})
