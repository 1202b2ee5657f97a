import process from 'node:process'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { service } from '../../scripts/services.ts'
import { readiness } from './services.ts'

const redis = { ...service('redis'), name: 'redis', find: () => '/usr/bin/redis-server' } as const
const noRedis = { ...redis, find: () => undefined } as const
const noChromium = { ...service('chromium'), name: 'chromium', find: () => undefined } as const

describe('readiness', () => {
  it('lets tests run, with the paths of what they need', () => {
    expect(readiness([redis], true)).toEqual({ kind: 'run', paths: { redis: '/usr/bin/redis-server' } })
    expect(readiness([redis], false)).toMatchObject({ kind: 'run' })
  })

  it('skips with a reason that names what is missing and the way to have it', () => {
    expect(readiness([redis, noChromium], false)).toEqual({
      kind: 'skip',
      reason: 'Chromium is not installed (npm run test:all installs what it can)',
    })
  })

  it('fails instead where services are required', () => {
    expect(readiness([noRedis, noChromium], true)).toEqual({
      kind: 'fail',
      reason: expect.stringMatching(/^redis-server and Chromium are not installed/) as string,
    })
  })
})

describe('service', () => {
  afterEach(() => {
    vi.unstubAllEnvs()
  })

  it('takes the program that its variable names, and no other', () => {
    vi.stubEnv('MILLRACE_REDIS_SERVER', process.execPath)
    expect(service('redis').find()).toBe(process.execPath)
    vi.stubEnv('MILLRACE_REDIS_SERVER', '/no/such/program')
    expect(service('redis').find()).toBeUndefined()
  })

  it('is not found in a Python without the modules', () => {
    vi.stubEnv('MILLRACE_PYTHON', process.execPath)
    expect(service('channels').find()).toBeUndefined()
  })
})
