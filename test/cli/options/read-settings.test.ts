import { availableParallelism } from 'node:os'
import { describe, expect, test } from 'vitest'
import { UsageError } from '../../../src/cli/command-error.ts'
import type { Environment, Flags } from '../../../src/cli/options/read-options.ts'
import { readSettings } from '../../../src/cli/options/read-settings.ts'

function read(flags: Flags, environment: Environment = {}): object {
  return readSettings(flags, environment)
}

describe('settings', () => {
  test('are empty without flags and variables, so that the server has its own defaults', () => {
    expect(read({}, { PATH: '/bin', MILLRACE_PORT: '' })).toEqual({})
  })

  test('come from variables, and from flags before them', () => {
    const environment = { MILLRACE_PORT: '9000', MILLRACE_BIND: '127.0.0.2', MILLRACE_ACCESS_LOG: '1' }
    expect(read({ '--port': '9001' }, environment)).toEqual({
      port: 9001,
      host: '127.0.0.2',
      accessLog: true,
    })
  })

  test.each([
    ['1', true],
    ['true', true],
    ['ON', true],
    ['0', false],
    ['no', false],
  ])('read the variable of a lone flag: %s', (text, value) => {
    expect(read({}, { MILLRACE_ALLOW_ANONYMOUS: text })).toEqual({ allowAnonymous: value })
  })

  test('listen on the port that PORT says, unless something else says where', () => {
    expect(read({}, { PORT: '9000' })).toEqual({ port: 9000 })
    expect(read({ '--bind': '0.0.0.0' }, { PORT: '9000' })).toEqual({ host: '0.0.0.0', port: 9000 })
    expect(read({}, { PORT: '9000', MILLRACE_PORT: '1' })).toEqual({ port: 1 })
    expect(read({ '--port': '2' }, { PORT: 'nonsense' })).toEqual({ port: 2 })
    expect(read({ '--unix-socket': '/a' }, { PORT: '9000' })).toEqual({ unixSocket: '/a' })
    expect(() => read({}, { PORT: '/pipe/x' })).toThrow('PORT is "/pipe/x"; it takes a whole number')
  })

  test('read the permissions of a unix socket as chmod does', () => {
    const socket = { '--unix-socket': 'x', '--unix-socket-mode': '660' }
    expect(read(socket)).toEqual({ unixSocket: 'x', unixSocketMode: 0o660 })
    // In a variable it may be meant for another server.
    expect(read({}, { MILLRACE_UNIX_SOCKET_MODE: '660' })).toEqual({ unixSocketMode: 0o660 })
    expect(() => read({ '--unix-socket-mode': '888' })).toThrow('it takes three octal digits, such as 660')
  })

  test('let a --no- form win over a variable', () => {
    expect(read({ '--access-log': false }, { MILLRACE_ACCESS_LOG: '1' })).toEqual({ accessLog: false })
    expect(read({ '--server-name': false }, { MILLRACE_SERVER_NAME: 'x' })).toEqual({ serverName: '' })
  })

  test('trust listed proxies rather than all, and what flags say rather than variables', () => {
    const listed = { trustProxy: ['10.0.0.0/8', '::1'] }
    expect(read({ '--proxy-headers': true, '--trust-proxy': '10.0.0.0/8,::1' })).toEqual(listed)
    expect(read({ '--proxy-headers': false }, { MILLRACE_TRUST_PROXY: '10.0.0.1' })).toEqual({
      trustProxy: false,
    })
  })

  test('gather lists from repeated flags and from commas', () => {
    expect(read({ '--origin': ['https://a.example', 'https://b.example, https://*.c.example'] })).toEqual({
      origins: ['https://a.example', 'https://b.example', 'https://*.c.example'],
    })
    expect(read({}, { MILLRACE_ALLOWED_HOST: 'a.example,*.b.example' })).toEqual({
      allowedHosts: ['a.example', '*.b.example'],
    })
  })

  test('listen where the flags say, wherever a variable points', () => {
    const environment = { MILLRACE_UNIX_SOCKET: '/run/x.sock', MILLRACE_FD: '3' }
    expect(read({ '--port': '0' }, environment)).toEqual({ port: 0 })
    expect(read({ '--bind': '::1' }, environment)).toEqual({ host: '::1' })
    expect(read({ '--fd': '4' }, environment)).toEqual({ fd: 4 })
    expect(read({ '--unix-socket': 'y' }, { MILLRACE_PORT: '1' })).toEqual({ unixSocket: 'y' })
  })

  test('keep streams and channels in REDIS_URL, where neither a flag nor a variable of ours says', () => {
    const url = 'redis://:secret@127.0.0.1:6379/1'
    const environment = { REDIS_URL: url }
    expect(read({}, environment)).toEqual({ store: url, channelLayer: url })
    expect(read({ '--store': 'x.db' }, environment)).toEqual({ store: 'x.db', channelLayer: url })
    expect(read({}, { ...environment, MILLRACE_CHANNEL_LAYER: 'memory:' })).toEqual({
      store: url,
      channelLayer: 'memory:',
    })
    expect(read({ '--channel-layer': 'redis://other' }, { MILLRACE_CHANNEL_LAYER: 'memory:' })).toEqual({
      channelLayer: 'redis://other',
    })
    expect(read({}, { REDIS_URL: '' })).toEqual({})
  })

  test('take a number of workers, or as many as the machine has cores', () => {
    expect(read({ '--workers': '3' })).toEqual({ workers: 3 })
    expect(read({}, { MILLRACE_WORKERS: 'auto' })).toEqual({ workers: availableParallelism() })
  })

  test.each<[Flags, object]>([
    [{ '--websocket-max-message-size': '1048576' }, { maxMessageSize: 1_048_576 }],
    [{ '--websocket-max-message-size': '1MiB' }, { maxMessageSize: 1_048_576 }],
    [{ '--websocket-max-message-size': '64k' }, { maxMessageSize: 65_536 }],
    [{ '--websocket-max-message-size': '2g' }, { maxMessageSize: 2_147_483_648 }],
    [{ '--ping-interval': '0.5' }, { pingInterval: 0.5 }],
    [{ '--http-timeout': '0' }, { httpTimeout: 0 }],
    [{ '--verbosity': 'debug' }, { verbosity: 'debug' }],
    [{ '--verbosity': '0' }, { verbosity: 'warn' }],
    [{ '--verbosity': '3' }, { verbosity: 'debug' }],
    [{ '--log-format': 'JSON' }, { logFormat: 'json' }],
    [{ '--root-path': '/app' }, { rootPath: '/app' }],
    [{ '--root-path': '/app/' }, { rootPath: '/app' }],
  ])('read %j', (flags, settings) => {
    expect(read(flags)).toEqual(settings)
  })
})

