import { describe, expect, it } from 'vitest'
import { plainAddress, proxyTrust } from '../../../src/server/request/proxy-trust.ts'

const PEER = { address: '10.0.0.1', port: 1234 }

function clientOf(
  option: boolean | readonly string[],
  header: string | undefined,
): { address: string; port: number } {
  return proxyTrust(option).client(PEER, header)
}

describe('the client behind a trusted peer', () => {
  it('is the last entry that no trusted proxy wrote', () => {
    expect(clientOf(['10.0.0.0/8'], '6.6.6.6, 1.2.3.4, 10.0.0.9').address).toBe('1.2.3.4')
    expect(clientOf(['10.0.0.1'], '6.6.6.6, 1.2.3.4, 10.0.0.9').address).toBe('10.0.0.9')
  })

  it('is the first entry when all are trusted', () => {
    expect(clientOf(['0.0.0.0/0'], '6.6.6.6, 1.2.3.4').address).toBe('6.6.6.6')
  })

  it('is the last entry where only the peer is vouched for', () => {
    expect(clientOf(true, '6.6.6.6, 1.2.3.4').address).toBe('1.2.3.4')
  })

  it('is the peer itself where it is not trusted, or says nothing', () => {
    expect(clientOf(false, '6.6.6.6')).toEqual(PEER)
    expect(clientOf(['10.0.0.2'], '6.6.6.6')).toEqual(PEER)
    expect(clientOf(true, undefined)).toEqual(PEER)
  })

  it.each([
    ['1.2.3.4:5', { address: '1.2.3.4', port: 5 }],
    ['::1', { address: '::1', port: 0 }],
    ['[2001:db8::1]', { address: '2001:db8::1', port: 0 }],
    ['[2001:db8::1]:443', { address: '2001:db8::1', port: 443 }],
    ['::ffff:1.2.3.4', { address: '1.2.3.4', port: 0 }],
  ])('may be written %s', (entry, client) => {
    expect(clientOf(true, entry)).toEqual(client)
  })

  it.each(['unknown', '_hidden', '', '1.2.3', '1.2.3.4.5', '999.1.1.1', '[::1', 'fe80::1%eth0', '<script>'])(
    'is the peer for the entry %j',
    (entry) => {
      expect(clientOf(true, entry)).toEqual(PEER)
    },
  )
})

describe('a list', () => {
  it('takes addresses and ranges of both families', () => {
    const { trusts } = proxyTrust(['192.168.0.0/16', '::1', '2001:db8::/32'])
    expect(['192.168.9.9', '::1', '2001:db8::9'].map(trusts)).toEqual([true, true, true])
    expect(['192.169.0.1', '::2', '2001:db9::1'].map(trusts)).toEqual([false, false, false])
  })

  it('trusts whoever reaches a unix socket', () => {
    expect(proxyTrust(['10.0.0.1']).trusts('')).toBe(true)
    expect(proxyTrust(false).trusts('')).toBe(false)
  })

  it.each([
    'localhost',
    '10.0.0.1/33',
    '10.0.0.1/',
    '10.0.0.1/x',
    '10.0.0.1/-1',
    '::1/129',
    '',
    '10.0.0.1/1.5',
  ])('does not take %j', (entry) => {
    expect(() => proxyTrust([entry])).toThrow(RangeError)
    expect(() => proxyTrust([entry])).toThrow(`trustProxy holds "${entry}"`)
  })
})

it('an IPv4 address is undressed', () => {
  expect(['::ffff:127.0.0.1', '::ffff:1:2', '127.0.0.1', '::1'].map(plainAddress)).toEqual([
    '127.0.0.1',
    '::ffff:1:2',
    '127.0.0.1',
    '::1',
  ])
})
