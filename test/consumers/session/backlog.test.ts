import fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'
import { Backlog } from '../../../src/consumers/session/backlog.ts'

function watched(): { backlog: Backlog; pause: () => void; resume: () => void } {
  const pause = vi.fn<() => void>()
  const resume = vi.fn<() => void>()
  return { backlog: new Backlog({ pause, resume }), pause, resume }
}

function repeat(times: number, act: () => void): void {
  for (let i = 0; i < times; i++) act()
}

describe('a backlog', () => {
  it('stops the reading at more than 64 frames, and starts it again at half as many', () => {
    const { backlog, pause, resume } = watched()
    repeat(64, () => backlog.add('x'))
    expect(pause).not.toHaveBeenCalled()
    repeat(10, () => backlog.add('x'))
    expect(pause).toHaveBeenCalledOnce()
    repeat(41, () => backlog.remove('x'))
    expect(resume).not.toHaveBeenCalled()
    backlog.remove('x')
    expect(resume).toHaveBeenCalledOnce()
    repeat(32, () => backlog.remove('x'))
    expect(resume).toHaveBeenCalledOnce()
  })

  it('stops the reading at more than 256 KiB', () => {
    const { backlog, pause, resume } = watched()
    const data = Buffer.alloc(128 * 1024)
    repeat(2, () => backlog.add(data))
    expect(pause).not.toHaveBeenCalled()
    backlog.add('x')
    expect(pause).toHaveBeenCalledOnce()
    backlog.remove('x')
    expect(resume).not.toHaveBeenCalled()
    backlog.remove(data)
    expect(resume).toHaveBeenCalledOnce()
  })

  it('lets go at the end, however much waits', () => {
    const { backlog, resume } = watched()
    backlog.release()
    expect(resume).not.toHaveBeenCalled()
    repeat(100, () => backlog.add('x'))
    backlog.release()
    backlog.release()
    expect(resume).toHaveBeenCalledOnce()
  })

  it('is never left paused when nothing waits', () => {
    const sizes = fc.array(fc.nat({ max: 100_000 }), { maxLength: 200 })
    fc.assert(
      fc.property(sizes, fc.nat({ max: 10 }), (lengths, burst) => {
        let paused = false
        const backlog = new Backlog({ pause: () => (paused = true), resume: () => (paused = false) })
        const waiting: Uint8Array[] = []
        for (const [index, length] of lengths.entries()) {
          const data = { length } as Uint8Array
          waiting.push(data)
          backlog.add(data)
          if (burst > 0 && index % burst === 0) backlog.remove(waiting.shift()!)
        }
        for (const data of waiting) backlog.remove(data)
        expect(paused).toBe(false)
      }),
    )
  })
})
