import { expect, it } from 'vitest'
import { z } from 'zod'
import { START } from '../../src/protocol/offset.ts'
import { RunError } from '../../src/runs/errors.ts'
import type { RunErrorCode } from '../../src/runs/errors.ts'
import type { StartRequest } from '../../src/runs/run.ts'
import { StoreError } from '../../src/streams/errors.ts'
import { PuppetProvider } from './puppet.ts'
import { onEveryStore } from './world.ts'
import { asRun } from '../support/as-run.ts'

const COMPLETED = { end: { status: 'completed' } }

async function* numbers(): AsyncGenerator<number> {
  yield 1
  yield 2
  yield 3
}

async function codeOf(promise: Promise<unknown>): Promise<RunErrorCode> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  expect(error).toBeInstanceOf(RunError)
  return (error as RunError).code
}

onEveryStore('a run', (world) => {
  it('keeps what its provider yields, and its end as the last record of a closed stream', async () => {
    const run = await world().process().start({}, numbers)
    expect(await run.end).toEqual({ status: 'completed' })
    expect(await world().records(run.id)).toEqual([1, 2, 3, COMPLETED])
    const head = await world().store.head(run.id)
    expect(head).toMatchObject({ closed: true, contentType: 'application/json' })
  })

  it('is one stream, whose id is drawn at random', async () => {
    const runs = world().process()
    const ids = await Promise.all([1, 2, 3].map(async () => (await runs.start({}, numbers)).id))
    expect(new Set(ids).size).toBe(3)
    for (const id of ids) expect(id).toMatch(/^[a-z2-7]{26}$/)
  })

  it('goes on with nobody reading, and takes what it yields as JSON writes it', async () => {
    const odd = { a: undefined, b: [undefined, Number.NaN], c: new Date(0), d: '\u{d800}' }
    const run = await world()
      .process()
      .start({}, async function* () {
        yield odd
        yield '€'
        yield null
      })
    await run.end
    const page = await world().store.read(run.id, 'start')
    expect(page).toMatchObject({ records: [JSON.stringify(odd), '"€"', 'null'], ...COMPLETED })
  })

  it('says what is known of it', async () => {
    const runs = world().process()
    const puppet = new PuppetProvider()
    const request: StartRequest = { id: 'r', chat: 'c', owner: 'ann', metadata: { title: 'Hi' } }
    const before = Date.now()
    const run = await runs.start(request, puppet.provider)
    expect(run.info).toEqual({
      ...request,
      status: 'running',
      startedAt: expect.closeTo(before, -2) as number,
      attempt: 1,
      tail: START,
      incarnation: expect.any(String) as string,
    })
    expect((await world().store.head('r'))?.owner).toBe('ann')
    puppet.last.yield('x')
    puppet.last.end()
    await run.end
    const after = (await runs.get('r'))?.info
    expect(after).toMatchObject({ ...request, status: 'completed', tail: { position: 1 } })
    expect(after).not.toHaveProperty('reason')
  })

  it('tells its provider its id, and gives it nothing to resume from', async () => {
    const puppet = new PuppetProvider()
    const run = await world().process().start({}, puppet.provider)
    expect(puppet.last.context.runId).toBe(run.id)
    expect(puppet.last.context).not.toHaveProperty('resumeFrom')
    expect(puppet.last.context.signal.aborted).toBe(false)
  })

  it('is started once when its id is given fifty times at once', async () => {
    const runs = world().process()
    const puppet = new PuppetProvider()
    const started = await Promise.all(
      Array.from({ length: 50 }, () => runs.start({ id: 'same', owner: 'ann' }, puppet.provider)),
    )
    expect(puppet.calls).toHaveLength(1)
    puppet.last.yield('only')
    puppet.last.end()
    for (const run of started) expect(await run.end).toEqual({ status: 'completed' })
    expect(await world().records('same')).toEqual(['only', COMPLETED])
  })

  it('is started once when several processes give the same id at once', async () => {
    const processes = [world().process(), world().process(), world().process()]
    const puppet = new PuppetProvider()
    const started = await Promise.all(
      Array.from({ length: 30 }, (_, n) => processes[n % 3]!.start({ id: 'same' }, puppet.provider)),
    )
    expect(puppet.calls).toHaveLength(1)
    puppet.last.end()
    const ends = Promise.all(started.map((run) => run.end))
    await world().pass(0.1)
    expect(new Set((await ends).map(({ status }) => status))).toEqual(new Set(['completed']))
  })

  it('is not started again once it has ended', async () => {
    const runs = world().process()
    await (
      await runs.start({ id: 'r', chat: 'c' }, numbers)
    ).end
    const puppet = new PuppetProvider()
    const again = await runs.start({ id: 'r', chat: 'c' }, puppet.provider)
    expect(again.info.status).toBe('completed')
    expect(await again.end).toEqual({ status: 'completed' })
    expect(puppet.calls).toHaveLength(0)
  })

  it.each<[string, StartRequest]>([
    ['another owner', { id: 'r', owner: 'bob', chat: 'c' }],
    ['no owner', { id: 'r', chat: 'c' }],
    ['another chat', { id: 'r', owner: 'ann', chat: 'd' }],
  ])('is not given to %s', async (_who, request) => {
    const runs = world().process()
    const elsewhere = world().process()
    const run = await runs.start({ id: 'r', owner: 'ann', chat: 'c' }, new PuppetProvider().provider)
    expect(await codeOf(runs.start(request, numbers))).toBe('run_conflict')
    expect(await codeOf(elsewhere.start(request, numbers))).toBe('run_conflict')
    await runs.stop(run.id)
    expect(await codeOf(runs.start(request, numbers))).toBe('run_conflict')
  })

  it.each<[string, StartRequest, StartRequest]>([
    ['kind and input', { kind: 'say', input: { q: [1, 'x'] } }, { kind: 'say', input: { q: [1, 'y'] } }],
    ['kind and no input', { kind: 'say' }, { kind: 'say', input: 'y' }],
    ['another kind', { kind: 'say', input: 'x' }, { kind: 'sing', input: 'x' }],
    ['a large input', { kind: 'say', input: 'x'.repeat(5000) }, { kind: 'say', input: 'y'.repeat(5000) }],
    ['what was asked', { kind: 'say', input: 1, asked: 'x' }, { kind: 'say', input: 1, asked: 'y' }],
  ])('is refused for something else, and found for the same: %s', async (_what, first, other) => {
    const puppet = new PuppetProvider()
    const kinds = { say: { run: puppet.run }, sing: { run: puppet.run } }
    const runs = world().process({ runs: kinds })
    const elsewhere = world().process({ runs: kinds })
    await runs.start({ id: 'r', ...first })
    const askAgain = async (): Promise<void> => {
      for (const one of [runs, elsewhere]) {
        expect((await one.start({ id: 'r', ...first })).id).toBe('r')
        expect(await codeOf(one.start({ id: 'r', ...other }))).toBe('run_differs')
      }
    }
    await askAgain()
    await runs.stop('r')
    await askAgain()
    expect(puppet.calls).toHaveLength(1)
    // Nothing is left of an input that started nothing.
    const { streams } = await world().store.list({ prefix: '@input/' })
    expect(streams).toHaveLength(JSON.stringify(first).length > 5000 ? 1 : 0)
  })

  it('is found again where it could not be started: its kind is unknown there, or takes other inputs', async () => {
    const puppet = new PuppetProvider()
    const first: StartRequest = { id: 'r', kind: 'say', input: 'x', owner: 'ann' }
    const input = z.string().min(2)
    const others = [{}, { say: { input, run: puppet.run } }].map((runs) => world().process({ runs }))
    const codes = ['unknown_kind', 'invalid_input']
    for (const [at, other] of others.entries()) expect(await codeOf(other.start(first))).toBe(codes[at])
    const runs = world().process({ runs: { say: { run: puppet.run } } })
    await runs.start(first)
    const askAgain = async (): Promise<void> => {
      for (const [at, other] of others.entries()) {
        expect((await other.start(first)).id).toBe('r')
        expect(await codeOf(other.start({ ...first, input: 'y' }))).toBe('run_differs')
        expect(await codeOf(other.start({ ...first, owner: 'bob' }))).toBe('run_conflict')
        expect(await codeOf(other.start({ ...first, id: 'r2' }))).toBe(codes[at])
      }
    }
    await askAgain()
    await runs.stop('r')
    await askAgain()
    const again = await runs.retry('r', { id: 'again' })
    for (const other of others) expect((await other.retry('r', { id: 'again' })).id).toBe(again.id)
    expect(puppet.calls).toHaveLength(2)
  })

  it('is the same run for what it was asked, whatever its provider is made from', async () => {
    const puppet = new PuppetProvider()
    const runs = world().process({ runs: { say: { run: puppet.run } } })
    await runs.start({ id: 'r', kind: 'say', input: 1, asked: { a: 1, b: [{ c: 2, d: 3 }] } })
    const again = { id: 'r', kind: 'say', input: 2, asked: { b: [{ d: 3, c: 2 }], a: 1 } }
    expect((await runs.start(again)).id).toBe('r')
    const unasked = await runs.start({ id: 'r2' }, puppet.provider)
    expect((await runs.start({ id: 'r2', asked: 'whatever' }, puppet.provider)).id).toBe(unasked.id)
  })

  it('is one run when several processes start something else with it at once', async () => {
    const puppet = new PuppetProvider()
    const kinds = { say: { run: puppet.run } }
    const processes = [world().process({ runs: kinds }), world().process({ runs: kinds })]
    const starts = await Promise.allSettled(
      Array.from({ length: 10 }, (_, n) => processes[n % 2]!.start({ id: 'r', kind: 'say', input: n % 2 })),
    )
    const refused = starts.filter(({ status }) => status === 'rejected')
    expect(refused).toHaveLength(5)
    expect(puppet.calls).toHaveLength(1)
  })

  it('does not take the place of a stream that is no run', async () => {
    await world().store.create('plain', { records: ['1'], metadata: { run: 'jog' } })
    expect(await codeOf(world().process().start({ id: 'plain' }, numbers))).toBe('run_conflict')
    expect(await world().records('plain')).toEqual([1])
  })

  it.each<[string, StartRequest, string]>([
    ['an empty id', { id: '' }, 'id'],
    ['an id with a space', { id: 'a b' }, 'id'],
    ['an id of Millrace itself', { id: '@control/x' }, 'id'],
    ['an endless id', { id: 'x'.repeat(501) }, 'id'],
    ['an id that is no text', { id: 7 as never }, 'id'],
    ['an empty chat', { chat: '' }, 'chat'],
    ['an endless chat', { chat: 'x'.repeat(257) }, 'chat'],
    ['half a character as owner', { owner: '\ud800' }, 'owner'],
    ['an empty owner', { owner: '' }, 'owner'],
    ['metadata that is no JSON', { metadata: 1n as never }, 'metadata'],
    ['large metadata', { metadata: 'x'.repeat(9000) }, 'metadata'],
    ['an input without a kind', { input: 1 }, 'provider'],
  ])('is refused for %s, and nothing is kept', async (_what, request, word) => {
    const runs = world().process()
    const refusal = runs.start(request, numbers)
    await expect(refusal).rejects.toThrow(new RegExp(word, 'i'))
    expect(await codeOf(refusal)).toBe('invalid_run')
    expect(await runs.list()).toEqual({ runs: [] })
  })

  it('needs a provider or a kind, and not both', async () => {
    const runs = world().process({ runs: { count: { run: asRun(() => numbers) } } })
    expect(await codeOf(runs.start({}))).toBe('invalid_run')
    expect(await codeOf(runs.start({}, 'numbers' as never))).toBe('invalid_run')
    expect(await codeOf(runs.start({ kind: 'count' }, numbers))).toBe('invalid_run')
    expect(await codeOf(runs.start({ kind: 'constructor' }))).toBe('unknown_kind')
    expect(await codeOf(runs.start({ kind: 'count', input: Number as never }))).toBe('invalid_run')
  })

  it('of a kind is made from its input', async () => {
    const runs = world().process({
      runs: {
        echo: {
          async *run(input) {
            yield input
          },
        },
      },
    })
    const small = await runs.start({ kind: 'echo', input: { say: 'hello' } })
    const nothing = await runs.start({ kind: 'echo' })
    const large = await runs.start({ kind: 'echo', input: 'x'.repeat(100_000) })
    await Promise.all([small.end, nothing.end, large.end])
    expect(await world().records(small.id)).toEqual([{ say: 'hello' }, COMPLETED])
    expect(await world().records(nothing.id)).toEqual([null, COMPLETED])
    expect(await world().records(large.id)).toEqual(['x'.repeat(100_000), COMPLETED])
    expect(small.info.kind).toBe('echo')
    const tooLarge = runs.start({ kind: 'echo', input: 'x'.repeat(8 * 1024 * 1024) })
    expect(await codeOf(tooLarge)).toBe('invalid_run')
    expect((await runs.list()).runs).toHaveLength(3)
  })

  it('is told by what it was given, and not by what the caller makes of that', async () => {
    const puppet = new PuppetProvider()
    const runs = world().process({ runs: { play: { run: puppet.run, resumable: true } } })
    const metadata = { title: 'given' }
    const input = { ask: 'given' }
    const run = await runs.start({ kind: 'play', metadata, input })
    metadata.title = 'changed'
    input.ask = 'changed'
    puppet.last.end()
    await run.end
    const kept = (await world().store.head(run.id))?.metadata
    expect(kept).toMatchObject({ run: { metadata: { title: 'given' }, input: { ask: 'given' } } })
  })

  it('leaves no input behind when it is refused for its metadata', async () => {
    const runs = world().process({ runs: { play: { run: new PuppetProvider().run } } })
    const request = { kind: 'play', input: 'x'.repeat(10_000), metadata: 'x'.repeat(9000) }
    expect(await codeOf(runs.start(request))).toBe('invalid_run')
    expect((await world().store.list({ prefix: '@input/' })).streams).toEqual([])
  })

  it('leaves no input behind when another process has started it', async () => {
    const kinds = { play: { run: new PuppetProvider().run } }
    const processes = [world().process({ runs: kinds }), world().process({ runs: kinds })]
    const request = { id: 'r', kind: 'play', input: 'x'.repeat(10_000) }
    await Promise.all(processes.map((runs) => runs.start(request)))
    const { streams } = await world().store.list({ prefix: '@input/' })
    expect(streams).toHaveLength(1)
  })

  const away = () => new StoreError('unavailable', 'What was asked may have been done')

  it('is started though the answer of the store is lost', async () => {
    const { runs, hand } = world().mortal({ leaseTtl: 10 })
    hand.around = async (method, call, args) => {
      const answer = await call()
      if (method !== 'create' || args[0] !== 'r' || hand.count('create') > 2) return answer
      throw away()
    }
    const puppet = new PuppetProvider()
    const run = await runs.start({ id: 'r', metadata: { n: [1, { a: null }] } }, puppet.provider)
    // Its lease is in good hands.
    await world().pass(25)
    puppet.last.yield('kept')
    puppet.last.end()
    expect(await run.end).toEqual({ status: 'completed' })
    expect(await world().records('r')).toEqual(['kept', COMPLETED])
    expect(puppet.calls).toHaveLength(1)
  })

  it('is started though the answer comes to be lost after its lease is over', async () => {
    const { runs, hand } = world().mortal({ leaseTtl: 10 })
    const late = Promise.withResolvers<void>()
    hand.around = async (method, call, args) => {
      const answer = await call()
      if (method !== 'create' || args[0] !== 'r' || hand.count('create') > 2) return answer
      await late.promise
      throw away()
    }
    const starting = runs.start({ id: 'r' }, numbers)
    await world().pass(11)
    late.resolve()
    expect(await (await starting).end).toEqual({ status: 'completed' })
    expect(await world().records('r')).toEqual([1, 2, 3, COMPLETED])
  })

  it('keeps its input where another process took it over before the answer came to be lost', async () => {
    const puppet = new PuppetProvider()
    const kinds = { play: { run: puppet.run, resumable: true } }
    const { runs, hand } = world().mortal({ runs: kinds, leaseTtl: 10 })
    const elsewhere = world().process({ runs: kinds, leaseTtl: 10 })
    elsewhere.open()
    const late = Promise.withResolvers<void>()
    hand.around = async (method, call, args) => {
      const answer = await call()
      if (method !== 'create' || args[0] !== 'r' || puppet.calls.length > 0) return answer
      await late.promise
      throw away()
    }
    const starting = runs.start({ id: 'r', kind: 'play', input: 'x'.repeat(10_000) })
    await world().passUntil(() => puppet.calls.length === 1, 15)
    late.resolve()
    expect((await starting).info).toMatchObject({ status: 'running', attempt: 2 })
    expect((await world().store.list({ prefix: '@input/' })).streams).toHaveLength(1)
  })

  it('is started though the store was away, once it is back', async () => {
    const { runs, hand } = world().mortal()
    hand.around = async (method, call, args) => {
      if (method === 'create' && args[0] === 'r' && hand.count('create') === 2) throw away()
      return call()
    }
    const run = await runs.start({ id: 'r' }, numbers)
    expect(await run.end).toEqual({ status: 'completed' })
  })

  it('that another process started meanwhile is left to that one when the store was away', async () => {
    const { runs, hand } = world().mortal()
    const elsewhere = world().process()
    const [here, there] = [new PuppetProvider(), new PuppetProvider()]
    hand.around = async (method, call, args) => {
      if (method !== 'create' || args[0] !== 'r' || hand.count('create') > 2) return call()
      await elsewhere.start({ id: 'r' }, there.provider)
      await world().pass(0.1)
      throw away()
    }
    expect((await runs.start({ id: 'r' }, here.provider)).info.status).toBe('running')
    expect([here.calls.length, there.calls.length]).toEqual([0, 1])
  })

  it('is refused when the store stays away, and nobody is asked to fill it', async () => {
    const { runs, hand } = world().mortal()
    hand.around = async (method, call, args) => {
      const answer = await call()
      if (method === 'create' && args[0] === 'r') throw away()
      return answer
    }
    const puppet = new PuppetProvider()
    await expect(runs.start({ id: 'r' }, puppet.provider)).rejects.toThrow(StoreError)
    await world().pass(15)
    expect((await runs.get('r'))?.info).toMatchObject({ status: 'failed', reason: 'interrupted' })
    expect(puppet.calls).toHaveLength(0)
  })

  it('of an owner who has as many as may run is refused', async () => {
    const runs = world().process({ limits: { runsPerOwner: 3 } })
    const elsewhere = world().process({ limits: { runsPerOwner: 3 } })
    const puppet = new PuppetProvider()
    const start = (at = runs, owner = 'ann', id?: string) =>
      at.start({ owner, ...(id !== undefined && { id }) }, puppet.provider)
    const outcomes = await Promise.allSettled([start(), start(), start(), start(), start()])
    const started = outcomes.filter((outcome) => outcome.status === 'fulfilled')
    const refused = outcomes.filter((outcome) => outcome.status === 'rejected')
    expect(started).toHaveLength(3)
    expect(refused.map(({ reason }) => (reason as RunError).code)).toEqual(['too_many_runs', 'too_many_runs'])
    expect(await codeOf(start(elsewhere))).toBe('too_many_runs')
    // What is there already needs no new place.
    const { id } = started[0]!.value
    expect((await start(runs, 'ann', id)).id).toBe(id)
    expect((await start(elsewhere, 'ann', id)).id).toBe(id)
    await start(runs, 'bob')
    await runs.start({}, puppet.provider)
    await runs.stop(id)
    expect((await start(elsewhere)).info.status).toBe('running')
  })

  it('of an owner who has as many as may run is refused though all were started at once in many processes', async () => {
    const kinds = (puppet: PuppetProvider) => ({ play: { run: puppet.run } })
    const puppet = new PuppetProvider()
    const processes = Array.from({ length: 4 }, () =>
      world().process({ limits: { runsPerOwner: 5 }, runs: kinds(puppet) }),
    )
    const first = await processes[0]!.start({ owner: 'ann' }, puppet.provider)
    let left = 12
    const starting = Promise.allSettled(
      Array.from({ length: left }, async (_, n) => {
        const request = { owner: 'ann', chat: 'c', kind: 'play', input: 'x'.repeat(3000) }
        return processes[n % 4]!.start(request).finally(() => left--)
      }),
    )
    await world().passUntil(() => left === 0, 2)
    const outcomes = await starting
    const started = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []))
    const refused = outcomes.flatMap((outcome) =>
      outcome.status === 'rejected' ? [outcome.reason as RunError] : [],
    )
    expect(refused.map((error) => error.code)).toEqual(refused.map(() => 'too_many_runs'))
    expect(started).toHaveLength(4)
    // Nobody asked a model for those that are refused, and nothing of them stays.
    expect(puppet.calls).toHaveLength(5)
    const { runs } = await processes[1]!.list({ owner: 'ann' })
    expect(runs.map(({ id }) => id).sort()).toEqual([first, ...started].map(({ id }) => id).sort())
    expect((await world().store.list({ prefix: '@input/' })).streams).toHaveLength(4)
    expect(started.map(({ id }) => id)).toContain((await processes[2]!.latest('c', 'ann'))?.id)
  })

  it('that would be one too many takes back what it kept when its process shuts down meanwhile', async () => {
    const limits = { runsPerOwner: 1 }
    const { runs, hand } = world().mortal({ limits })
    const elsewhere = world().process({ limits })
    const puppet = new PuppetProvider()
    let rival: Promise<unknown> | undefined
    hand.around = async (method, call, args) => {
      const result = await call()
      if (method === 'create' && args[0] === 'b' && !rival) {
        // Its id comes first, but there is no room for it before this one has withdrawn.
        rival = world().store.create('a', {
          owner: 'ann',
          metadata: { run: { status: 'running', startedAt: 0, attempt: 1 } },
        })
        await rival
        void runs.close()
      }
      return result
    }
    await expect(runs.start({ id: 'b', owner: 'ann' }, puppet.provider)).rejects.toThrow(RunError)
    expect(puppet.calls).toHaveLength(0)
    expect(await elsewhere.get('b')).toBeUndefined()
    await world().store.delete('a')
  })

  it('takes nothing from anybody else, before its end and after it', async () => {
    const puppet = new PuppetProvider()
    const run = await world().process().start({ id: 'r' }, puppet.provider)
    const strange = [{ records: ['"strange"'] }, { close: true }, { metadata: { run: 'strange' } }]
    const answers = async (): Promise<string[]> => {
      const results = await Promise.all(strange.map((request) => world().store.append('r', request)))
      return results.map(({ outcome }) => outcome)
    }
    puppet.last.yield('a')
    await world().until(async () => (await world().store.head('r'))?.tail.position === 1)
    expect(await answers()).toEqual(['leased', 'leased', 'leased'])
    puppet.last.yield('b')
    puppet.last.end()
    await world().until(async () => (await world().store.head('r'))?.closed === true)
    expect(await answers()).toEqual(['closed', 'duplicate', 'closed'])
    expect(await run.end).toEqual({ status: 'completed' })
    expect(await world().records('r')).toEqual(['a', 'b', COMPLETED])
  })

  it('whose stream is deleted is gone, and its provider ends', async () => {
    const puppet = new PuppetProvider()
    const runs = world().process()
    const run = await runs.start({ id: 'r' }, puppet.provider)
    await world().store.delete('r')
    puppet.last.yield('b')
    await world().until(() => puppet.last.ended)
    expect(await codeOf(run.end)).toBe('run_gone')
    expect(runs.active).toBe(0)
    expect(await runs.get('r')).toBeUndefined()
  })

  it('whose stream is deleted is gone even when its provider is silent', async () => {
    const puppet = new PuppetProvider()
    const run = await world().process().start({ id: 'r' }, puppet.provider)
    await world().store.delete('r')
    await world().passUntil(() => puppet.last.ended, 5)
    await world().pass(0.1)
    expect(await codeOf(run.end)).toBe('run_gone')
  })

  it('that is silent outlives its retention while it runs, and not afterwards', async () => {
    const puppet = new PuppetProvider()
    const runs = world().process({ retention: 60, leaseTtl: 10 })
    const run = await runs.start({ id: 'r' }, puppet.provider)
    await world().pass(150)
    puppet.last.end()
    expect(await run.end).toEqual({ status: 'completed' })
    await world().pass(61)
    expect(await runs.get('r')).toBeUndefined()
  })
})
