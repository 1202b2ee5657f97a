/** By what a client is counted. */
import { expect, it } from 'vitest'
import { isOfThisMachine, networkOf } from '../../src/consumers/client-network.ts'
import { proxyTrust } from '../../src/server/request/proxy-trust.ts'
import { RequestScope } from '../../src/server/request/request-scope.ts'

it.each([
  ['203.0.113.7', '203.0.113.7'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['2001:db8:1:2::1', '2001:db8:1:2::/64'],
  ['2001:DB8:1:2:ffff:ffff:ffff:ffff', '2001:db8:1:2::/64'],
  ['2001:db8::', '2001:db8:0:0::/64'],
  ['fe80::1%eth0', 'fe80:0:0:0::/64'],
  ['::1', '0:0:0:0::/64'],
  ['::ffff:cb00:7107', '203.0.113.7'],
  ['64:ff9b::203.0.113.7', '64:ff9b:0:0::/64'],
])('%s is counted as %s', (address, network) => {
  expect(networkOf(address)).toBe(network)
})

it.each([
  ['', true],
  ['127.0.0.1', true],
  ['127.8.9.1', true],
  ['::1', true],
  ['10.0.0.1', false],
  ['1270.0.0.1', false],
  ['127.example', false],
])('%j is of this machine: %s', (address, expected) => {
  expect(isOfThisMachine(address)).toBe(expected)
})

it.each<[string, boolean | readonly string[], string, string | undefined, string | undefined]>([
  ['a program of this machine', false, '127.0.0.1', undefined, undefined],
  ['one that makes an address up', false, '127.0.0.1', '203.0.113.7', undefined],
  ['a stranger', false, '203.0.113.7', undefined, '203.0.113.7'],
  ['a stranger that makes an address up', ['127.0.0.1'], '203.0.113.7', '198.51.100.1', '203.0.113.7'],
  ['a client of a proxy', true, '127.0.0.1', '203.0.113.7', '203.0.113.7'],
  ['a client of a proxy on a unix socket', ['127.0.0.1'], '', '2001:db8::7', '2001:db8:0:0::/64'],
  ['a client that a trusted proxy does not name', true, '127.0.0.1', undefined, '127.0.0.1'],
])('%s is counted by what nobody makes up', (_who, trust, peer, forwarded, network) => {
  const headers = { host: 'a', ...(forwarded !== undefined && { 'x-forwarded-for': forwarded }) }
  const head = { method: 'GET', target: '/', headers, peer: { address: peer, port: 1 }, encrypted: false }
  expect(new RequestScope('http', head, { rootPath: '', proxies: proxyTrust(trust) }).network).toBe(network)
})
