/** What a page sees of a sign-out: its user's sockets close with 3000. */
import { expect, it, onTestFinished } from 'vitest'
import { type ClientOptions, type StreamClient, connect } from '../../src/client/index.ts'
import {
  bearerToken,
  httpStreams,
  memory,
  streamSocket,
  streaming,
  unauthenticated,
} from '../../src/index.ts'
import { collect } from '../support/collect.ts'
import { serve } from '../support/server.ts'

/** A server on which the tokens in `valid` are ann, with a stream of hers. */
async function world(): Promise<{
  readonly valid: Set<string>
  /** How often somebody was let in or refused. */
  readonly asked: () => number
  append(text: string, close?: boolean): Promise<unknown>
  signOut(): Promise<void>
  client(options: ClientOptions): StreamClient
}> {
  const valid = new Set(['first'])
  let asked = 0
  const authenticate = (request: Request): string => {
    asked++
    if (valid.has(bearerToken(request) ?? '')) return 'ann'
    throw unauthenticated('Your session is over.')
  }
  const streams = streaming({ store: memory() })
  const { store, services } = streams
  const options = { ...services, authenticate }
  const server = await serve({
    streams,
    routes: [streamSocket('/ws', options), httpStreams('/streams', options)],
  })
  const clients: StreamClient[] = []
  onTestFinished(async () => {
    for (const client of clients) client.close()
    await server[Symbol.asyncDispose]()
  })
  await store.create('s', { owner: 'ann' })
  return {
    valid,
    asked: () => asked,
    append: (text, close = false) => store.append('s', { records: [JSON.stringify(text)], close }),
    signOut: () => server.app.disconnect('ann'),
    client(given) {
      const client = connect(server.url('/ws'), given)
      clients.push(client)
      return client
    },
  }
}

it('a page whose user signed out is told so in the words of the server, and asks no further', async () => {
  const { valid, asked, append, signOut, client } = await world()
  const page = client({ token: 'first' })
  await append('a')
  const records = page.stream('s')[Symbol.asyncIterator]()
  expect((await records.next()).value).toBe('a')
  const seen: (string | undefined)[] = []
  page.subscribe(() => seen.push(page.error?.code))
  valid.clear()
  await signOut()
  const refusal = { name: 'StreamError', code: 'unauthenticated', message: 'Your session is over.' }
  await expect(records.next()).rejects.toMatchObject(refusal)
  expect(page).toMatchObject({ state: 'idle', error: refusal })
  expect(new Set(seen)).toEqual(new Set(['unauthenticated']))
  // Let in once, refused twice, and told why where streams and the WebSocket are served.
  expect(asked()).toBeLessThanOrEqual(8)
})

it('a page whose user signed in again goes on where it was, with a token that is new', async () => {
  const { valid, append, signOut, client } = await world()
  const given: boolean[] = []
  const page = client({
    token: (refused) => {
      given.push(refused)
      return refused ? 'second' : 'first'
    },
  })
  await append('a')
  const stream = page.stream('s')
  const records = stream[Symbol.asyncIterator]()
  expect((await records.next()).value).toBe('a')
  valid.clear()
  valid.add('second')
  await signOut()
  await append('b', true)
  expect((await records.next()).value).toBe('b')
  expect((await records.next()).done).toBe(true)
  expect(given).toEqual([false, true])
  expect(await collect(client({ token: 'second' }).stream('s'))).toEqual(['a', 'b'])
})