describe('what cannot be used is refused', () => {
  test.each<[Flags, string]>([
    [{ '--port': '65536' }, '--port is "65536"; it takes a whole number from 0 to 65535'],
    [{ '--port': '8e1' }, '--port is "8e1"; it takes a whole number from 0 to 65535'],
    [{ '--fd': '-1' }, '--fd is "-1"; it takes a whole number from 0 to 2147483647'],
    [{ '--ping-timeout': 'soon' }, '--ping-timeout is "soon"; it takes seconds, such as 20 or 0.5'],
    [{ '--ping-timeout': '9999999' }, '--ping-timeout is "9999999"; it takes 0 to 2147483 seconds'],
    [{ '--max-connections': '0' }, '--max-connections is "0"; it takes a whole number above 0'],
    [{ '--max-connections': '1.5' }, '--max-connections is "1.5"; it takes a whole number above 0'],
    [
      { '--websocket-max-message-size': '1 MB' },
      '--websocket-max-message-size is "1 MB"; it takes bytes, such as 1048576, 64k or 1MiB',
    ],
    [
      { '--websocket-max-message-size': '0' },
      '--websocket-max-message-size is "0"; it takes a whole number above 0',
    ],
    [{ '--verbosity': 'loud' }, '--verbosity is "loud"; it takes error, warn, info or debug'],
    [{ '--verbosity': 'constructor' }, '--verbosity is "constructor"; it takes error, warn, info or debug'],
    [
      { '--trust-proxy': '10.0.0.0/33' },
      '--trust-proxy is "10.0.0.0/33"; it takes addresses and ranges, such as 10.0.0.1 or 10.0.0.0/8',
    ],
    [
      { '--origin': ['app.example'] },
      '--origin is "app.example"; it takes origins, such as https://app.example or https://*.example.com',
    ],
    [
      { '--allowed-host': ['http://a.example'] },
      '--allowed-host is "http://a.example"; it takes host names, such as example.com or *.example.com',
    ],
    [{ '--root-path': 'app' }, '--root-path is "app"; it must begin with a slash'],
    [
      { '--root-path': '//evil.example' },
      '--root-path is "//evil.example"; it takes a path as in a URL, such as /app or /a%20b',
    ],
    [{ '--tls-cert': 'cert.pem' }, '--tls-cert and --tls-key belong together: give both, or neither'],
    [{ '--unix-socket-mode': '660' }, '--unix-socket-mode and --unix-socket-group go with --unix-socket'],
    [
      { '--port': '1', '--unix-socket': 'x' },
      '--unix-socket, --fd and --bind with --port exclude each other: choose one to listen on',
    ],
  ])('%j', (flags, message) => {
    expect(() => read(flags)).toThrow(new UsageError(message))
  })

  test('REDIS_URL, without a word of what may be a password', () => {
    const message =
      'REDIS_URL cannot be used; it takes memory:, or a Redis as redis://host:6379/0, rediss:// for TLS'
    expect(() => read({}, { REDIS_URL: 'http://user:hunter2@host' })).toThrow(new UsageError(message))
    // What it means to an application is its own affair.
    expect(readSettings({}, { REDIS_URL: 'unix:///run/redis.sock' }, 'app.ts')).toEqual({})
  })

  test('naming the variable that holds it', () => {
    expect(() => read({}, { MILLRACE_ACCESS_LOG: 'maybe' })).toThrow(
      new UsageError('MILLRACE_ACCESS_LOG is "maybe"; it takes 1 or 0'),
    )
  })
})
