/**
 * The memory layer against a model in which every channel is a list of messages and every group a
 * list of names. Whatever is asked, in whatever order, both must say the same.
 */
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { memoryChannels } from '../../src/channels/memory/layer.ts'

const EXPIRY = 5
const GROUP_EXPIRY = 12
const CAPACITY = 3

/** The channels by number: 0 to 2 are made by `newChannel`, 3 and 4 have names. */
const channel = fc.nat(4)
const group = fc.constantFrom('g', 'h')
const step = fc.oneof(
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('send' as const), channel }) },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('receive' as const), channel }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('groupSend' as const), group }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('groupAdd' as const), group, channel }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('groupDiscard' as const), group, channel }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('abort' as const), which: fc.nat(9) }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('pass' as const), seconds: fc.integer({ min: 1, max: 6 }) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('release' as const), channel: fc.nat(2) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('flush' as const) }) },
)

interface ModelChannel {
  held: { n: number; until: number }[]
  waiting: number[]
  released: boolean
}

class Model {
  now = 0
  readonly channels: ModelChannel[] = Array.from({ length: 5 }, () => ({
    held: [],
    waiting: [],
    released: false,
  }))
  groups: { group: string; channel: number; until: number }[] = []
  /** What each receive came to, by its number. */
  readonly outcomes: unknown[] = []

  at(index: number): ModelChannel {
    const found = this.channels[index] as ModelChannel
    found.held = found.held.filter(({ until }) => until > this.now)
    return found
  }

  put(index: number, n: number): boolean {
    const { held, waiting } = this.at(index)
    const receiver = waiting.shift()
    if (receiver !== undefined) this.outcomes[receiver] = n
    else if (held.length < CAPACITY) held.push({ n, until: this.now + EXPIRY })
    else return false
    return true
  }

  /** Whether it was there. */
  leave(group: string, index: number): boolean {
    const before = this.groups.length
    this.groups = this.groups.filter((member) => member.group !== group || member.channel !== index)
    return this.groups.length < before
  }
}

it('the memory layer does as its model', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const model = new Model()
      const layer = memoryChannels({
        expiry: EXPIRY,
        groupExpiry: GROUP_EXPIRY,
        capacity: CAPACITY,
        clock: () => model.now * 1000,
      })
      const names = [layer.newChannel(), layer.newChannel(), layer.newChannel(), 'work', 'mail']
      const nameOf = (index: number): string => names[index] as string
      const controllers: AbortController[] = []
      const outcomes: Promise<unknown>[] = []

      for (const [n, action] of steps.entries()) {
        switch (action.kind) {
          case 'send': {
            const sending = layer.send(nameOf(action.channel), { type: 'test', n }).then(() => true, codeOf)
            const expected = model.at(action.channel).released || model.put(action.channel, n)
            expect(await sending).toBe(expected || 'channel_full')
            break
          }
          case 'receive': {
            const controller = new AbortController()
            const index = controllers.push(controller) - 1
            const receiving = layer.receive(nameOf(action.channel), controller.signal)
            outcomes.push(receiving.then((got) => got['n'], codeOf))
            const { held, waiting, released } = model.at(action.channel)
            const next = held.shift()
            if (released) model.outcomes[index] = 'channel_released'
            else if (next) model.outcomes[index] = next.n
            else waiting.push(index)
            break
          }
          case 'groupSend': {
            const sending = layer.groupSend(action.group, { type: 'test', n })
            const count = { sent: 0, dropped: 0 }
            model.groups = model.groups.filter(({ until }) => until > model.now)
            for (const member of model.groups) {
              if (member.group === action.group) count[model.put(member.channel, n) ? 'sent' : 'dropped']++
            }
            expect(await sending).toEqual(count)
            break
          }
          case 'groupAdd': {
            await layer.groupAdd(action.group, nameOf(action.channel))
            if (model.at(action.channel).released) break
            const until = model.now + GROUP_EXPIRY
            const known = model.groups.find(
              (member) => member.group === action.group && member.channel === action.channel,
            )
            if (known && known.until > model.now) known.until = until
            else {
              model.leave(action.group, action.channel)
              model.groups.push({ group: action.group, channel: action.channel, until })
            }
            break
          }
          case 'groupDiscard':
            await layer.groupDiscard(action.group, nameOf(action.channel))
            model.leave(action.group, action.channel)
            break
          case 'abort': {
            const controller = controllers[action.which]
            if (!controller || controller.signal.aborted) break
            controller.abort('aborted')
            for (const one of model.channels) {
              if (!one.waiting.includes(action.which)) continue
              one.waiting = one.waiting.filter((index) => index !== action.which)
              model.outcomes[action.which] = 'aborted'
            }
            break
          }
          case 'pass':
            model.now += action.seconds
            break
          case 'release': {
            layer.release(nameOf(action.channel))
            const released = model.at(action.channel)
            for (const receiver of released.waiting.splice(0)) model.outcomes[receiver] = 'channel_released'
            released.held = []
            released.released = true
            model.groups = model.groups.filter((member) => member.channel !== action.channel)
            break
          }
          case 'flush':
            await layer.flush()
            model.groups = []
            for (const one of model.channels) one.held = []
        }
        expect(layer.usage().receivers).toBe(model.channels.reduce((sum, one) => sum + one.waiting.length, 0))
      }

      await layer.close()
      for (const one of model.channels)
        for (const receiver of one.waiting) model.outcomes[receiver] = 'channel_layer_closed'
      expect(await Promise.all(outcomes)).toEqual(model.outcomes)
    }),
    { numRuns: 1500 },
  )
})

/** The code of an error; what an abort was given as its reason, as it is. */
function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : error
}
