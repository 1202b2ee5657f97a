/** Where `connect` looks for streams. */
import { afterEach, describe, expect, it, vi } from 'vitest'
import { type AddressOptions, addressOf } from '../../src/client/address.ts'
import { StreamError, connect } from '../../src/client/index.ts'
import { FakeNetwork } from './fakes.ts'

afterEach(() => {
  vi.unstubAllGlobals()
})

const options = (given: AddressOptions = {}): AddressOptions => given

describe('an address', () => {
  it.each([
    ['/', options(), 'wss://page/millrace/socket', 'https://page/millrace/streams'],
    ['https://api', options(), 'wss://api/millrace/socket', 'https://api/millrace/streams'],
    ['ws://api:8000/', options(), 'ws://api:8000/millrace/socket', 'http://api:8000/millrace/streams'],
    ['/', options({ path: '/a/b/' }), 'wss://page/a/b/socket', 'https://page/a/b/streams'],
    ['/', options({ path: 'a/b' }), 'wss://page/a/b/socket', 'https://page/a/b/streams'],
    ['/', options({ path: '/' }), 'wss://page/socket', 'https://page/streams'],
    ['/', options({ http: '/logs/' }), 'wss://page/millrace/socket', 'https://page/logs'],
    ['/?tenant=7', options(), 'wss://page/millrace/socket?tenant=7', 'https://page/millrace/streams'],
    ['/', options({ http: false }), 'wss://page/millrace/socket', undefined],
  ])(
    'an address that is the origin %s, with %j, means what is mounted there',
    (url, given, socket, streams) => {
      vi.stubGlobal('location', { href: 'https://page/chat/1?x' })
      expect(addressOf(url, given)).toEqual({ socket, streams, isWhole: true })
    },
  )

  it.each([
    ['/ws/streams/', options(), 'wss://page/ws/streams/', 'https://page/streams'],
    ['http://api/ws?a=1', options(), 'ws://api/ws?a=1', 'http://api/streams'],
    ['wss://api/ws', options({ http: 'https://logs/' }), 'wss://api/ws', 'https://logs'],
  ])('an address with a path, %s with %j, is that of a stream socket', (url, given, socket, streams) => {
    vi.stubGlobal('location', { href: 'https://page/chat/1?x' })
    expect(addressOf(url, given)).toEqual({ socket, streams, isWhole: true })
  })

  it('an address with a path is refused beside the option path', () => {
    expect(() => connect('ws://server/ws', { path: '/millrace' })).toThrow('path needs an origin')
  })

  it('an invalid address is refused', () => {
    for (const url of ['http://', 'localhost:8000']) expect(() => connect(url)).toThrow(TypeError)
  })

  it.each([
    ['ftp://server/', undefined],
    ['ftp://server/', { href: 'https://page/' }],
    ['/', { href: 'file:///page.html' }],
  ])('the address %s is none of a server, with the page %j', async (url, location) => {
    vi.stubGlobal('location', location)
    const network = new FakeNetwork()
    const client = connect(url, { webSocket: network.connect })
    await expect(client.start('x')).rejects.toThrow('connect() needs a whole http address, or a page')
    expect(network.sockets).toEqual([])
  })

  it('a path makes a client where there is no page, and the client refuses what it is asked', async () => {
    const network = new FakeNetwork()
    const client = connect('/', { webSocket: network.connect })
    const noPage = 'connect() needs a whole http address, or a page'
    expect(client.state).toBe('idle')
    expect(() => client.stream('s')).toThrow(noPage)
    await expect(client.start('x')).rejects.toThrow(noPage)
    await expect(client.latest('c')).rejects.toThrow(TypeError)
    client.close()
    await expect(client.stop('s')).rejects.not.toThrow(StreamError)
    expect(network.sockets).toEqual([])
  })
})
