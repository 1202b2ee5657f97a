import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { Announcement } from '../../../src/cli/announcement.ts'
import { CommandError, UsageError } from '../../../src/cli/command-error.ts'
import { WorkerPool } from '../../../src/cli/workers/pool.ts'
import { type WorkerExit, WorkerError, type WorkerProcess } from '../../../src/cli/workers/worker-process.ts'

const ANNOUNCEMENT: Announcement = {
  url: 'http://127.0.0.1:1',
  port: 1,
  isOpen: false,
  isLocal: false,
  hasChat: false,
  follows: { store: true, channelLayer: true },
}

/** A worker that is none: the test says what becomes of it. */
class Puppet implements WorkerProcess {
  static pids = 0
  readonly number: number
  readonly pid: number = ++Puppet.pids
  readonly #listening = Promise.withResolvers<Announcement>()
  readonly #ready = Promise.withResolvers<void>()
  readonly #leaving = Promise.withResolvers<void>()
  readonly #exited = Promise.withResolvers<WorkerExit>()
  readonly listening = this.#listening.promise
  readonly ready = this.#ready.promise
  readonly leaving = this.#leaving.promise
  readonly exited = this.#exited.promise
  readonly told: string[] = []

  constructor(number: number) {
    this.number = number
    this.listening.catch(() => undefined)
    this.ready.catch(() => undefined)
  }

  listens(): void {
    this.#listening.resolve(ANNOUNCEMENT)
  }

  comesUp(): void {
    this.listens()
    this.#ready.resolve()
  }

  fails(message: string, exitCode?: number): void {
    this.#fail(new WorkerError(message, exitCode))
    this.exits(exitCode ?? 1)
  }

  leaves(): void {
    this.#leaving.resolve()
  }

  exits(code: number | null, signal: string | null = null): void {
    this.#fail(new WorkerError('it ended'))
    this.#leaving.resolve()
    this.#exited.resolve({ code, signal })
  }

  drain(): void {
    this.told.push('drain')
  }

  kill(why?: string): void {
    this.told.push('kill')
    if (why !== undefined) this.#fail(new WorkerError(why))
    this.exits(null, 'SIGKILL')
  }

  #fail(failure: WorkerError): void {
    this.#listening.reject(failure)
    this.#ready.reject(failure)
  }
}

interface World {
  readonly pool: WorkerPool
  /** In the order in which they were started. */
  readonly workers: Puppet[]
  readonly lines: string[]
  readonly givenUp: CommandError[]
  /** The worker that was started last, once the pool has done what it can. */
  latest(): Promise<Puppet>
}

function world(count: number): World {
  const workers: Puppet[] = []
  const lines: string[] = []
  const givenUp: CommandError[] = []
  // Process ids differ from test to test.
  const note = (_fields: object, line: string): void =>
    void lines.push(
      line.replaceAll(/\((\d+)\)|pid \d+/g, (_all, pid: string | undefined) => (pid ? '(#)' : 'pid #')),
    )
  const pool = new WorkerPool({
    count,
    start(place) {
      const worker = new Puppet(place)
      workers.push(worker)
      return worker
    },
    logger: { debug: note, info: note, warn: note, error: note },
    onGivenUp: (error) => void givenUp.push(error),
    patience: 15,
  })
  const latest = async (): Promise<Puppet> => {
    await settle()
    return workers.at(-1) as Puppet
  }
  return { pool, workers, lines, givenUp, latest }
}

/** Lets everything that waits for no timer happen. */
async function settle(): Promise<void> {
  await vi.advanceTimersByTimeAsync(0)
}

async function started(count: number): Promise<World> {
  const made = world(count)
  const starting = made.pool.start()
  for (let n = 0; n < count; n++) {
    await settle()
    for (const worker of made.workers) worker.comesUp()
  }
  await starting
  return made
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
})
afterEach(() => {
  vi.useRealTimers()
})

