import { setImmediate as nextTurn } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { type SocketWrites, flushAfterTask, flushAfterTurn } from '../../../src/server/websocket/flusher.ts'

/** Notes under its name when it is flushed. */
class Noted implements SocketWrites {
  scheduled = false
  readonly #name: string
  readonly #log: string[]

  constructor(name: string, log: string[]) {
    this.#name = name
    this.#log = log
  }

  flush(): void {
    this.#log.push(this.#name)
  }
}

describe.each([
  ['flushAfterTurn', flushAfterTurn],
  ['flushAfterTask', flushAfterTask],
])('%s', (_name, flushLater) => {
  it('flushes each item once, in the order in which they came', async () => {
    const log: string[] = []
    const items = [new Noted('a', log), new Noted('b', log)]
    for (let n = 0; n < 3; n++) for (const item of items) flushLater(item)
    expect(log).toEqual([])
    await nextTurn()
    expect(log).toEqual(['a', 'b'])
  })

  it('begins anew once it has flushed', async () => {
    const log: string[] = []
    const item = new Noted('a', log)
    for (let n = 0; n < 2; n++) {
      flushLater(item)
      await nextTurn()
    }
    expect(log).toEqual(['a', 'a'])
  })
})

it('a task that has many items to flush holds none of them longer than itself', async () => {
  const log: string[] = []
  flushAfterTask(new Noted('a', log))
  await Promise.resolve()
  expect(log).toEqual(['a'])
})
