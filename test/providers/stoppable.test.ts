import { once } from 'node:events'
import { describe, expect, test } from 'vitest'
import { stoppable } from '../../src/providers/stoppable.ts'

/** A generator that yields once and then waits until its signal aborts, and notes how it ended. */
function waiting(notes: string[]) {
  return async function* (signal: AbortSignal): AsyncGenerator<string, void, undefined> {
    notes.push('begun')
    try {
      yield 'first'
      await once(signal, 'abort')
      notes.push('aborted')
    } finally {
      notes.push('cleaned up')
    }
  }
}

describe('stoppable', () => {
  test('begins with the first next()', async () => {
    const notes: string[] = []
    const events = stoppable(new AbortController().signal, waiting(notes))
    expect(notes).toEqual([])
    expect(await events.next()).toEqual({ done: false, value: 'first' })
    expect(notes).toEqual(['begun'])
    await events.return?.()
  })

  test('rejects with the reason of the signal, whatever the generator made of it', async () => {
    const notes: string[] = []
    const stop = new AbortController()
    const reason = new Error('Stop was pressed')
    const events = stoppable(stop.signal, waiting(notes))
    await events.next()
    const next = events.next()
    stop.abort(reason)
    await expect(next).rejects.toBe(reason)
    expect(notes).toEqual(['begun', 'aborted', 'cleaned up'])
    expect(await events.next()).toEqual({ done: true, value: undefined })
  })

  test('begins nothing under a signal that has aborted', async () => {
    const notes: string[] = []
    const reason = new Error('too late')
    await expect(stoppable(AbortSignal.abort(reason), waiting(notes)).next()).rejects.toBe(reason)
    expect(notes).toEqual([])
  })

  test('begins under a signal that has aborted where there is something to end', async () => {
    const notes: unknown[] = []
    const reason = new Error('too late')
    const events = stoppable(
      AbortSignal.abort(reason),
      async function* (signal): AsyncGenerator<string, void, undefined> {
        notes.push(signal.reason)
        yield* []
      },
      true,
    )
    await expect(events.next()).rejects.toBe(reason)
    expect(notes).toEqual([reason])
  })

  test('a reader that leaves does not wait for the event that is due', async () => {
    const notes: string[] = []
    const events = stoppable(new AbortController().signal, waiting(notes))
    await events.next()
    const due = events.next()
    await events.return?.()
    expect(await due).toEqual({ done: true, value: undefined })
    expect(notes).toEqual(['begun', 'aborted', 'cleaned up'])
  })

  test('break cleans up', async () => {
    const notes: string[] = []
    for await (const event of stoppable(new AbortController().signal, waiting(notes))) {
      expect(event).toBe('first')
      break
    }
    expect(notes).toEqual(['begun', 'cleaned up'])
  })

  test('passes on the error of the generator', async () => {
    const error = new Error('broken')
    const events = stoppable(new AbortController().signal, async function* () {
      yield await Promise.reject<string>(error)
    })
    await expect(events.next()).rejects.toBe(error)
  })

  test('leaves no listener on the outer signal', async () => {
    const stop = new AbortController()
    let listeners = 0
    const { addEventListener, removeEventListener } = stop.signal
    stop.signal.addEventListener = (...args: unknown[]) => {
      listeners++
      Reflect.apply(addEventListener, stop.signal, args)
    }
    stop.signal.removeEventListener = (...args: unknown[]) => {
      listeners--
      Reflect.apply(removeEventListener, stop.signal, args)
    }
    const events = stoppable(stop.signal, async function* () {
      yield 1
    })
    await events.next()
    expect(listeners).toBe(1)
    await events.next()
    expect(listeners).toBe(0)
  })
})
