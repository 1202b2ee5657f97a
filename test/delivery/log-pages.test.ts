/** The past of a stream, as it is read from a store that answers without leaving the turn. */
import { expect, it } from 'vitest'
import { Delivery } from '../../src/delivery/delivery.ts'
import { append, FakeReader, make } from './readers.ts'

it('a long log is given out over many turns of the event loop, to a reader that takes all', async () => {
  const store = await make()
  const record = JSON.stringify('x'.repeat(10_000))
  for (let n = 0; n < 20; n++)
    await append(
      store,
      Array.from({ length: 40 }, () => record),
    )
  const delivery = new Delivery({ store })
  let turns = 0
  let isReading = true
  const count = (): void => {
    turns++
    if (isReading) setImmediate(count)
  }
  setImmediate(count)
  const reader = new FakeReader().follow(delivery, 's')
  await reader.until(() => reader.frames.at(-1)?.next === 800)
  isReading = false
  expect(reader.records).toHaveLength(800)
  // 8 MB at half a megabyte or a page more in each.
  expect(turns).toBeGreaterThan(10)
  delivery.close()
})

it('a log of a hundred thousand short records comes in several pages, over many turns', async () => {
  const store = await make()
  for (let n = 0; n < 100_000; n += 1000)
    await append(
      store,
      Array.from({ length: 1000 }, () => '7'),
    )
  const delivery = new Delivery({ store, pageSize: 1024 * 1024 })
  const reader = new FakeReader().follow(delivery, 's')
  await reader.until(() => reader.frames.at(-1)?.next === 100_000)
  expect(reader.frames.map((frame) => frame.records.length)).toEqual(Array(5).fill(20_000))
  delivery.close()
})