describe('a start', () => {
  test('tries one worker before the others, and ends when all serve', async () => {
    const { pool, workers } = world(3)
    const starting = pool.start()
    await settle()
    expect(workers.map(({ number }) => number)).toEqual([1])
    workers[0]?.comesUp()
    await settle()
    expect(workers.map(({ number }) => number)).toEqual([1, 2, 3])
    workers[1]?.comesUp()
    workers[2]?.listens()
    expect(await starting).toEqual(ANNOUNCEMENT)
  })

  test.each([
    [1, CommandError],
    [2, UsageError],
  ])('fails as the worker does that says why (exit code %i)', async (exitCode, kind) => {
    const { pool, workers } = world(3)
    const starting = pool.start()
    await settle()
    workers[0]?.fails('app.ts:1: no database', exitCode)
    const error = await starting.catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(kind)
    expect(error).toMatchObject({ message: 'app.ts:1: no database', exitCode })
    expect(workers).toHaveLength(1)
  })

  test('tries again after one that just ends, later each time, and gives up after five', async () => {
    const { pool, workers, lines, latest } = world(2)
    const starting = pool.start().catch((reason: unknown) => reason)
    for (const delay of [100, 200, 400, 800]) {
      const worker = await latest()
      worker.exits(3)
      await settle()
      await vi.advanceTimersByTimeAsync(delay - 1)
      expect(await latest()).toBe(worker)
      await vi.advanceTimersByTimeAsync(1)
    }
    expect(workers).toHaveLength(5)
    expect(lines[0]).toBe('worker 1 did not come up: it ended; trying again in 0.1 s')
    workers[4]?.exits(3)
    expect(await starting).toEqual(
      new CommandError('5 workers in a row did not come up; of the last, it ended'),
    )
  })

  test('ends a worker that takes too long', async () => {
    const { pool, lines, latest } = world(1)
    void pool.start()
    const worker = await latest()
    await vi.advanceTimersByTimeAsync(60_000)
    expect(worker.told).toEqual(['kill'])
    expect(lines).toEqual(['worker 1 did not come up: it was not ready within 60 s; trying again in 0.1 s'])
  })
})

describe('a worker that dies', () => {
  test('is replaced at once, in its place', async () => {
    const { workers, lines, latest } = await started(2)
    workers[1]?.exits(null, 'SIGKILL')
    expect(await latest()).toMatchObject({ number: 2 })
    expect(workers).toHaveLength(3)
    expect(lines).toEqual(['worker 2 (#) died: signal SIGKILL; starting another'])
  })

  test('is replaced as soon as it begins to shut down by itself', async () => {
    const { workers, lines } = await started(1)
    workers[0]?.leaves()
    await settle()
    expect(workers).toHaveLength(2)
    expect(lines).toEqual(['worker 1 (#) shuts down by itself; starting another'])
  })

  test('soon after it came up, again and again, is replaced later each time', async () => {
    const { workers, latest } = await started(1)
    for (const delay of [0, 100, 200]) {
      const worker = await latest()
      worker.exits(1)
      await settle()
      await vi.advanceTimersByTimeAsync(delay)
      const next = await latest()
      expect(next).not.toBe(worker)
      next.comesUp()
    }
    // One that lived for long is worth another at once.
    await vi.advanceTimersByTimeAsync(10_000)
    const count = workers.length
    workers.at(-1)?.exits(1)
    await settle()
    expect(workers).toHaveLength(count + 1)
  })

  test('is tried for as long as another one serves', async () => {
    const { workers, givenUp, lines } = await started(2)
    workers[1]?.exits(1)
    for (let attempt = 0; attempt < 10; attempt++) {
      await settle()
      workers.at(-1)?.fails('app.ts:1: broken', 1)
      await settle()
      await vi.advanceTimersByTimeAsync(10_000)
    }
    expect(workers).toHaveLength(13)
    expect(givenUp).toEqual([])
    expect(lines.at(-1)).toBe('worker 2 did not come up: app.ts:1: broken; trying again in 10 s')
  })

  test('and leaves none behind: five attempts, then the server gives up', async () => {
    const { workers, givenUp } = await started(1)
    workers[0]?.exits(1)
    for (let attempt = 0; attempt < 5; attempt++) {
      await settle()
      expect(givenUp).toEqual([])
      workers.at(-1)?.fails('app.ts:1: broken', 1)
      await settle()
      await vi.advanceTimersByTimeAsync(10_000)
    }
    expect(givenUp).toEqual([
      new CommandError('5 workers in a row did not come up; of the last, app.ts:1: broken'),
    ])
  })
})

