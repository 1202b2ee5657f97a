/**
 * A histogram of durations, exact to one part in a hundred: however many are counted, it takes the
 * same memory, and those of several processes add up.
 */

const STEP = Math.log(1.02)
/** Up to 1.02 ** 1200 microseconds, half an hour of them and more. */
const BUCKETS = 1200

export class Latencies {
  readonly counts: Uint32Array

  constructor(counts: Uint32Array = new Uint32Array(BUCKETS)) {
    this.counts = counts
  }

  /** In microseconds; what is below one counts as one. */
  add(micros: number): void {
    const bucket = micros <= 1 ? 0 : Math.min(BUCKETS - 1, Math.floor(Math.log(micros) / STEP))
    this.counts[bucket] = (this.counts[bucket] as number) + 1
  }

  clear(): void {
    this.counts.fill(0)
  }

  merge(other: Latencies): void {
    for (let i = 0; i < BUCKETS; i++)
      this.counts[i] = (this.counts[i] as number) + (other.counts[i] as number)
  }

  /** In milliseconds; NaN when nothing was counted. */
  percentileMs(share: number): number {
    const total = this.counts.reduce((sum, count) => sum + count, 0)
    if (total === 0) return Number.NaN
    let left = Math.max(1, Math.ceil(total * share))
    const bucket = this.counts.findIndex((count) => (left -= count) <= 0)
    return Math.exp((bucket + 0.5) * STEP) / 1000
  }
}
