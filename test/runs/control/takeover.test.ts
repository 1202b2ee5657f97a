import { setImmediate as turn } from 'node:timers/promises'
import { expect, it, vi } from 'vitest'
import type { Json } from '../../../src/protocol/json.ts'
import { RunMovedError } from '../../../src/providers/provider.ts'
import type { RunProvider } from '../../../src/providers/provider.ts'
import { readCheckpoint } from '../../../src/runs/log/checkpoint.ts'
import { END_REASONS } from '../../../src/runs/end-reasons.ts'
import type { RunDefinition } from '../../../src/runs/definition.ts'
import { StoreError } from '../../../src/streams/errors.ts'
import { LEASE_PRODUCER } from '../../../src/streams/leases.ts'
import type { ExpiredOptions } from '../../../src/streams/leases.ts'
import type { AppendRequest } from '../../../src/streams/store.ts'
import { PuppetProvider } from '../puppet.ts'
import { onEveryStore } from '../world.ts'
import type { World } from '../world.ts'
import { asRun } from '../../support/as-run.ts'

const COMPLETED = { end: { status: 'completed' } }
const INTERRUPTED = { reason: 'interrupted', ...END_REASONS.interrupted }
const INTERRUPTED_RECORD = { end: { ...INTERRUPTED } }

const kindOf = (provider: RunProvider, resumable = true): Record<string, RunDefinition> => ({
  play: { run: asRun(() => provider), resumable },
})

async function kept(world: World, id: string, records: number): Promise<void> {
  await world.until(async () => (await world.store.head(id))?.tail.position === records)
}

