import { EventEmitter } from 'node:events'
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import { type EndSignal, type Supervision, superviseProcess } from '../../src/cli/lifecycle.ts'
import { callHandler, guardProcess } from '../../src/logging/late-errors.ts'
import type { Logger } from '../../src/logging/logger.ts'

class Host extends EventEmitter {
  readonly exits: number[] = []
  exit(code: number): void {
    this.exits.push(code)
  }
}

/** Supervises a process that is none, whose application closes when the test says so. */
function supervise(signals?: readonly EndSignal[]): {
  supervision: Supervision
  host: Host
  lines: string[]
  logged: string[]
  closed: PromiseWithResolvers<void>
  close: () => Promise<void>
} {
  const host = new Host()
  const lines: string[] = []
  const logged: string[] = []
  const log = (_fields: object, message: string): void => void logged.push(message)
  const logger: Logger = { debug: log, info: log, warn: log, error: log }
  const closed = Promise.withResolvers<void>()
  const close = vi.fn<() => Promise<void>>(() => closed.promise)
  const say = (line: string): void => void lines.push(line)
  const options = { application: { close }, logger, shutdownTimeout: 10, say, ...(signals && { signals }) }
  const supervision = superviseProcess(options, host)
  return { supervision, host, lines, logged, closed, close }
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
})
afterEach(() => {
  vi.useRealTimers()
})

describe('a serving process', () => {
  test.each(['SIGINT', 'SIGTERM'])('closes its application on %s, and exits with 0', async (signal) => {
    const { host, lines, closed, close } = supervise()
    host.emit(signal)
    expect(close).toHaveBeenCalledOnce()
    expect(lines).toEqual([expect.stringMatching(/^Shutting down, within 10 s/)])
    expect(host.exits).toEqual([])
    closed.resolve()
    await vi.waitFor(() => expect(host.exits).toEqual([0]))
  })

  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ])('exits at once on a second %s', (signal, code) => {
    const { host } = supervise()
    host.emit(signal)
    vi.advanceTimersByTime(301)
    host.emit(signal)
    expect(host.exits).toEqual([code])
  })

  test('exits at once on another signal, however soon', () => {
    const { host } = supervise()
    host.emit('SIGINT')
    host.emit('SIGTERM')
    expect(host.exits).toEqual([143])
  })

  test('takes the copies of a signal that others pass on for one', async () => {
    const { host, lines, closed, close } = supervise()
    host.emit('SIGINT')
    vi.advanceTimersByTime(200)
    host.emit('SIGINT')
    expect(close).toHaveBeenCalledOnce()
    expect(lines).toHaveLength(1)
    closed.resolve()
    await vi.waitFor(() => expect(host.exits).toEqual([0]))
  })

  test('leaves an application behind that does not close', () => {
    const { host, logged } = supervise()
    host.emit('SIGTERM')
    vi.advanceTimersByTime(11_999)
    expect(host.exits).toEqual([])
    vi.advanceTimersByTime(1)
    expect(host.exits).toEqual([1])
    expect(logged).toEqual(['the application did not close in time: exiting without it'])
  })

  test('says that an application failed to close, and exits with 1', async () => {
    const { host, logged, closed } = supervise()
    host.emit('SIGTERM')
    closed.reject(new Error('no'))
    await vi.waitFor(() => expect(host.exits).toEqual([1]))
    expect(logged).toEqual(['the application failed to close'])
  })

  test('closes its application after an exception that nobody caught, and exits with 1', async () => {
    const { host, logged, closed, close } = supervise()
    host.emit('uncaughtException', new Error('half done'))
    host.emit('uncaughtException', new Error('again'))
    expect(close).toHaveBeenCalledOnce()
    expect(logged).toEqual(Array(2).fill('uncaught exception: shutting down'))
    closed.resolve()
    await vi.waitFor(() => expect(host.exits).toEqual([1]))
  })

  test('closes its application when it is told to without a signal, and says nothing', async () => {
    const { supervision, host, lines, closed, close } = supervise()
    supervision.shutDown()
    supervision.shutDown()
    expect(close).toHaveBeenCalledOnce()
    expect(lines).toEqual([])
    closed.resolve()
    await vi.waitFor(() => expect(host.exits).toEqual([0]))
  })

  test('leaves the signals alone that are not its to handle', () => {
    const { host } = supervise(['SIGTERM'])
    expect([host.listenerCount('SIGINT'), host.listenerCount('SIGTERM')]).toEqual([0, 1])
  })

  test('goes on after a rejection that nobody handled', () => {
    const { host, logged, close } = supervise()
    host.emit('unhandledRejection', new Error('forgotten'))
    expect(logged).toEqual(['a promise was rejected and nobody handled it'])
    expect(close).not.toHaveBeenCalled()
  })

  test('leaves what a handler threw late to the handler', () => {
    const { host, logged, close } = supervise()
    onTestFinished(guardProcess())
    const threwLate = vi.fn<(error: unknown) => void>()
    const reason = new Error('forgotten')
    callHandler({ threwLate }, () => {
      host.emit('unhandledRejection', reason)
      // This one is told by a listener of its own.
      host.emit('uncaughtException', reason)
    })
    expect(threwLate.mock.calls).toEqual([[reason]])
    expect(logged).toEqual([])
    expect(close).not.toHaveBeenCalled()
  })
})
