/** Runs loads one after the other, says what it does, and how long that will take. */
import { isMeasured } from '../report/results.ts'
import type { Measurement } from '../report/results.ts'
import { NotMeasured } from './load.ts'
import type { Column, Context, Group, Load, Values, Variant } from './load.ts'

export interface Progress {
  /** A line that stays. */
  line(text: string): void
  /** What is going on; the next one takes its place. */
  now(text: string): void
}

interface Step {
  readonly group: Group
  readonly load: Load
  readonly variant: Variant
  /** Whether its figures are told behind it: it is the last round. */
  readonly last: boolean
}

/** Rejects with the signal's reason when the run is interrupted. */
export async function runAll(
  groups: readonly Group[],
  context: Omit<Context, 'note'>,
  progress: Progress,
): Promise<Measurement[]> {
  const steps = groups.flatMap((group) => group.loads.flatMap((load) => stepsOf(group, load, context.quick)))
  const outcomes = new Map<Variant, Measurement['outcome'][]>()
  const takes = steps.map(({ variant }) => variant.takes(context))
  const whole = takes.reduce((sum, seconds) => sum + seconds, 0)
  const begun = performance.now()
  const measurements: Measurement[] = []
  let forecast = 0
  for (const [index, { group, load, variant, last }] of steps.entries()) {
    if (index === 0 || steps[index - 1]?.group !== group) progress.line(headOf(group))
    const gone = (performance.now() - begun) / 1000
    // As far off as the forecast was so far, it will be.
    const left = (whole - forecast) * (forecast > 10 ? gone / forecast : 1)
    const where = `[${index + 1}/${steps.length}, ${minutes(left)} left] ${load.title}: ${variant.name}`
    progress.now(where)
    const note = (text: string): void => progress.now(`${where}, ${text}`)
    const all = outcomes.get(variant) ?? []
    outcomes.set(variant, all)
    all.push(await measure(variant, { ...context, note }))
    context.signal.throwIfAborted()
    forecast += takes[index] ?? 0
    if (!last) continue
    const outcome = medianOf(all)
    measurements.push({ group: group.name, load: load.name, variant: variant.name, outcome })
    progress.line(rowOf(group.columns, load, variant, outcome))
  }
  return measurements
}

function stepsOf(group: Group, load: Load, quick: boolean): Step[] {
  const { variants } = load
  const rounds = quick ? 1 : (load.rounds ?? 1)
  return Array.from({ length: rounds }, (_, round) =>
    variants.map((variant): Step => ({ group, load, variant, last: round === rounds - 1 })),
  ).flat()
}

/** Each figure by itself. What failed in one round is not measured. */
function medianOf(outcomes: readonly Measurement['outcome'][]): Measurement['outcome'] {
  const values = outcomes.filter(isMeasured)
  const failed = outcomes.find((outcome) => !isMeasured(outcome))
  const [first] = values
  if (failed || !first) return failed ?? { notMeasured: 'it was not run' }
  const middle = Math.floor(values.length / 2)
  const keys = Object.keys(first)
  const medians = keys.map((key) => [
    key,
    values.map((one) => one[key] ?? NaN).toSorted((a, b) => a - b)[middle],
  ])
  return Object.fromEntries(medians) as Values
}

async function measure(variant: Variant, context: Context): Promise<Measurement['outcome']> {
  try {
    return await variant.run(context)
  } catch (error) {
    if (error instanceof NotMeasured) return { notMeasured: error.message }
    // What fails is told and left out: the rest of the run is as good as before.
    if (!context.signal.aborted) console.error(error)
    return { notMeasured: 'it failed' }
  }
}

const NAMES = [30, 24]
const WIDTH = 10

function headOf({ title, columns }: Group): string {
  const cells = columns.map((column) => column.title.padStart(Math.max(WIDTH, column.title.length)))
  return `\n${title.padEnd(NAMES[0] as number)} ${' '.repeat(NAMES[1] as number)} ${cells.join('  ')}`
}

function rowOf(
  columns: readonly Column[],
  load: Load,
  variant: Variant,
  outcome: Measurement['outcome'],
): string {
  const names = `${load.title.padEnd(NAMES[0] as number)} ${variant.name.padEnd(NAMES[1] as number)}`
  if (!isMeasured(outcome)) return `${names} not measured: ${outcome.notMeasured}`
  const cells = columns.map((column) =>
    figure(outcome, column).padStart(Math.max(WIDTH, column.title.length)),
  )
  return `${names} ${cells.join('  ')}`
}

/** A figure as text, with thousands apart; empty when it is not there. */
export function figure(values: Values, { key, digits }: Pick<Column, 'key' | 'digits'>): string {
  const value = values[key]
  if (value === undefined || Number.isNaN(value)) return ''
  return value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits })
}

function minutes(seconds: number): string {
  return seconds < 90 ? `${Math.max(1, Math.round(seconds))} s` : `${Math.round(seconds / 60)} min`
}
