import { afterEach, describe, expect, test, vi } from 'vitest'
import { layerFromEnvironment, openLayer } from '../../src/channels/open-layer.ts'

const TAKES = 'it takes memory:, or a Redis as redis://host:6379/0, rediss:// for TLS'

afterEach(() => {
  vi.unstubAllEnvs()
})

describe('a channel layer is opened', () => {
  test.each([
    ['memory:', true],
    ['redis://127.0.0.1:1/2', undefined],
    ['rediss://user:secret@127.0.0.1:1', undefined],
  ])('by its address: %s', async (where, isLocal) => {
    // A Redis is connected to when the layer is first used, which is not here.
    const layer = openLayer(where, { capacity: 7 })
    expect(layer.isLocal).toBe(isLocal)
    await layer.close()
  })

  test.each(['', 'memory', 'postgres://host', 'unix:///run/redis.sock', 'redis://host/x', 'localhost:6379'])(
    'or refused: %j',
    (where) => {
      expect(() => openLayer(where)).toThrow(new RangeError(TAKES))
    },
  )

  test('by MILLRACE_CHANNEL_LAYER, before REDIS_URL, before the process itself', async () => {
    vi.stubEnv('MILLRACE_CHANNEL_LAYER', '')
    vi.stubEnv('REDIS_URL', '')
    expect(layerFromEnvironment().isLocal).toBe(true)
    vi.stubEnv('REDIS_URL', 'redis://127.0.0.1:1')
    const shared = layerFromEnvironment()
    expect(shared.isLocal).toBeUndefined()
    await shared.close()
    vi.stubEnv('MILLRACE_CHANNEL_LAYER', 'memory:')
    expect(layerFromEnvironment().isLocal).toBe(true)
  })

  test.each(['MILLRACE_CHANNEL_LAYER', 'REDIS_URL'])(
    'or %s is blamed, which may hold a password',
    (variable) => {
      vi.stubEnv('MILLRACE_CHANNEL_LAYER', '')
      vi.stubEnv(variable, 'http://user:hunter2@host')
      let error: unknown
      try {
        layerFromEnvironment()
      } catch (thrown) {
        error = thrown
      }
      expect(error).toEqual(new RangeError(`${variable} names no channel layer; ${TAKES}`))
      expect(String((error as Error).cause)).not.toContain('hunter2')
    },
  )
})
