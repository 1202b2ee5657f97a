/** How a run ends, for every reason that docs/runs.md lists. */
import { readFileSync } from 'node:fs'
import { expect, it, test, vi } from 'vitest'
import { z } from 'zod'
import type { RunEnd } from '../../src/protocol/run-end.ts'
import type { RunProvider } from '../../src/providers/provider.ts'
import { UpstreamError } from '../../src/providers/upstream-error.ts'
import { END_REASONS, RunFailedError } from '../../src/runs/end-reasons.ts'
import type { EndReason } from '../../src/runs/end-reasons.ts'
import type { RunsOptions } from '../../src/runs/options.ts'
import type { Run } from '../../src/runs/run.ts'
import { StoreError } from '../../src/streams/errors.ts'
import { PuppetProvider, throwing } from './puppet.ts'
import { onEveryStore } from './world.ts'
import type { World } from './world.ts'

const end = (reason: EndReason): RunEnd => ({ reason, ...END_REASONS[reason] })

/** That a run ended so: to whoever waits for it, in its log behind `records`, and in what is known of it. */
async function expectEnd(
  world: World,
  run: Run,
  records: readonly unknown[],
  expected: RunEnd,
): Promise<void> {
  expect(await run.end).toEqual(expected)
  expect(await world.records(run.id)).toEqual([...records, { end: expected }])
  const head = await world.store.head(run.id)
  expect(head).toMatchObject({ closed: true, end: expected })
  expect(head).not.toHaveProperty('checkpoint')
}

