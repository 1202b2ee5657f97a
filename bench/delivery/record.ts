/** What the servers send: 40 bytes or so of JSON with the time they were made, or were due. */
export interface BenchRecord {
  /** Microseconds of a clock that all processes of a machine share. */
  readonly t: number
  readonly d: string
}

export function makeRecord(n: number, t: number = nowMicros()): BenchRecord {
  return { t, d: `token ${n % 10_000} ` }
}

export function nowMicros(): number {
  const [seconds, nanos] = process.hrtime()
  return seconds * 1_000_000 + Math.round(nanos / 1000)
}
