/** A run as it is seen from outside: what is known of it, and its end. */
import type { Json } from '../protocol/json.ts'
import type { Offset } from '../protocol/offset.ts'
import type { RunEnd, RunStatus } from '../protocol/run-end.ts'

/** What a run is started with. */
export interface StartRequest {
  /**
   * The id of the run and of its stream: 1 to 500 printable ASCII characters without a space, not
   * beginning with `@`. Default: 128 random bits. Starting the same id twice starts one run.
   */
  readonly id?: string
  /** The conversation it belongs to: 1 to 256 characters. */
  readonly chat?: string
  /** Who may read and stop it, in the terms of the application: 1 to 512 characters. */
  readonly owner?: string
  /** What the application keeps with the run. It shares 8 KiB, as JSON, with the chat. */
  readonly metadata?: Json
  /** One of the kinds in the options, instead of a provider: it can be continued and started again. */
  readonly kind?: string
  /**
   * What the caller was asked, as it came to it: with the id of a run that there is already, the answer is
   * that run if it was asked the same, and `run_differs` otherwise. Endpoints give it to start handlers.
   * Default: the kind and its input; a run without a kind is compared by nothing.
   */
  readonly asked?: Json
  /** What the kind's provider is made from; null by default. As large as a record of the store may be: 8 MiB as JSON by default. */
  readonly input?: Json
}

/** What is known of a run. */
export interface RunInfo {
  readonly id: string
  readonly status: RunStatus
  /** Why it ended, and what a person reads of it; see `RunEnd`. */
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
  /** Which process works on it: 1 for the first, one more for each that took it over. */
  readonly attempt: number
  /** The place after its last record. */
  readonly tail: Offset
  /** Of its stream: a run that was removed and started anew has another. */
  readonly incarnation: string
}

export interface Run {
  readonly id: string
  /** As it was when this object was made. */
  readonly info: RunInfo
  /**
   * The end of the run, whichever process brings it about. Rejects with a `RunError`: `run_gone` when
   * its stream was deleted before that, `runs_closed` when it goes on elsewhere and this process shuts
   * down; and with the `StoreError` of a store that fails. Nobody needs to handle it.
   */
  readonly end: Promise<RunEnd>
}

/** A run whose end is followed once somebody asks for it. */
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
