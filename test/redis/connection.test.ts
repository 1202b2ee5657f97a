import { expect, it } from 'vitest'
import { silentLogger } from '../../src/logging/logger.ts'
import { RedisConnection } from '../../src/redis/connection.ts'
import type { RedisClient } from '../../src/redis/open-client.ts'

/** A client that answers when it is told; once it ended, it rejects what waits. */
function fakeClient(answers: boolean): RedisClient & { readonly sent: string[] } {
  const ended = Promise.withResolvers<never>()
  ended.promise.catch(() => undefined)
  const sent: string[] = []
  return {
    sent,
    send(args) {
      sent.push(args.join(' '))
      return answers ? Promise.resolve('OK') : ended.promise
    },
    subscribe: () => Promise.resolve(),
    unsubscribe: () => Promise.resolve(),
    end: () => ended.reject(new Error('ended')),
  }
}

it('a Redis that hangs while a connection is prepared is left, and the next one is used', async () => {
  const clients = [fakeClient(false), fakeClient(true)]
  let opened = 0
  const connection = new RedisConnection({
    title: 'test',
    timeoutMs: 200,
    logger: silentLogger,
    errors: { closed: () => new Error('closed'), unavailable: (what) => new Error(what) },
    open: () => Promise.resolve(clients[opened++] ?? fakeClient(true)),
    prepare: (client) => client.send(['PREPARE']),
  })
  await expect(connection.request(['FIRST'])).rejects.toThrow('Redis at test is away')
  expect(await connection.request(['SECOND'])).toBe('OK')
  expect(clients.map(({ sent }) => sent)).toEqual([['PREPARE'], ['PREPARE', 'SECOND']])
  await connection.close()
})

it('a process that stood still for longer than it waits for an answer reads it all the same', async () => {
  const client = fakeClient(false)
  const { send } = client
  const answered = Promise.withResolvers<string>()
  const called = Promise.withResolvers<void>()
  client.send = (args) => {
    called.resolve()
    return Promise.race([answered.promise, send(args)])
  }
  const connection = new RedisConnection({
    title: 'test',
    timeoutMs: 200,
    logger: silentLogger,
    errors: { closed: () => new Error('closed'), unavailable: (what) => new Error(what) },
    open: () => Promise.resolve(client),
  })
  const asked = connection.request(['SLOW'])
  await called.promise
  const until = performance.now() + 600
  while (performance.now() < until);
  // Behind the timers, as what is read from a socket is.
  setImmediate(() => setImmediate(() => answered.resolve('OK')))
  expect(await asked).toBe('OK')
  await connection.close()
})