onEveryStore('a run whose process died', (world) => {
  it('goes on from its checkpoint in another process, with the same id and log', async () => {
    const puppet = new PuppetProvider()
    const first = world().mortal({ runs: kindOf(puppet.provider) })
    const second = world().process({ runs: kindOf(puppet.provider) })
    second.open()
    const run = await first.runs.start({ kind: 'play' })
    puppet.last.checkpoint({ seq: 1 }, 'a')
    puppet.last.checkpoint({ seq: 2 }, 'b')
    await kept(world(), run.id, 2)
    first.kill()
    const seconds = await world().passUntil(() => puppet.calls.length === 2, 15)
    expect(seconds).toBeGreaterThan(6)
    expect(seconds).toBeLessThanOrEqual(12.1)
    expect(puppet.last.context).toMatchObject({ runId: run.id, resumeFrom: { seq: 2 } })
    puppet.last.yield('c')
    puppet.last.end()
    const taken = await second.get(run.id)
    await world().pass(0.1)
    expect(await taken?.end).toEqual({ status: 'completed' })
    expect(await world().records(run.id)).toEqual(['a', 'b', 'c', COMPLETED])
    expect((await second.get(run.id))?.info).toMatchObject({ attempt: 2, status: 'completed' })
    expect(world().logger.lines).toContainEqual(
      expect.objectContaining({ level: 'info', message: 'run taken over' }),
    )
  })

  it('drops by count what its provider yields again behind the checkpoint', async () => {
    const puppet = new PuppetProvider()
    const first = world().mortal({ runs: kindOf(puppet.provider) })
    const second = world().process({ runs: kindOf(puppet.provider) })
    second.open()
    const run = await first.runs.start({ kind: 'play' })
    puppet.last.checkpoint('after a', 'a')
    puppet.last.yield('b', 'c')
    await kept(world(), run.id, 3)
    first.kill()
    await world().passUntil(() => puppet.calls.length === 2, 15)
    expect(puppet.last.context.resumeFrom).toBe('after a')
    puppet.last.yield('b')
    puppet.last.checkpoint('after c', 'c')
    puppet.last.yield('d')
    puppet.last.end()
    await world().until(async () => (await world().store.head(run.id))?.closed)
    expect(await world().records(run.id)).toEqual(['a', 'b', 'c', 'd', COMPLETED])
  })

  it('begins its provider anew when there is no checkpoint, and keeps each record once', async () => {
    const puppet = new PuppetProvider()
    const first = world().mortal({ runs: kindOf(puppet.provider) })
    const second = world().process({ runs: kindOf(puppet.provider) })
    second.open()
    const run = await first.runs.start({ kind: 'play' })
    puppet.last.yield('a', 'b')
    await kept(world(), run.id, 2)
    first.kill()
    await world().passUntil(() => puppet.calls.length === 2, 15)
    expect(puppet.last.context).not.toHaveProperty('resumeFrom')
    puppet.last.yield('a', 'b', 'c')
    puppet.last.end()
    await world().until(async () => (await world().store.head(run.id))?.closed)
    expect(await world().records(run.id)).toEqual(['a', 'b', 'c', COMPLETED])
  })

  it.each([
    ['goes on from a checkpoint', true],
    ['yields everything again', false],
  ])(
    'counts the bytes that it had before against its limit when its provider %s',
    async (_how, checkpoints) => {
      const puppet = new PuppetProvider()
      const options = { runs: kindOf(puppet.provider), limits: { bytes: 400 } }
      const first = world().mortal(options)
      const second = world().process(options)
      second.open()
      const run = await first.runs.start({ kind: 'play' })
      const hundred = 'x'.repeat(98)
      const give = (): void => (checkpoints ? puppet.last.checkpoint(1, hundred) : puppet.last.yield(hundred))
      give()
      puppet.last.yield(hundred, hundred)
      await kept(world(), run.id, 3)
      first.kill()
      await world().passUntil(() => puppet.calls.length === 2, 15)
      if (!checkpoints) give()
      puppet.last.yield(hundred, hundred, hundred)
      await kept(world(), run.id, 4)
      puppet.last.yield('')
      await world().until(async () => (await world().store.head(run.id))?.closed)
      expect((await second.get(run.id))?.info).toMatchObject({ status: 'failed', reason: 'bytes_exceeded' })
      expect(await world().records(run.id)).toEqual([
        ...Array.from({ length: 4 }, () => hundred),
        { end: { reason: 'bytes_exceeded', ...END_REASONS.bytes_exceeded } },
      ])
    },
  )

  it('keeps a checkpoint with the very records that it covers', async () => {
    const { runs, hand } = world().mortal({
      runs: kindOf(async function* ({ checkpoint }) {
        for (let n = 1; n <= 500; n++) {
          checkpoint(n)
          yield n
        }
      }),
    })
    const seen: { readonly tail: number; readonly at: Json }[] = []
    const look = async (id: string): Promise<void> => {
      const head = await world().store.head(id)
      if (!head) throw new Error(`${id} is missing`)
      const checkpoint = readCheckpoint(head)
      if (checkpoint) {
        expect(checkpoint.value).toBe(checkpoint.at)
        seen.push({ tail: head.tail.position, at: checkpoint.at })
      }
    }
    hand.around = async (method, call, args) => {
      const result = await call()
      if (method === 'append' && typeof args[0] === 'string' && !args[0].startsWith('@')) await look(args[0])
      return result
    }
    await (
      await runs.start({ kind: 'play' })
    ).end
    expect(seen.length).toBeGreaterThan(3)
    for (const { tail, at } of seen) expect(at).toBe(tail)
    // The metadata was written when the run was started, and that was it.
    const appends = hand.calls
      .filter(({ method }) => method === 'append')
      .map(({ args }) => args as readonly [string, AppendRequest])
    const ofRun = appends.filter(([id]) => !id.startsWith('@')).map(([, request]) => request)
    expect(ofRun.filter((request) => 'metadata' in request)).toEqual([])
  })

  it('goes on again and again, each time from the exact record', async () => {
    const calls: Json[] = []
    const provider: RunProvider = async function* ({ resumeFrom, checkpoint }) {
      calls.push(resumeFrom ?? null)
      for (let n = Number(resumeFrom ?? 0) + 1; n <= 40; n++) {
        checkpoint(n)
        yield n
        // Five a process, and then it is killed.
        if (n % 5 === 0 && n < 40) await new Promise(() => undefined)
      }
    }
    const kinds = kindOf(provider)
    let process = world().mortal({ runs: kinds })
    const run = await process.runs.start({ kind: 'play' })
    for (let records = 5; records < 40; records += 5) {
      await world().passUntil(async () => (await world().store.head(run.id))?.tail.position === records, 15)
      process.kill()
      process = world().mortal({ runs: kinds })
      process.runs.open()
    }
    await world().passUntil(async () => (await world().store.head(run.id))?.closed, 15)
    expect(await world().records(run.id)).toEqual([...Array.from({ length: 40 }, (_, n) => n + 1), COMPLETED])
    expect(calls).toEqual([null, 5, 10, 15, 20, 25, 30, 35])
  })

  it('ends as interrupted when only its process could go on with it', async () => {
    const puppet = new PuppetProvider()
    const first = world().mortal()
    const second = world().process()
    second.open()
    const run = await first.runs.start({ owner: 'ann' }, puppet.provider)
    puppet.last.yield('part')
    await kept(world(), run.id, 1)
    first.kill()
    const waited = (await second.get(run.id))?.end
    let end: unknown
    void waited?.then((known) => (end = known))
    expect(await world().passUntil(() => end, 15)).toBeLessThanOrEqual(12.1)
    expect(end).toEqual(INTERRUPTED)
    expect(await world().records(run.id)).toEqual(['part', INTERRUPTED_RECORD])
  })

  it('ends as interrupted when its kind is not resumable', async () => {
    const puppet = new PuppetProvider()
    const first = world().mortal({ runs: kindOf(puppet.provider, false) })
    const second = world().process({ runs: kindOf(puppet.provider, false) })
    second.open()
    const run = await first.runs.start({ kind: 'play' })
    first.kill()
    await world().pass(12.5)
    expect(await world().records(run.id)).toEqual([INTERRUPTED_RECORD])
    expect(puppet.calls).toHaveLength(1)
  })

  it('is left to a process that knows its kind', async () => {
    const puppet = new PuppetProvider()
    const first = world().mortal({ runs: kindOf(puppet.provider) })
    const ignorant = world().process()
    ignorant.open()
    const run = await first.runs.start({ kind: 'play' })
    await world().pass(1)
    const second = world().process({ runs: kindOf(puppet.provider) })
    second.open()
    first.kill()
    await world().passUntil(() => puppet.calls.length === 2, 15)
    await world().pass(10)
    puppet.last.yield('on')
    await kept(world(), run.id, 1)
    expect(second.active).toBe(1)
    expect(ignorant.active).toBe(0)
  })

  it('ends as interrupted when no process knows its kind, within 15 seconds of the death', async () => {
    const puppet = new PuppetProvider()
    const first = world().mortal({ runs: kindOf(puppet.provider) })
    const ignorant = world().process()
    ignorant.open()
    const run = await first.runs.start({ kind: 'play' })
    // The worst moment to die: just after a renewal.
    const renewed = first.hand.count('leases.renew')
    await world().passUntil(() => first.hand.count('leases.renew') > renewed, 5)
    first.kill()
    const seconds = await world().passUntil(async () => (await world().store.head(run.id))?.closed, 15)
    expect(seconds).toBeGreaterThan(11)
    expect(await world().records(run.id)).toEqual([INTERRUPTED_RECORD])
  })

  it('is found by the process that is started in place of the dead one', async () => {
    const puppet = new PuppetProvider()
    const first = world().mortal({ runs: kindOf(puppet.provider) })
    const run = await first.runs.start({ kind: 'play', input: 'x'.repeat(10_000) })
    const adHoc = await first.runs.start({}, puppet.provider)
    first.kill()
    await world().pass(20)
    const inputs: Json[] = []
    const second = world().process({
      runs: {
        play: {
          run: asRun((input) => {
            inputs.push(input)
            return puppet.provider
          }),
          resumable: true,
        },
      },
    })
    second.open()
    await world().until(() => puppet.calls.length === 3)
    expect(inputs).toEqual(['x'.repeat(10_000)])
    expect(puppet.last.context.runId).toBe(run.id)
    await world().until(async () => (await world().store.head(adHoc.id))?.closed)
  })

  it('still has its large input, however long it was silent', async () => {
    const puppet = new PuppetProvider()
    const inputs: Json[] = []
    const provider = (input: Json): RunProvider => {
      inputs.push(input)
      return puppet.provider
    }
    const options = { retention: 60, runs: { play: { run: asRun(provider), resumable: true } } }
    const first = world().mortal(options)
    await first.runs.start({ kind: 'play', input: 'x'.repeat(10_000) })
    await world().pass(200)
    first.kill()
    world().process(options).open()
    await world().passUntil(() => puppet.calls.length === 2, 15)
    expect(inputs).toEqual(['x'.repeat(10_000), 'x'.repeat(10_000)])
  })

  it('is taken over by one of many', async () => {
    const puppet = new PuppetProvider()
    const kinds = kindOf(puppet.provider)
    const first = world().mortal({ runs: kinds })
    const ids: string[] = []
    for (let n = 0; n < 20; n++) ids.push((await first.runs.start({ kind: 'play' })).id)
    first.kill()
    const others = [
      world().process({ runs: kinds }),
      world().process({ runs: kinds }),
      world().process({ runs: kinds }),
    ]
    for (const runs of others) runs.open()
    await world().pass(14)
    expect(puppet.calls).toHaveLength(40)
    expect(new Set(puppet.calls.slice(20).map(({ context }) => context.runId))).toEqual(new Set(ids))
    expect(others.reduce((sum, runs) => sum + runs.active, 0)).toBe(20)
  })

  it('does not drag every process down with it', async () => {
    const kinds = kindOf(() => {
      throw new Error('it would have killed the process')
    })
    const first = world().mortal({ runs: kindOf(new PuppetProvider().provider) })
    const run = await first.runs.start({ kind: 'play' })
    first.kill()
    for (let death = 0; death < 4; death++) {
      const next = world().mortal({ runs: kindOf(new PuppetProvider().provider) })
      next.runs.open()
      await world().passUntil(() => next.runs.active === 1, 15)
      await world().pass(0.1)
      next.kill()
    }
    world().process({ runs: kinds }).open()
    await world().passUntil(async () => (await world().store.head(run.id))?.closed, 15)
    expect(await world().records(run.id)).toEqual([INTERRUPTED_RECORD])
  })

  it('can be tried again: a new run from the same kind and input', async () => {
    const puppet = new PuppetProvider()
    const inputs: Json[] = []
    const kinds = {
      play: {
        run: asRun((input) => {
          inputs.push(input)
          return puppet.provider
        }),
      },
    }
    const first = world().mortal({ runs: kinds })
    const request = {
      kind: 'play',
      input: { ask: 'x'.repeat(5000) },
      chat: 'c',
      owner: 'ann',
      metadata: { n: 1 },
    }
    const run = await first.runs.start(request)
    first.kill()
    const second = world().process({ runs: kinds })
    second.open()
    await expect(second.retry(run.id)).rejects.toMatchObject({ code: 'run_not_ended' })
    await world().pass(13)
    const again = await second.retry(run.id, { id: 'again' })
    expect(again.info).toMatchObject({
      id: 'again',
      kind: 'play',
      chat: 'c',
      owner: 'ann',
      metadata: { n: 1 },
    })
    expect(again.info).toMatchObject({ attempt: 1, retryOf: run.id, status: 'running' })
    expect((await second.retry(run.id, { id: 'again' })).id).toBe('again')
    expect(inputs).toEqual([request.input, request.input])
    expect((await second.latest('c', 'ann'))?.id).toBe('again')
    puppet.last.yield('anew')
    puppet.last.end()
    await again.end
    expect(await world().records('again')).toEqual(['anew', COMPLETED])
  })

  it('is the same run for a start with the id of the new one that asks the same', async () => {
    const runs = world().process({ runs: kindOf(async function* () {}) })
    // A start handler made another input of what it was asked.
    const asked = { kind: 'play', input: { question: 'why', at: 1 }, asked: 'why' }
    const first = await runs.start(asked)
    await first.end
    const again = await runs.retry(first.id, { id: 'again' })
    await again.end
    const late = await runs.start({ ...asked, id: 'again', input: { question: 'why', at: 2 } })
    expect(late.info).toMatchObject({ id: 'again', retryOf: first.id })
    const other = runs.start({ ...asked, id: 'again', asked: 'how' })
    await expect(other).rejects.toMatchObject({ code: 'run_differs' })
    expect((await runs.retry(again.id, { id: 'thrice' })).info).toMatchObject({ retryOf: 'again' })
    expect((await runs.start({ ...asked, id: 'thrice' })).info).toMatchObject({ retryOf: 'again' })
  })

  it.each([
    ['its kind is not resumable', true],
    ['its kind is unknown here', false],
  ])('leaves upstream what nobody can end, and the log says why: %s', async (why, isKnown) => {
    const puppet = new PuppetProvider()
    const kinds = kindOf(puppet.provider, false)
    const first = world().mortal({ runs: kinds })
    const run = await first.runs.start({ kind: 'play' })
    puppet.last.checkpoint('upstream-1', 1)
    await world().until(async () => (await world().store.head(run.id))?.tail.position === 1)
    first.kill()
    world()
      .process({ runs: isKnown ? kinds : {} })
      .open()
    await world().passUntil(async () => (await world().store.head(run.id))?.closed, 15)
    expect(world().logger.messages('warn')).toContain(`upstream work of a run may continue: ${why}`)
  })

  it('cannot be tried again without what it was started from', async () => {
    const { runs, hand } = world().mortal({ runs: kindOf(async function* () {}) })
    await expect(runs.retry('nobody')).rejects.toMatchObject({ code: 'run_not_found' })
    const adHoc = await runs.start({}, async function* () {})
    await adHoc.end
    await expect(runs.retry(adHoc.id)).rejects.toMatchObject({ code: 'run_not_retryable' })
    const large = await runs.start({ kind: 'play', input: 'x'.repeat(5000) })
    await large.end
    const input = hand.calls.find(
      ({ method, args }) => method === 'create' && String(args[0]).startsWith('@input/'),
    )
    await world().store.delete(String(input?.args[0]))
    await expect(runs.retry(large.id)).rejects.toMatchObject({ code: 'run_not_retryable' })
    const ignorant = world().process()
    const small = await runs.start({ kind: 'play' })
    await small.end
    await expect(ignorant.retry(small.id)).rejects.toMatchObject({ code: 'unknown_kind' })
  })
})

