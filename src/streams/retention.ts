/** How much of a log is kept. Part of the contract of `StreamStore`. */

/** Which records of a stream are kept at least; earlier ones are trimmed. Without either option, all are kept. */
export interface Retention {
  /**
   * Seconds for which a record is kept. A sweep removes it later by at most a sixteenth of the age and the interval
   * of the sweeps.
   */
  readonly age?: number
  /**
   * Bytes of the last records that are kept. There may be an eighth more, at most 64 KiB, before an append trims the
   * log. The last record is always kept.
   */
  readonly bytes?: number
}

/** A retention for all streams of a store, or a function of a new stream. */
export type RetentionOption =
  | Retention
  | ((stream: { readonly id: string; readonly owner: string | undefined }) => Retention | undefined)
