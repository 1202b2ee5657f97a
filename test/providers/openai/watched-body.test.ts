import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { WatchedBody } from '../../../src/providers/openai/watched-body.ts'

beforeEach(() => {
  vi.useFakeTimers()
})

afterEach(() => {
  vi.useRealTimers()
})

/** A body the test writes to, and a reader of the watched one. */
function watch(timeout: number, firstTimeout?: number) {
  const source = new TransformStream<Uint8Array, Uint8Array>()
  const writer = source.writable.getWriter()
  const onSilence = vi.fn<() => void>()
  const body = new WatchedBody(source.readable, timeout, onSilence, firstTimeout)
  return { body, writer, reader: body.bytes.getReader(), onSilence }
}

const byte = new Uint8Array([1])

describe('WatchedBody', () => {
  test('passes the bytes on', async () => {
    const { body, writer, reader } = watch(100)
    void writer.write(byte)
    expect(await reader.read()).toEqual({ done: false, value: byte })
    void writer.close()
    expect(body.ended).toBe(false)
    expect(await reader.read()).toEqual({ done: true, value: undefined })
    expect(body).toMatchObject({ ended: true, silent: false })
  })

  test('tells of a read that waits too long', async () => {
    const { body, reader, onSilence } = watch(100)
    void reader.read()
    await vi.advanceTimersByTimeAsync(99)
    expect(onSilence).not.toHaveBeenCalled()
    await vi.advanceTimersByTimeAsync(1)
    expect(onSilence).toHaveBeenCalledOnce()
    expect(body).toMatchObject({ ended: false, silent: true })
  })

  test('each byte begins the time anew', async () => {
    const { writer, reader, onSilence } = watch(100)
    for (let i = 0; i < 5; i++) {
      const due = reader.read()
      await vi.advanceTimersByTimeAsync(99)
      void writer.write(byte)
      await due
    }
    expect(onSilence).not.toHaveBeenCalled()
  })

  test('the first byte may have a time of its own', async () => {
    const { body, writer, reader, onSilence } = watch(100, 10)
    void writer.write(byte)
    await reader.read()
    expect(body.begun).toBe(true)
    void reader.read()
    await vi.advanceTimersByTimeAsync(99)
    expect(onSilence).not.toHaveBeenCalled()

    const late = watch(100, 10)
    void late.reader.read()
    await vi.advanceTimersByTimeAsync(10)
    expect(late.onSilence).toHaveBeenCalledOnce()
    expect(late.body.begun).toBe(false)
  })

  test('no time passes while nobody reads, before, between and after', async () => {
    const { writer, reader, onSilence } = watch(100)
    await vi.advanceTimersByTimeAsync(1000)
    void writer.write(byte)
    await reader.read()
    await vi.advanceTimersByTimeAsync(1000)
    void writer.write(byte)
    await reader.read()
    await reader.cancel()
    await vi.advanceTimersByTimeAsync(1000)
    expect(onSilence).not.toHaveBeenCalled()
    expect(vi.getTimerCount()).toBe(0)
  })

  test('a body that fails has not ended', async () => {
    const { body, writer, reader } = watch(100)
    const due = reader.read()
    void writer.abort(new Error('terminated'))
    await expect(due).rejects.toThrow('terminated')
    expect(body).toMatchObject({ ended: false, silent: false })
    expect(vi.getTimerCount()).toBe(0)
  })

  test('leaving it leaves the body it watches', async () => {
    const cancel = vi.fn<(reason: unknown) => void>()
    const body = new WatchedBody(new ReadableStream({ cancel }), 100, () => {})
    await body.bytes.cancel('left')
    expect(cancel).toHaveBeenCalledWith('left')
  })
})