describe('a rolling restart', () => {
  test('tells a worker to go when its successor is ready, and goes on when it has gone', async () => {
    const { pool, workers, lines } = await started(2)
    pool.restart()
    await settle()
    expect(workers.map(({ number }) => number)).toEqual([1, 2, 1])
    workers[2]?.listens()
    await settle()
    expect(workers[0]?.told).toEqual([])
    workers[2]?.comesUp()
    await settle()
    expect(workers[0]?.told).toEqual(['drain'])
    expect(workers).toHaveLength(3)
    workers[0]?.exits(0)
    await settle()
    expect(workers.map(({ number }) => number)).toEqual([1, 2, 1, 2])
    workers[3]?.comesUp()
    await settle()
    workers[1]?.exits(0)
    await settle()
    expect(lines).toEqual([
      'Replacing 2 workers, one by one',
      'worker 1 (#) takes over from pid #',
      'worker 2 (#) takes over from pid #',
      'Replaced all 2 workers',
    ])
  })

  test('stops at a worker that does not come up, and the old ones stay', async () => {
    const { pool, workers, lines } = await started(2)
    pool.restart()
    await settle()
    workers[2]?.fails('app.ts:1: broken', 1)
    await settle()
    expect(workers).toHaveLength(3)
    expect([workers[0]?.told, workers[1]?.told]).toEqual([[], []])
    expect(lines.at(-1)).toBe(
      'worker 1 was not replaced: app.ts:1: broken; those that serve go on as they are',
    )
    expect(pool.serves).toBe(true)
  })

  test('stops at a worker that listens and is never ready', async () => {
    const { pool, workers, lines } = await started(1)
    pool.restart()
    await settle()
    workers[1]?.listens()
    await vi.advanceTimersByTimeAsync(60_000)
    expect(workers[1]?.told).toEqual(['kill'])
    expect(workers[0]?.told).toEqual([])
    expect(lines.at(-1)).toMatch(/^worker 1 was not replaced: it was not ready within 60 s/)
  })

  test('kills a worker that does not go', async () => {
    const { pool, workers } = await started(1)
    pool.restart()
    await settle()
    workers[1]?.comesUp()
    await settle()
    await vi.advanceTimersByTimeAsync(14_999)
    expect(workers[0]?.told).toEqual(['drain'])
    await vi.advanceTimersByTimeAsync(1)
    expect(workers[0]?.told).toEqual(['drain', 'kill'])
  })

  test('is done once more when it is asked for meanwhile, however often', async () => {
    const { pool, workers, lines } = await started(1)
    pool.restart()
    await settle()
    pool.restart()
    pool.restart()
    workers[1]?.comesUp()
    await settle()
    workers[0]?.exits(0)
    await settle()
    workers[2]?.comesUp()
    await settle()
    workers[1]?.exits(0)
    await settle()
    expect(workers).toHaveLength(3)
    expect(lines.filter((line) => line === 'Replaced the worker')).toHaveLength(2)
  })

  test('starts one worker, not two, for one that dies while its successor starts', async () => {
    const { pool, workers, lines } = await started(1)
    pool.restart()
    await settle()
    workers[0]?.exits(1)
    await settle()
    expect(workers).toHaveLength(2)
    workers[1]?.comesUp()
    await settle()
    expect(lines.at(-1)).toBe('Replaced the worker')
    expect(workers).toHaveLength(2)
  })

  test('goes on trying for one that died when its successor does not come up', async () => {
    const { pool, workers } = await started(1)
    pool.restart()
    await settle()
    workers[0]?.exits(1)
    workers[1]?.fails('app.ts:1: broken', 1)
    await settle()
    expect(workers).toHaveLength(3)
  })
})

describe('a shutdown', () => {
  test('tells all workers, and waits for them', async () => {
    const { pool, workers, lines } = await started(2)
    let isClosed = false
    const closing = pool.close().then(() => (isClosed = true))
    expect(workers.map(({ told }) => told)).toEqual([['drain'], ['drain']])
    workers[0]?.exits(0)
    await settle()
    expect(isClosed).toBe(false)
    workers[1]?.exits(0)
    await closing
    expect(workers).toHaveLength(2)
    expect(lines).toEqual([])
  })

  test('fails when a worker did not end in order', async () => {
    const { pool, workers } = await started(2)
    const closing = pool.close()
    workers[0]?.exits(0)
    workers[1]?.exits(1)
    await expect(closing).rejects.toThrow(/^workers did not end in order: worker 2 \(\d+\) with exit code 1$/)
  })

  test('ends a rolling restart and a start that waits', async () => {
    const { pool, workers } = await started(2)
    pool.restart()
    await settle()
    const closing = pool.close()
    expect(workers.map(({ told }) => told)).toEqual([['drain'], ['drain'], ['drain']])
    workers[2]?.exits(1)
    workers[0]?.exits(0)
    workers[1]?.exits(0)
    await closing
    await vi.advanceTimersByTimeAsync(60_000)
    expect(workers).toHaveLength(3)
  })
})
