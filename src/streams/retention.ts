/** How much of a log is kept: part of the contract of `StreamStore`. */

/** Which records of a stream are kept, at least; those before them are trimmed. Without either, all are. */
export interface Retention {
  /** Seconds for which a record is kept. A sweep removes it a little later: at most a sixteenth of the age, and what lies between two sweeps. */
  readonly age?: number
  /**
   * Bytes of records, of the last ones, that are kept. There may be an eighth more, and 64 KiB at most, before an
   * append trims the log. The last record is kept, whatever its size.
   */
  readonly bytes?: number
}

/** A retention for all streams of a store, or by what is known of a new one. */
export type RetentionOption =
  | Retention
  | ((stream: { readonly id: string; readonly owner: string | undefined }) => Retention | undefined)
