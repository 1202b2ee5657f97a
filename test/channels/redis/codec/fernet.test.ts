import { describe, expect, it } from 'vitest'
import { Fernet } from '../../../../src/channels/redis/codec/fernet.ts'

/** Made by Python: `Fernet(urlsafe_b64encode(sha256(b'secret').digest()))` at 1,700,000,000. */
const PYTHON =
  'gAAAAABlU_EAAAECAwQFBgcICQoLDA0ODzML_3KUOYciHZQQ5jsfDo_bGnIKbDECsuzpGUizYmid6hmMPcvMjcPFBIbZU4Jdqg=='
const MADE_AT = 1_700_000_000

function fernet(secrets: readonly string[], now = MADE_AT): Fernet {
  return new Fernet(secrets, 70, () => now)
}

describe('a Fernet token', () => {
  it('that Python made is read', () => {
    expect(fernet(['secret']).decrypt(PYTHON).toString()).toBe('hello')
    expect(fernet(['new', 'secret']).decrypt(PYTHON).toString()).toBe('hello')
  })

  it('has the form of Python’s, and a vector of its own', () => {
    const tokens = [1, 2].map(() => fernet(['secret']).encrypt(Buffer.from('hello')))
    expect(tokens[0]).not.toBe(tokens[1])
    for (const token of tokens) {
      expect(token).toMatch(/^gAAAAABlU_EA[\w-]+=*$/)
      expect(token).toHaveLength(PYTHON.length)
      expect(fernet(['secret']).decrypt(token).toString()).toBe('hello')
    }
  })

  it('of the first secret is what is made', () => {
    const token = fernet(['new', 'old']).encrypt(Buffer.from('hello'))
    expect(fernet(['new']).decrypt(token).toString()).toBe('hello')
    expect(() => fernet(['old']).decrypt(token)).toThrow('another key')
  })

  it.each([0, 1, 15, 16, 17, 70_000])('carries %i bytes', (length) => {
    const text = Buffer.alloc(length, 7)
    expect(fernet(['secret']).decrypt(fernet(['secret']).encrypt(text))).toEqual(text)
  })

  it('is refused when any bit of it changed', () => {
    const bytes = Buffer.from(PYTHON, 'base64url')
    for (let i = 0; i < bytes.length; i++) {
      const changed = Buffer.from(bytes)
      changed[i] = (changed[i] as number) ^ 1
      expect(() => fernet(['secret']).decrypt(changed.toString('base64url')), `byte ${i}`).toThrow(Error)
    }
    for (const token of ['', 'gAAA', '\u0000', PYTHON.slice(0, -4)]) {
      expect(() => fernet(['secret']).decrypt(token)).toThrow(Error)
    }
  })

  it('is refused when it is too old, or from the future', () => {
    expect(
      fernet(['secret'], MADE_AT + 70)
        .decrypt(PYTHON)
        .toString(),
    ).toBe('hello')
    expect(() => fernet(['secret'], MADE_AT + 71).decrypt(PYTHON)).toThrow('too old, or from the future')
    expect(
      fernet(['secret'], MADE_AT - 60)
        .decrypt(PYTHON)
        .toString(),
    ).toBe('hello')
    expect(() => fernet(['secret'], MADE_AT - 61).decrypt(PYTHON)).toThrow('too old, or from the future')
  })
})

it('empty lists and secrets are refused', () => {
  expect(() => new Fernet([], 70)).toThrow(RangeError)
  expect(() => new Fernet(['secret', ''], 70)).toThrow(RangeError)
})
