/** The records of the traced server: each says which it is, so that any of them can be checked alone. */

export interface Numbered {
  readonly id: string
  readonly life: number
  readonly n: number
  readonly pad: string
}

/** The `n`th record of the stream `id`, in the `life`th life of that id. 0.05 to 5 KiB as JSON. */
export function recordOf(id: string, life: number, n: number): Numbered {
  return { id, life, n, pad: 'x'.repeat((n * 7919 + life * 131) % (n % 11 === 10 ? 5000 : 300)) }
}

export function textOf(id: string, life: number, n: number): string {
  return JSON.stringify(recordOf(id, life, n))
}
