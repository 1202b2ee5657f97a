import { expect, it } from 'vitest'
import { Latencies } from '../../bench/harness/latencies.ts'

it('knows its percentiles to one part in a hundred', () => {
  const latencies = new Latencies()
  for (let n = 1; n <= 10_000; n++) latencies.add(n * 10)
  for (const share of [0.1, 0.5, 0.9, 0.99]) {
    const exact = share * 100
    expect(Math.abs(latencies.percentileMs(share) - exact) / exact).toBeLessThan(0.0101)
  }
})

it('adds up over processes, and knows nothing when it was told nothing', () => {
  const early = new Latencies()
  const late = new Latencies()
  for (let n = 0; n < 90; n++) early.add(1000)
  for (let n = 0; n < 10; n++) late.add(1_000_000)
  // As they come out of a message from another process.
  early.merge(new Latencies(structuredClone(late.counts)))
  expect(early.percentileMs(0.9)).toBeCloseTo(1, 1)
  expect(early.percentileMs(0.91)).toBeGreaterThan(980)
  early.clear()
  expect(early.percentileMs(0.5)).toBeNaN()
})
