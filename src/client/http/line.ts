/** One of the many connections of a client over HTTP: a stream that is followed, or a command. */
import type { ConnectionState } from '../carrier.ts'
import type { StreamError } from '../errors.ts'
import { Watchdog } from '../network/watchdog.ts'

/** Seconds without a byte after which a connection is given up. The server gives a sign of life every 15. */
export const SILENCE = 40
const SILENCE_AFTER_WAKE = 17

export class Line {
  state: ConnectionState = 'connecting'
  /** Why the last attempt failed. */
  error: StreamError | undefined
  /**
   * Why the last attempt was given up, if it was: `mute` when nothing came and nothing explains it, `silent` when
   * nothing came after the network changed, `dropped` when it made room for another.
   */
  givenUp: 'mute' | 'silent' | 'dropped' | undefined
  /** Whether something came in the last attempt. */
  spoke = false
  readonly #end = new AbortController()
  readonly #changed: () => void
  #drop: (() => void) | undefined
  #hurry: (() => void) | undefined

  constructor(changed: () => void) {
    this.#changed = changed
  }

  /** Aborts when nobody needs the line any more. */
  get signal(): AbortSignal {
    return this.#end.signal
  }

  end(): void {
    this.#end.abort()
  }

  /** Makes one attempt, which is given up after `seconds` without a byte; later ones may come after 40. */
  async attempt<T>(seconds: number, run: (signal: AbortSignal, heard: () => void) => Promise<T>): Promise<T> {
    const watchdog = new Watchdog(seconds)
    const dropped = new AbortController()
    let hurried = false
    this.spoke = false
    this.#hurry = () => {
      hurried = true
      watchdog.fed(SILENCE_AFTER_WAKE)
    }
    this.#drop = () => dropped.abort()
    try {
      const signal = AbortSignal.any([this.signal, watchdog.signal, dropped.signal])
      return await run(signal, () => {
        watchdog.fed(SILENCE)
        this.spoke = true
        this.become('connected')
      })
    } finally {
      const mute = watchdog.signal.aborted && (hurried ? 'silent' : 'mute')
      this.givenUp = dropped.signal.aborted ? 'dropped' : mute || undefined
      this.#hurry = this.#drop = undefined
      watchdog.stop()
    }
  }

  /** The browser woke up, or lost its network: the connection is as likely dead as alive. */
  hurry(): void {
    this.#hurry?.()
  }

  /** Ends the attempt under way, if it got through, so that another can have its place in the browser. */
  drop(): boolean {
    if (!this.#drop || this.state !== 'connected') return false
    this.#drop()
    return true
  }

  become(state: ConnectionState, error?: StreamError): void {
    if (this.state === state && this.error?.message === error?.message) return
    this.state = state
    this.error = error
    this.#changed()
  }
}