onEveryStore('a run ends', (world) => {
  const start = (provider: RunProvider, options: Partial<RunsOptions> = {}) =>
    world().process(options).start({}, provider)

  it('completed, when its provider is done', async () => {
    const run = await start(async function* () {
      yield 'all'
    })
    await expectEnd(world(), run, ['all'], { status: 'completed' })
  })

  it('completed, with no record at all', async () => {
    const run = await start(async function* () {})
    await expectEnd(world(), run, [], { status: 'completed' })
  })

  it('stopped, when somebody stops it', async () => {
    const puppet = new PuppetProvider()
    const runs = world().process()
    const run = await runs.start({}, puppet.provider)
    puppet.last.yield('part')
    await world().until(async () => (await world().records(run.id)).length > 0)
    expect(await runs.stop(run.id)).toEqual({ status: 'stopped' })
    await expectEnd(world(), run, ['part'], { status: 'stopped' })
  })

  it('unread, when nobody reads it and that matters', async () => {
    let readers = 0
    const puppet = new PuppetProvider()
    const run = await start(puppet.provider, { stopUnreadAfter: 30, readers: () => readers })
    puppet.last.yield('part')
    await world().pass(25)
    readers = 1
    await world().pass(60)
    expect(puppet.last.ended).toBe(false)
    readers = 0
    await world().pass(28)
    expect(puppet.last.ended).toBe(false)
    expect(await world().passUntil(() => puppet.last.ended, 5)).toBeLessThan(4)
    await expectEnd(world(), run, ['part'], end('unread'))
  })

  it('unread only when nobody reads it in any process', async () => {
    let elsewhere = 0
    const puppet = new PuppetProvider()
    const options = { stopUnreadAfter: 30 }
    const runs = world().process({ ...options, readers: () => 0 })
    // This one works on no run, and is asked all the same.
    const other = world().process({ ...options, readers: (id) => (id === 'r' ? elsewhere : 0) })
    other.open()
    world()
      .process({ ...options, readers: () => 0 })
      .open()
    const run = await runs.start({ id: 'r' }, puppet.provider)
    elsewhere = 1
    await world().pass(75)
    expect(puppet.last.ended).toBe(false)
    elsewhere = 0
    const seconds = await world().passUntil(() => puppet.last.ended, 40)
    expect(seconds).toBeGreaterThan(10)
    await expectEnd(world(), run, [], end('unread'))
  })

  it('not for want of readers while the store cannot be asked for those of other processes', async () => {
    const puppet = new PuppetProvider()
    const { runs, hand } = world().mortal({ stopUnreadAfter: 30, readers: () => 0 })
    const run = await runs.start({}, puppet.provider)
    hand.around = async (method, call) => {
      if (method === 'list') throw new StoreError('unavailable', 'away')
      return call()
    }
    await world().pass(45)
    expect(puppet.last.ended).toBe(false)
    expect(world().logger.messages('warn')).toContain(
      'readers of a run in other processes could not be counted',
    )
    hand.around = (_method, call) => call()
    await world().passUntil(() => puppet.last.ended, 30)
    await expectEnd(world(), run, [], end('unread'))
  })

  it('never for want of readers by default, and with readers that cannot be counted', async () => {
    const puppet = new PuppetProvider()
    const run = await start(puppet.provider, {
      stopUnreadAfter: 3600,
      readers: () => {
        throw new Error('no count')
      },
    })
    await world().pass(10)
    expect(world().logger.messages('error')).toContain('readers of a run could not be counted')
    puppet.last.end()
    await expectEnd(world(), run, [], { status: 'completed' })
  })

  it('silent, when its provider yields nothing for too long', async () => {
    const puppet = new PuppetProvider()
    const run = await start(puppet.provider, { limits: { silence: 20 } })
    await world().pass(18)
    puppet.last.yield('late')
    await world().pass(18)
    expect(puppet.last.ended).toBe(false)
    await world().pass(4)
    expect(puppet.last.ended).toBe(true)
    await expectEnd(world(), run, ['late'], end('silent'))
  })

  it('silent, when its provider never yields at all', async () => {
    const puppet = new PuppetProvider()
    const run = await start(puppet.provider, { limits: { silence: 2 } })
    await world().passUntil(() => puppet.last.ended, 3)
    await expectEnd(world(), run, [], end('silent'))
  })

  it('not, while its provider thinks and gives signs of life', async () => {
    const puppet = new PuppetProvider()
    const run = await start(puppet.provider, { limits: { silence: 20 } })
    for (let breath = 0; breath < 4; breath++) {
      await world().pass(18)
      puppet.last.context.alive()
    }
    expect(puppet.last.ended).toBe(false)
    await world().pass(22)
    expect(puppet.last.ended).toBe(true)
    await expectEnd(world(), run, [], end('silent'))
  })

  it('thinking_exceeded, when its provider gives signs of life for too long and nothing else', async () => {
    const puppet = new PuppetProvider()
    const run = await start(puppet.provider, { limits: { silence: 20, thinking: 60 } })
    for (let breath = 0; breath < 3; breath++) {
      await world().pass(18)
      puppet.last.context.alive()
    }
    puppet.last.yield('late')
    for (let breath = 0; breath < 3; breath++) {
      await world().pass(18)
      puppet.last.context.alive()
    }
    expect(puppet.last.ended).toBe(false)
    await world().pass(10)
    expect(puppet.last.ended).toBe(true)
    await expectEnd(world(), run, ['late'], end('thinking_exceeded'))
  })

  it('life_exceeded, when it takes too long', async () => {
    const puppet = new PuppetProvider()
    const run = await start(puppet.provider, { limits: { life: 60 } })
    for (let second = 0; second < 58; second += 2) {
      await world().pass(2)
      puppet.last.yield(second)
    }
    expect(puppet.last.ended).toBe(false)
    await world().pass(5)
    expect(puppet.last.ended).toBe(true)
    expect(await run.end).toEqual(end('life_exceeded'))
  })

  it('records_exceeded, when it yields for ever, with as many records as it may have', async () => {
    let yielded = 0
    const run = await start(
      async function* () {
        for (;;) yield yielded++
      },
      { limits: { records: 250 } },
    )
    expect(await run.end).toEqual(end('records_exceeded'))
    const records = await world().records(run.id)
    expect(records.slice(0, 250)).toEqual(Array.from({ length: 250 }, (_, n) => n))
    expect(records).toHaveLength(251)
    expect(yielded).toBe(251)
  })

  it('bytes_exceeded, when it becomes too large', async () => {
    const run = await start(
      async function* () {
        for (;;) yield 'xxxxxxxx'
      },
      { limits: { bytes: 95 } },
    )
    await expectEnd(world(), run, Array(9).fill('xxxxxxxx'), end('bytes_exceeded'))
  })

  it('record_too_large, when the store does not keep such a record', async () => {
    const run = await start(async function* () {
      yield 'small'
      yield '€'.repeat(3_000_000)
      yield 'never'
    })
    await expectEnd(world(), run, ['small'], end('record_too_large'))
  })

  it.each<[EndReason, unknown]>([
    ['records_exceeded', 'third'],
    ['bytes_exceeded', 'x'.repeat(95)],
    ['record_too_large', 'x'.repeat(8 * 1024 * 1024)],
    ['not_json', 1n],
  ])('%s, when its provider does not end in time after that', async (reason, event) => {
    const bytes = reason === 'bytes_exceeded' ? 95 : 10_000_000
    const limits = { records: 2, bytes }
    const run = await start(
      async function* () {
        try {
          yield 'first'
          if (reason === 'records_exceeded') yield 'second'
          yield event as never
        } finally {
          await new Promise(() => undefined)
        }
      },
      { limits, stopTimeout: 1 },
    )
    const kept = reason === 'records_exceeded' ? ['first', 'second'] : ['first']
    await world().pass(1.1)
    await expectEnd(world(), run, kept, end(reason))
    expect(world().logger.messages('warn')).toEqual([
      'run failed',
      'provider did not end after its signal aborted',
    ])
  })

  it('records_exceeded, also when it is stopped while its provider cleans up', async () => {
    const cleanedUp = Promise.withResolvers<void>()
    const runs = world().process({ limits: { records: 1 } })
    let signal: AbortSignal | undefined
    const run = await runs.start({}, async function* (context) {
      signal = context.signal
      try {
        for (;;) yield 'one'
      } finally {
        await cleanedUp.promise
      }
    })
    await world().until(() => signal?.aborted)
    const stopped = runs.stop(run.id)
    await world().pass(0.1)
    cleanedUp.resolve()
    expect(await stopped).toEqual(end('records_exceeded'))
    await expectEnd(world(), run, ['one'], end('records_exceeded'))
  })

  const cycle: { self?: object } = {}
  cycle.self = cycle
  it.each<[string, unknown]>([
    ['undefined', undefined],
    ['a bigint', 1n],
    ['a cycle', cycle],
    ['a function', () => 1],
    ['a symbol', Symbol('x')],
    ['what refuses to be JSON', { toJSON: () => assertNever() }],
  ])('not_json, when its provider yields %s', async (_what, value) => {
    let cleanedUp = false
    const run = await start(async function* () {
      try {
        yield 'before'
        yield value as never
        yield 'after'
      } finally {
        cleanedUp = true
      }
    })
    await expectEnd(world(), run, ['before'], end('not_json'))
    expect(cleanedUp).toBe(true)
  })

  it.each<[string, unknown]>([
    ['no JSON', 1n],
    ['undefined', undefined],
    ['too large', 'x'.repeat(4096)],
  ])('bad_checkpoint, when a checkpoint is %s', async (_what, value) => {
    const run = await start(async function* ({ checkpoint }) {
      yield 'before'
      checkpoint(value as never)
      yield 'after'
    })
    await expectEnd(world(), run, ['before'], end('bad_checkpoint'))
  })

  it('provider_failed, when its provider throws, and says no more than that', async () => {
    const run = await start(async function* () {
      yield 'part'
      throw new Error('connect to 10.0.0.7 with key sk-secret')
    })
    await expectEnd(world(), run, ['part'], end('provider_failed'))
    expect(world().logger.messages('warn')).toContain('run failed')
  })

  it.each<[string, RunProvider]>([
    [
      'when it is called',
      () => {
        throw new Error('no')
      },
    ],
    ['by being no provider', () => ({}) as never],
    ['by yielding nothing that can be awaited', () => ({ [Symbol.asyncIterator]: () => ({}) }) as never],
    ['with what is no error', throwing(null)],
  ])('provider_failed, when its provider fails %s', async (_how, provider) => {
    await expectEnd(world(), await start(provider), [], end('provider_failed'))
  })

  it('with the words of its provider, when it throws a RunFailedError', async () => {
    const run = await start(
      throwing(new RunFailedError('out_of_credits', `Your credits are used up. ${'x'.repeat(600)}`)),
    )
    const message = `Your credits are used up. ${'x'.repeat(600)}`.slice(0, 500)
    await expectEnd(world(), run, [], { status: 'failed', reason: 'out_of_credits', message })
  })

  it.each([
    ['€'.repeat(501), '€'.repeat(500)],
    ['"\\'.repeat(300), '"\\'.repeat(250)],
    ['a\tb\u0000c\nd', 'a b c\nd'],
    [`x${'😀'.repeat(250)}`, `x${'😀'.repeat(249)}\ufffd`],
  ])('with words that fit the end of a stream: %j', async (given, message) => {
    const run = await start(throwing(new RunFailedError('x'.repeat(64), given)))
    await expectEnd(world(), run, [], { status: 'failed', reason: 'x'.repeat(64), message })
  })

  it('with the words of the model service, when that failed', async () => {
    const error = new UpstreamError('rate_limited', 'status 429 request req_1')
    const run = await start(throwing(error))
    const { code: reason, sentence: message } = error
    await expectEnd(world(), run, [], { status: 'failed', reason, message })
  })

  it('and the log says what the model service said, also of an error behind another', async () => {
    const error = new UpstreamError('rate_limited', 'HTTP 429, request req_1, Slow down.')
    await (
      await start(throwing(error))
    ).end
    await (
      await start(throwing(new RunFailedError('busy', 'Too busy.', { cause: error })))
    ).end
    const warnings = world().logger.lines.filter(({ level }) => level === 'warn')
    expect(warnings.map(({ fields }) => fields)).toMatchObject([
      { reason: 'rate_limited', detail: error.detail },
      { reason: 'busy', detail: error.detail },
    ])
  })

  it('store, when its records cannot be kept for longer than patience lasts', async () => {
    const { runs, hand } = world().mortal({ storePatience: 10 })
    const puppet = new PuppetProvider()
    const run = await runs.start({}, puppet.provider)
    puppet.last.yield('kept')
    await world().until(async () => (await world().records(run.id)).length > 0)
    hand.around = async (method, call, args) => {
      const { records = [] } = (method === 'append' ? args[1] : {}) as { records?: readonly string[] }
      // The disk has room for the close and for nothing else.
      if (records.length > 0) throw new StoreError('full', 'full')
      return call()
    }
    puppet.last.yield('lost')
    await world().pass(9)
    expect(puppet.last.ended).toBe(false)
    await world().pass(3)
    expect(puppet.last.ended).toBe(true)
    await expectEnd(world(), run, ['kept'], end('store'))
  })

  it('store, when its provider is done and what it yielded last cannot be kept', async () => {
    const { runs, hand } = world().mortal()
    const puppet = new PuppetProvider()
    const run = await runs.start({}, puppet.provider)
    puppet.last.yield('kept')
    await world().until(async () => (await world().records(run.id)).length > 0)
    hand.around = async (method, call, args) => {
      const { records = [] } = (method === 'append' ? args[1] : {}) as { records?: readonly string[] }
      if (records.includes('"lost"')) throw new StoreError('unavailable', 'away')
      return call()
    }
    puppet.last.yield('lost')
    puppet.last.yield('lost, too')
    puppet.last.end()
    await world().until(() => puppet.last.ended)
    // It would be tried for longer, but for the end of the process.
    await world().close(runs)
    await expectEnd(world(), run, ['kept'], end('store'))
  })

  it('interrupted, when its process shuts down', async () => {
    const runs = world().process()
    const puppet = new PuppetProvider()
    const run = await runs.start({}, puppet.provider)
    puppet.last.yield('part')
    await world().until(async () => (await world().records(run.id)).length > 0)
    await runs.close()
    await expectEnd(world(), run, ['part'], end('interrupted'))
  })

  it('replay_differs, when its provider goes on and yields something else', async () => {
    const puppet = new PuppetProvider()
    const kinds = { play: { run: puppet.run, resumable: true } }
    const first = world().mortal({ runs: kinds })
    const run = await first.runs.start({ kind: 'play' })
    puppet.last.yield('one', 'two')
    await world().until(async () => (await world().records(run.id)).length === 2)
    first.kill()
    const second = world().process({ runs: kinds })
    second.open()
    await world().passUntil(() => puppet.calls.length === 2, 14)
    puppet.last.yield('one', 'other', 'three')
    await world().until(() => puppet.last.ended)
    const found = await second.get(run.id)
    if (!found) throw new Error('The run is gone')
    await expectEnd(world(), found, ['one', 'two'], end('replay_differs'))
  })

  it('invalid_input, when its input no longer fits where it goes on', async () => {
    const puppet = new PuppetProvider()
    const first = world().mortal({ runs: { play: { run: puppet.run, resumable: true } } })
    const run = await first.runs.start({ kind: 'play', input: 'a text' })
    puppet.last.yield('part')
    await world().until(async () => (await world().records(run.id)).length > 0)
    first.kill()
    const second = world().process({
      runs: { play: { input: z.number(), run: puppet.run, resumable: true } },
    })
    second.open()
    await world().passUntil(async () => (await world().store.head(run.id))?.closed, 14)
    const found = await second.get(run.id)
    if (!found) throw new Error('The run is gone')
    await expectEnd(world(), found, ['part'], end('invalid_input'))
    expect(puppet.calls).toHaveLength(1)
  })

  it('once: what happens to its provider afterwards changes nothing', async () => {
    const runs = world().process()
    const run = await runs.start({}, async function* ({ signal }) {
      yield 'part'
      await new Promise((resolve) => signal.addEventListener('abort', resolve))
      throw new Error('while cleaning up')
    })
    await world().until(async () => (await world().records(run.id)).length > 0)
    await runs.stop(run.id)
    await expectEnd(world(), run, ['part'], { status: 'stopped' })
  })
})

function assertNever(): never {
  throw new Error('not JSON')
}

test('docs/runs.md lists every reason, as the registry has it', () => {
  const page = readFileSync('docs/runs.md', 'utf8')
  const rows = [...page.matchAll(/^\| `(\w+)` \| (stopped|failed) \|/gm)].map(([, reason, status]) => [
    reason,
    status,
  ])
  expect(rows).toEqual(Object.entries(END_REASONS).map(([reason, { status }]) => [reason, status]))
})

test('every reason of the registry has a test that names it', () => {
  const tests = readFileSync('test/runs/ends.test.ts', 'utf8')
  for (const reason of Object.keys(END_REASONS)) expect(tests).toMatch(new RegExp(`'${reason}, `))
})

test('the code of a failure is checked', () => {
  expect(() => new RunFailedError('Not a code', 'x')).toThrow(RangeError)
  expect(vi.isFakeTimers()).toBe(false)
})
