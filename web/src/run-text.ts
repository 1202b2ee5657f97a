import type { Run } from './run.ts'

const count = new Intl.NumberFormat('en')

/** What a run has brought so far: "1,204 characters"; empty for nothing. */
export function amount({ characters }: Run): string {
  if (characters > 0) return characters === 1 ? '1 character' : `${count.format(characters)} characters`
  return ''
}

/** Milliseconds as "4.6 s", with `digits` after the point. */
export function seconds(milliseconds: number, digits: 0 | 1): string {
  const value = Math.max(0, milliseconds) / 1000
  return `${digits === 0 ? Math.floor(value) : value.toFixed(digits)} s`
}