onEveryStore('a process that stood still', (world) => {
  it('is refused by the log, and its provider is told that the run moved', async () => {
    const zombie = new PuppetProvider()
    const heir = new PuppetProvider()
    const first = world().mortal({ runs: kindOf(zombie.provider) })
    const second = world().process({ runs: kindOf(heir.provider) })
    second.open()
    const run = await first.runs.start({ kind: 'play' })
    zombie.last.checkpoint(1, 'a')
    await kept(world(), run.id, 1)
    const thaw = first.hand.freeze()
    await world().passUntil(() => heir.calls.length === 1, 15)
    heir.last.checkpoint(2, 'b')
    await kept(world(), run.id, 2)
    zombie.last.yield('zombie')
    await turn()
    thaw()
    await world().until(() => zombie.last.ended)
    expect(zombie.last.context.signal.reason).toBeInstanceOf(RunMovedError)
    expect(first.runs.active).toBe(0)
    heir.last.yield('c')
    heir.last.end()
    await world().pass(0.1)
    // Whoever waits at the zombie is told the end as well.
    expect(await run.end).toEqual({ status: 'completed' })
    expect(await world().records(run.id)).toEqual(['a', 'b', 'c', COMPLETED])
  })

  it('does not write to a run that was started anew with the same id', async () => {
    const zombie = new PuppetProvider()
    const heir = new PuppetProvider()
    const first = world().mortal()
    const second = world().process()
    await first.runs.start({ id: 'r' }, zombie.provider)
    await world().store.delete('r')
    await second.start({ id: 'r' }, heir.provider)
    zombie.last.yield('zombie')
    await world().until(() => zombie.last.ended)
    heir.last.yield('a')
    heir.last.end()
    await world().until(async () => (await world().store.head('r'))?.closed)
    expect(await world().records('r')).toEqual(['a', COMPLETED])
  })

  it('learns from its renewal that its lease is lost, when its provider is silent', async () => {
    const zombie = new PuppetProvider()
    const first = world().mortal()
    const second = world().process()
    second.open()
    const run = await first.runs.start({}, zombie.provider)
    const thaw = first.hand.freeze()
    await world().passUntil(async () => (await world().store.head(run.id))?.closed, 15)
    thaw()
    await world().passUntil(() => zombie.last.ended, 5)
    await world().pass(0.1)
    expect(await run.end).toEqual(INTERRUPTED)
    expect(await world().records(run.id)).toEqual([INTERRUPTED_RECORD])
  })

  it('keeps its run when nobody took it over meanwhile', async () => {
    const puppet = new PuppetProvider()
    const { runs, hand } = world().mortal()
    const run = await runs.start({}, puppet.provider)
    const thaw = hand.freeze()
    await world().pass(30)
    thaw()
    puppet.last.yield('still here')
    puppet.last.end()
    await world().pass(5)
    expect(await run.end).toEqual({ status: 'completed' })
    expect(await world().records(run.id)).toEqual(['still here', COMPLETED])
  })
})

