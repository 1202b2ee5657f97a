import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import {
  chatIndexId,
  isReservedId,
  isRunId,
  mailboxId,
  newInputId,
  newRunId,
} from '../../../src/runs/records/run-ids.ts'

describe('the id of a run', () => {
  it('is drawn from 128 bits', () => {
    const ids = Array.from({ length: 1000 }, newRunId)
    expect(new Set(ids).size).toBe(1000)
    for (const id of ids) expect(id).toMatch(/^[a-z2-7]{25}[aeimquy4]$/)
    expect(ids.every(isRunId)).toBe(true)
  })

  it.each(['a', '~', 'a@b', 'x'.repeat(500), '9/8?#'])('may be %s', (id) => {
    expect(isRunId(id)).toBe(true)
  })

  it.each(['', '@', '@a', 'a b', 'ä', 'a\n', 'x'.repeat(501)])('is not %j', (id) => {
    expect(isRunId(id)).toBe(false)
  })
})

describe('the ids that Millrace keeps for itself', () => {
  it('are reserved, and no ids of runs', () => {
    for (const id of [mailboxId('h'), newInputId(), chatIndexId('c', 'o'), '@anything']) {
      expect(isReservedId(id)).toBe(true)
      expect(isRunId(id)).toBe(false)
    }
    expect(isReservedId(newRunId())).toBe(false)
  })

  it('of a chat tell owners apart, whatever they are called, and say neither name', () => {
    const ids = [
      chatIndexId('c', undefined),
      chatIndexId('c', ''),
      chatIndexId('c', 'null'),
      chatIndexId('c', 'ann'),
      chatIndexId('ann', 'c'),
      chatIndexId('","', 'a'),
      chatIndexId('a', '","'),
    ]
    expect(new Set(ids).size).toBe(ids.length)
    for (const id of ids) expect(id).toMatch(/^@chat\/[a-z2-7]{52}$/)
    // RFC 4648's own alphabet, so that other tools can compute it.
    const hex = createHash('sha256').update('["ann","c"]').digest('hex')
    const first = Number.parseInt(hex.slice(0, 2), 16) >> 3
    expect(chatIndexId('c', 'ann')[6]).toBe('abcdefghijklmnopqrstuvwxyz234567'[first])
    expect(chatIndexId('c', 'ann')).toBe(chatIndexId('c', 'ann'))
  })
})
