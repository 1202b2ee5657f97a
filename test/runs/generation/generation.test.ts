import { setImmediate as turn } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Generation } from '../../../src/runs/generation/generation.ts'
import type { GenerationOptions } from '../../../src/runs/generation/generation.ts'
import { RecordingLogger } from '../recording-logger.ts'
import { useFakeTime } from '../world.ts'

const OF = { run: 'r', kind: 'k' }

beforeEach(useFakeTime)
afterEach(() => {
  vi.useRealTimers()
})

function generate(begin: GenerationOptions['begin'], options: Partial<GenerationOptions> = {}) {
  const events: unknown[] = []
  const take = (event: unknown): undefined => void events.push(event)
  return {
    events,
    generation: new Generation({
      begin,
      take,
      stopTimeoutMs: 1000,
      of: OF,
      logger: new RecordingLogger(),
      ...options,
    }),
  }
}

describe('a generation', () => {
  it('takes every event in order, and is whole at the end', async () => {
    const { events, generation } = generate(async function* () {
      yield 1
      yield 2
    })
    expect(await generation.ending).toEqual({ type: 'whole' })
    expect(events).toEqual([1, 2])
  })

  it('asks for no event while the one before is waited for', async () => {
    const room = Promise.withResolvers<void>()
    let yielded = 0
    const { generation } = generate(
      async function* () {
        for (; yielded < 3;) yield ++yielded
      },
      { take: () => room.promise },
    )
    await turn()
    expect(yielded).toBe(1)
    expect(generation.askedAt).toBeUndefined()
    room.resolve()
    await generation.ending
    expect(yielded).toBe(3)
  })

  it('says since when an event is owed', async () => {
    const next = Promise.withResolvers<void>()
    vi.advanceTimersByTime(500)
    const { generation } = generate(async function* () {
      yield await next.promise
    })
    const asked = performance.now()
    vi.advanceTimersByTime(300)
    expect(generation.askedAt).toBe(asked)
    next.resolve()
    await generation.ending
    expect(generation.askedAt).toBeUndefined()
  })

  it('leaves the event loop its turns, whatever the provider does', async () => {
    let yielded = 0
    const { generation } = generate(async function* () {
      for (;;) yield yielded++
    })
    for (let turns = 0; turns < 20; turns++) await turn()
    expect(yielded).toBeGreaterThan(100)
    generation.cut(new Error('enough'))
    expect(await generation.ending).toEqual({ type: 'whole' })
  })

  it('passes on what the provider throws', async () => {
    const error = new Error('no')
    const { generation } = generate(async function* () {
      yield 1
      throw error
    })
    expect(await generation.ending).toEqual({ type: 'threw', error })
  })

  it('cuts the provider when an event cannot be taken, and waits for its clean-up', async () => {
    const error = new Error('cannot take it')
    const cleanUp = Promise.withResolvers<void>()
    let signal: AbortSignal | undefined
    const { generation } = generate(
      async function* (given) {
        signal = given
        try {
          yield 1
        } finally {
          await cleanUp.promise
        }
      },
      {
        take: () => {
          throw error
        },
      },
    )
    await turn()
    expect(signal?.reason).toBe(error)
    let ended = false
    void generation.ending.then(() => (ended = true))
    await turn()
    expect(ended).toBe(false)
    cleanUp.resolve()
    expect(await generation.ending).toEqual({ type: 'threw', error })
  })

  it('aborts the signal with the reason, once', async () => {
    const reason = new Error('stop')
    const { generation } = generate(async function* (signal) {
      yield await new Promise((_, reject) =>
        signal.addEventListener('abort', () => reject(signal.reason as Error)),
      )
    })
    generation.cut(reason)
    generation.cut(new Error('another'))
    expect(await generation.ending).toEqual({ type: 'threw', error: reason })
    generation.cut(new Error('too late'))
  })

  it('leaves behind a provider that does not end, and takes nothing more from it', async () => {
    const late = Promise.withResolvers<number>()
    const { events, generation } = generate(async function* () {
      yield 1
      yield late.promise
    })
    await turn()
    generation.cut(new Error('stop'))
    vi.advanceTimersByTime(999)
    let ending: unknown
    void generation.ending.then((known) => (ending = known))
    await turn()
    expect(ending).toBeUndefined()
    vi.advanceTimersByTime(1)
    expect(await generation.ending).toEqual({ type: 'left' })
    late.resolve(2)
    await turn()
    expect(events).toEqual([1])
  })

  it('does not mind an iterator that fails to return, and one that cannot', async () => {
    const next = Promise.withResolvers<IteratorResult<number>>()
    const failing = generate(() => ({
      [Symbol.asyncIterator]: () => ({
        next: () => next.promise,
        return: () => {
          throw new Error('cannot return')
        },
      }),
    }))
    const without = generate(() => ({ [Symbol.asyncIterator]: () => ({ next: () => next.promise }) }))
    failing.generation.cut(new Error('stop'))
    without.generation.cut(new Error('stop'))
    next.resolve({ done: false, value: 7 })
    expect(await failing.generation.ending).toEqual({ type: 'whole' })
    expect(await without.generation.ending).toEqual({ type: 'whole' })
    expect([failing.events, without.events]).toEqual([[7], [7]])
  })

  it('leaves no timer behind', async () => {
    const { generation } = generate(async function* () {
      yield 1
    })
    generation.cut(new Error('stop'))
    expect(vi.getTimerCount()).toBe(1)
    await generation.ending
    expect(vi.getTimerCount()).toBe(0)
  })
})

describe('a generation that is begun to be ended', () => {
  it('calls the provider once under an aborted signal, and takes nothing', async () => {
    const cutFor = new Error('stopped')
    const seen: unknown[] = []
    const { events, generation } = generate(
      async function* (signal) {
        seen.push(signal.reason)
        yield 'not wanted'
        seen.push('asked again')
      },
      { cutFor },
    )
    expect(await generation.ending).toEqual({ type: 'whole' })
    expect([seen, events]).toEqual([[cutFor], []])
  })

  it('does not wait for ever', async () => {
    const { generation } = generate(
      async function* () {
        yield await new Promise(() => undefined)
      },
      { cutFor: new Error('stopped') },
    )
    vi.advanceTimersByTime(1000)
    expect(await generation.ending).toEqual({ type: 'left' })
  })
})
