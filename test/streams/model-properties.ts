/** Properties of every stream store: it does as the model does. */
import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { StreamStore } from '../../src/streams/store.ts'
import type { StreamRecord } from '../../src/streams/stream.ts'
import type { StreamEvent } from '../../src/streams/watching.ts'
import { Model, type ModelAppend } from './model.ts'

const IDS = ['a', 'b']

type Step =
  | { readonly do: 'create'; readonly id: string; readonly ttlMs: number }
  | ({ readonly do: 'append'; readonly id: string } & ModelAppend)
  | { readonly do: 'acquire'; readonly id: string; readonly ttlMs: number }
  | { readonly do: 'delete' | 'touch'; readonly id: string }
  | { readonly do: 'sweep' }
  | { readonly do: 'wait'; readonly ms: number }

const id = fc.constantFrom(...IDS)
const producer = fc.record({ id: fc.constantFrom('p', 'q', '@lease'), epoch: fc.nat(2), seq: fc.nat(3) })
const append = fc
  .record({
    do: fc.constant('append' as const),
    id,
    records: fc.array(fc.json({ maxDepth: 1 }), { maxLength: 4 }),
    close: fc.boolean().chain((close) => (close ? fc.boolean() : fc.constant(false))),
    producer: fc.option(producer, { nil: undefined }),
  })
  .filter(({ records, close }) => close || records.length > 0)
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: append as fc.Arbitrary<Step> },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('create' as const), id, ttlMs: fc.constantFrom(1000, 5000) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('acquire' as const), id, ttlMs: fc.constant(500) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('delete' as const, 'touch' as const), id }) },
  { weight: 1, arbitrary: fc.constant({ do: 'sweep' as const }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.constantFrom(5, 400, 3000) }),
  },
)

/** Does to the store what the model does; both say what came of it. */
function both(
  store: StreamStore,
  model: Model,
  taken: Exclude<Step, { do: 'wait' }>,
): [Promise<unknown>, unknown] {
  switch (taken.do) {
    case 'create':
      return [
        store.create(taken.id, { ttlMs: taken.ttlMs }).then(outcome),
        model.create(taken.id, taken.ttlMs),
      ]
    case 'append': {
      const { records, close, producer: by } = taken
      const request = { records, close, ...(by && { producer: by }) }
      return [store.append(taken.id, request).then(outcome), model.append(taken.id, request)]
    }
    case 'acquire':
      return [
        store.leases.acquire(taken.id, { holder: 'h', ttlMs: taken.ttlMs }).then(outcome),
        model.acquire(taken.id, taken.ttlMs),
      ]
    case 'delete':
      return [store.delete(taken.id), model.delete(taken.id)]
    case 'touch':
      return [store.touch(taken.id), model.touch(taken.id)]
    case 'sweep':
      return [store.sweep(), model.sweep()]
  }
}

function outcome(result: { readonly outcome: string }): string {
  return result.outcome
}

/** Collects what is told of an id, over all its lives that are watched. */
async function follow(store: StreamStore, stream: string, told: Map<string, StreamRecord[]>): Promise<void> {
  const life: { records?: StreamRecord[] } = {}
  const result = await store.watch(stream, (event: StreamEvent) => {
    if (event.type === 'append') life.records?.push(...event.records)
  })
  if (result.outcome !== 'watching' || told.has(result.incarnation)) return
  const page = await store.read(stream, 'start')
  life.records = page.outcome === 'page' ? [...page.records] : []
  told.set(result.incarnation, life.records)
}

async function compare(store: StreamStore, model: Model, told?: Map<string, StreamRecord[]>): Promise<void> {
  for (const stream of IDS) {
    const page = await store.read(stream, 'start')
    const { records, closed } = model.read(stream) ?? { closed: undefined, records: undefined }
    expect(page.outcome === 'page' ? page.records : undefined).toEqual(records)
    expect(page.outcome === 'page' ? page.closed : undefined).toEqual(closed)
    const life = (await store.head(stream))?.incarnation
    if (told && life !== undefined) expect(told.get(life)).toEqual(records)
  }
}

/** @param open a store that shares nothing with the ones before, on this clock. */
export function itDoesAsTheModelDoes(open: (clock: () => number) => StreamStore): void {
  it('one step after the other, and its watchers are told the same', { timeout: 60_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        const model = new Model()
        const store = open(() => model.now)
        const told = new Map<string, StreamRecord[]>()
        for (const taken of steps) {
          if (taken.do === 'wait') model.now += taken.ms
          else {
            const [real, expected] = both(store, model, taken)
            expect(await real).toEqual(expected)
            if (taken.do === 'create' && expected === 'created') await follow(store, taken.id, told)
          }
        }
        await compare(store, model, told)
        await store.close()
      }),
      { numRuns: 100 },
    )
  })

  it('for writes that are all under way at once', { timeout: 60_000 }, async () => {
    const writes = step.filter((taken) => taken.do !== 'touch' && taken.do !== 'sweep' && taken.do !== 'wait')
    await fc.assert(
      fc.asyncProperty(fc.array(writes, { maxLength: 40 }), async (steps) => {
        const model = new Model()
        const store = open(() => model.now)
        const pairs = steps.map((taken) => both(store, model, taken as Exclude<Step, { do: 'wait' }>))
        expect(await Promise.all(pairs.map(([real]) => real))).toEqual(pairs.map(([, expected]) => expected))
        await compare(store, model)
        await store.close()
      }),
      { numRuns: 100 },
    )
  })
}