onEveryStore('a lease', (world) => {
  it('is renewed while the run lives, and nobody takes it over', async () => {
    const puppet = new PuppetProvider()
    const first = world().mortal()
    const second = world().process()
    second.open()
    const run = await first.runs.start({}, puppet.provider)
    await world().pass(60)
    puppet.last.end()
    await world().pass(0.1)
    expect(await run.end).toEqual({ status: 'completed' })
    expect(first.hand.count('leases.renew')).toBe(18)
  })

  it('is not taken from the run that lives here, though it is over', async () => {
    const puppet = new PuppetProvider()
    const { runs, hand } = world().mortal()
    const run = await runs.start({}, puppet.provider)
    const thawed = Promise.withResolvers<void>()
    hand.around = async (method, call) => {
      if (method === 'leases.renew') await thawed.promise
      return call()
    }
    await world().pass(30)
    expect(hand.count('leases.expired')).toBeGreaterThan(10)
    expect(hand.count('leases.acquire')).toBe(0)
    thawed.resolve()
    puppet.last.end()
    await world().pass(5)
    expect(await run.end).toEqual({ status: 'completed' })
  })

  it('is renewed by one timer, which stands still without runs', async () => {
    const { runs, hand } = world().mortal()
    const puppet = new PuppetProvider()
    const started = await Promise.all([1, 2, 3].map(() => runs.start({}, puppet.provider)))
    await world().pass(3.4)
    expect(hand.count('leases.renew')).toBe(3)
    await Promise.all(started.map(({ id }) => runs.stop(id)))
    await world().pass(10)
    expect(hand.count('leases.renew')).toBe(3)
  })

  it('that could not be renewed is renewed at the next time', async () => {
    const puppet = new PuppetProvider()
    const first = world().mortal()
    world().process().open()
    const run = await first.runs.start({}, puppet.provider)
    let failures = 0
    first.hand.around = async (method, call) => {
      if (method === 'leases.renew' && failures++ < 2) throw new Error('no answer')
      return call()
    }
    await world().pass(20)
    expect(failures).toBeGreaterThan(2)
    puppet.last.end()
    await world().pass(0.1)
    expect(await run.end).toEqual({ status: 'completed' })
  })

  it('that could not be renewed is told of once in ten seconds, however many runs there are', async () => {
    const puppet = new PuppetProvider()
    const { runs, hand } = world().mortal()
    const started = await Promise.all([1, 2, 3].map(() => runs.start({}, puppet.provider)))
    hand.around = async (method, call) => {
      if (method === 'leases.renew') throw new Error('no answer')
      return call()
    }
    await world().pass(7)
    expect(world().logger.messages('warn')).toEqual(['lease of a run could not be renewed; trying again'])
    hand.around = (_method, call) => call()
    await Promise.all(started.map(({ id }) => runs.stop(id)))
  })

  it('that is refused after the run has ended is told of to nobody', async () => {
    const puppet = new PuppetProvider()
    const { runs, hand } = world().mortal()
    const run = await runs.start({}, puppet.provider)
    const slow = Promise.withResolvers<never>()
    let renewals = 0
    hand.around = (method, call) => {
      if (method !== 'leases.renew') return call()
      renewals++
      return slow.promise
    }
    await world().pass(3.4)
    expect(renewals).toBe(1)
    puppet.last.end()
    await run.end
    slow.reject(new Error('no answer'))
    await world().pass(0.1)
    expect(world().logger.messages('warn')).toEqual([])
  })

  it('raises the epoch with which the log is written', async () => {
    const puppet = new PuppetProvider()
    const kinds = kindOf(puppet.provider)
    const first = world().mortal({ runs: kinds })
    const run = await first.runs.start({ kind: 'play' })
    first.kill()
    const second = world().mortal({ runs: kinds })
    second.runs.open()
    await world().passUntil(() => puppet.calls.length === 2, 15)
    const forged = { id: LEASE_PRODUCER, epoch: 1, seq: 0 }
    const refused = await world().store.append(run.id, { records: ['"forged"'], producer: forged })
    expect(refused).toEqual({ outcome: 'fenced', epoch: 2 })
  })
})

