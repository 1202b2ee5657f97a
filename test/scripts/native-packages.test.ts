import { describe, expect, it } from 'vitest'
import { missingNatives } from '../../scripts/native-packages.ts'
import type { Lock, Platform } from '../../scripts/native-packages.ts'

const lock: Lock = {
  packages: {
    '': {},
    'node_modules/tool': { version: '1.0.0' },
    'node_modules/@tool/linux-x64-gnu': { version: '1.0.0', optional: true, os: ['linux'], cpu: ['x64'] },
    'node_modules/@tool/linux-x64-musl': { version: '1.0.0', optional: true, os: ['linux'], cpu: ['x64'] },
    'node_modules/@tool/darwin-arm64': { version: '1.0.0', optional: true, os: ['darwin'], cpu: ['arm64'] },
    'node_modules/other/node_modules/bare': { version: '2.1.0', optional: true, os: ['linux'], cpu: ['x64'] },
    'node_modules/anywhere': { version: '1.0.0', optional: true },
  },
}
const linux: Platform = { os: 'linux', cpu: 'x64', libc: 'gnu' }
const nothing = (): boolean => false

describe('missingNatives', () => {
  it('names what is made for the platform and its libc, and is not there', () => {
    expect(missingNatives(lock, linux, nothing)).toEqual(['@tool/linux-x64-gnu@1.0.0', 'bare@2.1.0'])
    expect(missingNatives(lock, { ...linux, libc: 'musl' }, nothing)).toContain('@tool/linux-x64-musl@1.0.0')
    expect(missingNatives(lock, { os: 'darwin', cpu: 'arm64', libc: undefined }, nothing)).toEqual([
      '@tool/darwin-arm64@1.0.0',
    ])
  })

  it('goes by the libc that the lock names, whatever the package is called', () => {
    const one = (libc: string) => ({
      version: '1.0.0',
      optional: true,
      os: ['linux'],
      cpu: ['x64'],
      libc: [libc],
    })
    const named: Lock = {
      packages: {
        'node_modules/@image/linux-x64': one('glibc'),
        'node_modules/@image/linuxmusl-x64': one('musl'),
      },
    }
    expect(missingNatives(named, linux, nothing)).toEqual(['@image/linux-x64@1.0.0'])
    expect(missingNatives(named, { ...linux, libc: 'musl' }, nothing)).toEqual(['@image/linuxmusl-x64@1.0.0'])
    const old = 'node_modules/@image/linuxmusl-x64'
    const unnamed: Lock = {
      packages: { [old]: { version: '1.0.0', optional: true, os: ['linux'], cpu: ['x64'] } },
    }
    expect(missingNatives(unnamed, linux, nothing)).toEqual([])
  })

  it('is silent about what is there, and on a platform that nothing is made for', () => {
    expect(missingNatives(lock, linux, (path) => path !== 'node_modules/other/node_modules/bare')).toEqual([
      'bare@2.1.0',
    ])
    expect(missingNatives(lock, linux, () => true)).toEqual([])
    expect(missingNatives(lock, { ...linux, cpu: 'riscv64' }, nothing)).toEqual([])
  })
})
