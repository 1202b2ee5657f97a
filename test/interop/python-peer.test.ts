/** A peer that stops says what it was asked and what it said last; a test that waits for it need not guess. */
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest'
import { RedisServer } from '../support/redis.ts'
import { describeWith } from '../support/services.ts'
import { PythonPeer } from './python-peer.ts'

describeWith(['channels', 'redis'], 'a peer of Python', (paths) => {
  let server: RedisServer

  beforeAll(async () => {
    server = await RedisServer.start(paths.redis)
  })

  afterAll(() => server.stop())

  function peer(settings: object = {}): PythonPeer {
    const python = new PythonPeer(paths.channels, { hosts: [server.url], ...settings })
    onTestFinished(() => python.end())
    return python
  }

  it('that does not answer is named with what it was asked, and what it said last', async () => {
    const python = peer()
    const channel = await python.call<string>('new_channel')
    const other = python.call('receive', { channel: 'work' }).catch((error: unknown) => error)
    const silence: unknown = await python.call('receive', { channel }, 0.1).catch((error: unknown) => error)
    expect(String(silence)).toContain(`Python did not answer receive({"channel":"${channel}"}) for 0.1 s`)
    expect(String(silence)).toContain(`It last answered new_channel({}) with "${channel}", `)
    expect(String(silence)).toContain('Unanswered besides: receive({"channel":"work"})')
    await python.call('send', { channel: 'work', message: { type: 'test' } })
    expect(await other).toEqual({ type: 'test' })
  })

  it('that ends leaves no call without an answer', async () => {
    const python = peer({ capacity: 'no number', unknown: 'setting' })
    const calls = [python.call('new_channel'), python.call('receive', { channel: 'work' })]
    const story = /Python ended with code 1[^]*new_channel[^]*receive[^]*TypeError/
    await Promise.all(calls.map((call) => expect(call).rejects.toThrow(story)))
    await expect(python.call('new_channel')).rejects.toThrow('Python ended with code 1')
  })
})