onEveryStore('the look for runs to take over', (world) => {
  it('goes on when the store fails, and says so once', async () => {
    const puppet = new PuppetProvider()
    const kinds = kindOf(puppet.provider)
    const first = world().mortal({ runs: kinds })
    const second = world().mortal({ runs: kinds })
    second.runs.open()
    await first.runs.start({ kind: 'play' })
    first.kill()
    second.hand.around = async () => {
      throw new Error('no answer')
    }
    await world().pass(20)
    expect(world().logger.messages('warn')).toEqual(['runs to take over cannot be listed; trying again'])
    second.hand.around = (_method, call) => call()
    await world().passUntil(() => puppet.calls.length === 2, 14)
    expect(world().logger.messages('warn')).toEqual([
      'runs to take over cannot be listed; trying again',
      'store was unavailable; no run is taken over for the length of a lease',
    ])
  })

  it('leaves alone what is no run', async () => {
    const plain = await world().store.create('plain', { lease: { holder: 'somebody', ttlMs: 1000 } })
    expect(plain.outcome).toBe('created')
    world().process().open()
    await world().pass(30)
    expect(await world().store.head('plain')).toMatchObject({ closed: false, tail: { position: 0 } })
    expect((await world().store.leases.expired()).map(({ holder }) => holder)).toEqual(['somebody'])
    expect(world().logger.messages('warn')).toEqual([])
  })

  it('gets past a thousand leases and more that are no runs, and looks at each of them once', async () => {
    const { store } = world()
    const foreign = Array.from({ length: 1001 }, (_, n) => `foreign-${n}`)
    await Promise.all(
      foreign.map((id) => store.create(id, { lease: { holder: 'an-application', ttlMs: 1 } })),
    )
    const puppet = new PuppetProvider()
    const first = world().mortal()
    const run = await first.runs.start({}, puppet.provider)
    first.kill()
    const second = world().mortal()
    second.runs.open()
    await world().pass(14)
    expect(await store.head(run.id)).toMatchObject({ closed: true })
    const looks = second.hand.calls.filter(({ method, args }) => method === 'head' && args[0] === 'foreign-7')
    expect(looks).toHaveLength(1)
    expect((await store.leases.expired({ limit: 1000 })).length).toBe(1000)
  })

  it('begins its looks behind thousands of leases that are no runs, and finds what comes to lie among them', async () => {
    const { store } = world()
    const leased = { lease: { holder: 'an-application', ttlMs: 1 } }
    await Promise.all(Array.from({ length: 2001 }, (_, n) => store.create(`foreign-${n}`, leased)))
    const second = world().mortal()
    second.runs.open()
    await world().pass(5)
    const froms = second.hand.calls
      .filter(({ method }) => method === 'leases.expired')
      .map(({ args: [options] }) => (options as ExpiredOptions).after?.stream)
    const [, first, last] = froms
    expect([first, last]).not.toContain(undefined)
    // A page in each of which it looks at them again.
    expect(froms).toEqual([undefined, first, last, undefined, last, first, last, undefined])
    // Back to when they were not over yet.
    vi.setSystemTime(Date.now() - 3_600_000)
    const puppet = new PuppetProvider()
    const mortal = world().mortal()
    const run = await mortal.runs.start({}, puppet.provider)
    mortal.kill()
    await world().passUntil(async () => (await store.head(run.id))?.closed, 30)
  })

  it('looks anew at a lease that was taken and left again', async () => {
    const { store } = world()
    const lease = { holder: 'an-application', ttlMs: 1 }
    await store.create('stream', { lease })
    const { runs, hand } = world().mortal()
    const looks = (): number =>
      hand.calls.filter(({ method, args }) => method === 'head' && args[0] === 'stream').length
    runs.open()
    await world().pass(5)
    expect(looks()).toBe(1)
    await store.leases.acquire('stream', lease)
    await world().pass(5)
    expect(looks()).toBe(2)
  })

  it('gets past a stream that cannot be read, and tries it again less and less often', async () => {
    const { store } = world()
    const metadata = { run: { status: 'running', startedAt: Date.now(), attempt: 1 } }
    const puppet = new PuppetProvider()
    const first = world().mortal({ leaseTtl: 5 })
    const second = world().mortal({ leaseTtl: 5 })
    const run = await first.runs.start({}, puppet.provider)
    first.kill()
    // Only now: the first process looks for what to take over, too.
    await store.create('damaged', { metadata, lease: { holder: 'dead', ttlMs: 1 } })
    const tries: number[] = []
    let isDamaged = true
    second.hand.around = async (method, call, args) => {
      if (method !== 'head' || args[0] !== 'damaged') return call()
      tries.push(performance.now())
      if (isDamaged) throw new StoreError('corrupt', 'A page is damaged')
      return call()
    }
    second.runs.open()
    await world().pass(7)
    expect(await store.head(run.id)).toMatchObject({ closed: true })
    await world().passUntil(() => tries.length === 4, 40)
    const looks = tries.slice(1).map((at, n) => Math.round((at - (tries[n] ?? 0)) / 1000))
    for (const [n, least] of [1, 4, 8].entries()) expect(looks[n]).toBeGreaterThanOrEqual(least)
    isDamaged = false
    await world().pass(18)
    expect(await store.head('damaged')).toMatchObject({ closed: true })
  })

  it('ends a run whose input is damaged', async () => {
    const puppet = new PuppetProvider()
    const kinds = kindOf(puppet.provider)
    const first = world().mortal({ runs: kinds })
    const second = world().mortal({ runs: kinds })
    const run = await first.runs.start({ kind: 'play', input: 'x'.repeat(4000) })
    first.kill()
    second.hand.around = async (method, call, args) => {
      if (method === 'read' && String(args[0]).startsWith('@input/'))
        throw new StoreError('corrupt', 'A page is damaged')
      return call()
    }
    second.runs.open()
    await world().pass(14)
    expect((await second.runs.get(run.id))?.info).toMatchObject({ status: 'failed', reason: 'interrupted' })
  })

  it('goes on when its own mailbox cannot be kept', async () => {
    const puppet = new PuppetProvider()
    const first = world().mortal()
    const second = world().mortal()
    const run = await first.runs.start({}, puppet.provider)
    await second.runs.start({ id: 'other' }, puppet.provider)
    first.kill()
    second.hand.around = async (method, call) => {
      if (method === 'touch') throw new StoreError('corrupt', 'A page is damaged')
      return call()
    }
    await world().pass(14)
    expect(await world().store.head(run.id)).toMatchObject({ closed: true })
  })

  it('finds a thousand runs and more in one go', async () => {
    const puppet = new PuppetProvider()
    const first = world().mortal({ limits: { runsPerProcess: 1100 } })
    await Promise.all(Array.from({ length: 1100 }, () => first.runs.start({}, puppet.provider)))
    first.kill()
    await world().pass(10)
    const second = world().process()
    second.open()
    await world().until(async () => {
      const { runs } = await second.list({ status: 'running', limit: 1 })
      return runs.length === 0
    })
    expect((await second.list({ status: 'failed', limit: 1000 })).runs).toHaveLength(1000)
  })
})
