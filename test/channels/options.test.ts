import { describe, expect, it } from 'vitest'
import { memoryChannels } from '../../src/channels/memory/layer.ts'
import { redisChannels } from '../../src/channels/redis/queues/open.ts'
import { redisPubSubChannels } from '../../src/channels/redis/pubsub/open.ts'

describe.each([
  ['memoryChannels', memoryChannels],
  ['redisChannels', redisChannels],
  ['redisPubSubChannels', redisPubSubChannels],
] as const)('%s', (name, make) => {
  it('refuses an option that it does not have, rather than do without', () => {
    const misspelt = { capacty: 5 } as object
    expect(() => make(misspelt)).toThrow(
      new TypeError(`${name}() has no option capacty. Did you mean capacity?`),
    )
  })

  it('answers the names of channels_redis with its own', () => {
    const python = { group_expiry: 5 } as object
    expect(() => make(python)).toThrow(
      new TypeError(`${name}() has no option group_expiry. Did you mean groupExpiry?`),
    )
  })
})

describe.each([redisChannels, redisPubSubChannels])('encryptionKeys of %o', (make) => {
  it.each(['secret', [5], new Uint8Array(8), {}])('%o is refused: a list it is', (encryptionKeys) => {
    expect(() => make({ encryptionKeys: encryptionKeys as never })).toThrow(
      new TypeError('encryptionKeys must be a list of secrets, each a text or bytes: [secret]'),
    )
  })

  it('an empty list encrypts nothing, and is refused', () => {
    expect(() => make({ encryptionKeys: [] })).toThrow('encryptionKeys must not be empty')
  })

  it.each([
    ['symmetric_encryption_keys', 'encryptionKeys'],
    ['serializer_format', 'serializer'],
  ])('are refused under the name of Python, %s', (python, ours) => {
    expect(() => make({ [python]: ['secret'] })).toThrow(`Did you mean ${ours}?`)
  })
})

it.each([-1, 1.5, Number.NaN, '5'])('namedMembers of %o is refused', (namedMembers) => {
  expect(() => redisChannels({ namedMembers: namedMembers as number })).toThrow(
    'namedMembers must be a whole number',
  )
})
