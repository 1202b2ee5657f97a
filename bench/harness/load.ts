/**
 * What a benchmark consists of: groups of loads that are told by the same figures, and each load run
 * with several variants, which are what is compared. The page and the progress lines are made of
 * these descriptions; a load brings no text of its own to them.
 */

/** Figures by the key of their column. What was not measured is absent. */
export type Values = Readonly<Record<string, number>>

/** Why something was not measured, for the table: a service that is missing, a peer that is overloaded. */
export class NotMeasured extends Error {
  override readonly name = 'NotMeasured'
}

export interface Context {
  /** How long each measurement lasts; what comes before and after is extra. */
  readonly seconds: number
  /** Fewer connections and shorter searches: to see that everything runs, not how fast. */
  readonly quick: boolean
  /** Have server processes write CPU profiles into this folder. */
  readonly profile: string | undefined
  readonly signal: AbortSignal
  /** Says what is going on, within a measurement. */
  readonly note: (text: string) => void
}

export interface Column {
  readonly key: string
  /** With its unit: `p99 ms`. */
  readonly title: string
  readonly digits: number
}

export interface Variant {
  readonly name: string
  /** Seconds that it takes, about, for the forecast. */
  readonly takes: (context: Pick<Context, 'seconds' | 'quick'>) => number
  /** @throws {NotMeasured} */
  readonly run: (context: Context) => Promise<Values>
}

export interface Load {
  /** For `--only`: lower case and dashes. */
  readonly name: string
  readonly title: string
  /** How often each variant is measured, in turns with the others; the figures are medians. Default 1. */
  readonly rounds?: number
  readonly variants: readonly Variant[]
}

export interface Group {
  readonly name: string
  readonly title: string
  /** Plain words on what is done and how to read it; Markdown. */
  readonly about: string
  /** What the ratios are of, and against which variant. */
  readonly ratio: { readonly key: string; readonly title: string; readonly against: string }
  readonly columns: readonly Column[]
  readonly loads: readonly Load[]
}
