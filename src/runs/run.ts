/** A run as callers see it: what is known of it, and its end. */
import type { Json } from '../protocol/json.ts'
import type { Offset } from '../protocol/offset.ts'
import type { RunEnd, RunStatus } from '../protocol/run-end.ts'

/** A request to start a run. */
export interface StartRequest {
  /**
   * The id of the run and of its stream: 1 to 500 printable ASCII characters without a space, not beginning with `@`.
   * Default: 128 random bits. Starting the same id twice starts one run.
   */
  readonly id?: string
  /** The chat that the run belongs to: 1 to 256 characters. */
  readonly chat?: string
  /** The application's name for who may read and stop the run: 1 to 512 characters. */
  readonly owner?: string
  /** Anything the application keeps with the run. It shares 8 KiB, as JSON, with the chat. */
  readonly metadata?: Json
  /** The name of a kind, instead of a provider. Such a run can be continued and started again. */
  readonly kind?: string
  /**
   * What the client asked for, unchanged. If a run with this id exists, it is returned if it was asked the same;
   * otherwise the start fails with `run_differs`. Endpoints pass it to start handlers. Default: the kind and its
   * input. Runs without a kind are not compared by default.
   */
  readonly asked?: Json
  /** The input of the kind; null by default. It may be as large as a record of the store: by default 8 MiB as JSON. */
  readonly input?: Json
}

/** What is known of a run. */
export interface RunInfo {
  readonly id: string
  readonly status: RunStatus
  /** Why it ended, as a code and as a sentence; see `RunEnd`. */
  readonly reason?: string
  readonly message?: string
  readonly owner?: string
  readonly chat?: string
  readonly metadata?: Json
  readonly kind?: string
  /** The run that this one is another attempt at. */
  readonly retryOf?: string
  /** Milliseconds since 1970. */
  readonly startedAt: number
  /** 1 for the first process that works on it, and one more for each takeover. */
  readonly attempt: number
  /** The offset after its last record. */
  readonly tail: Offset
  /** Of its stream. A later run with the same id has another. */
  readonly incarnation: string
}

export interface Run {
  readonly id: string
  /** As it was when this object was created. */
  readonly info: RunInfo
  /**
   * Resolves to the end of the run, in whichever process it ends. Rejects with a `RunError`: `run_gone` if its stream
   * is deleted first, `runs_closed` if this process shuts down while the run goes on in another one. Rejects with the
   * `StoreError` of a store that fails. A rejection may be left unhandled.
   */
  readonly end: Promise<RunEnd>
}

/** A run whose end is followed only after somebody asks for it. */
export class RunHandle implements Run {
  readonly info: RunInfo
  readonly #follow: () => Promise<RunEnd>
  #end: Promise<RunEnd> | undefined

  constructor(info: RunInfo, follow: () => Promise<RunEnd>) {
    this.info = info
    this.#follow = follow
  }

  get id(): string {
    return this.info.id
  }

  get end(): Promise<RunEnd> {
    if (!this.#end) {
      this.#end = this.#follow()
      this.#end.catch(() => undefined)
    }
    return this.#end
  }
}
