/**
 * Starts whose input is larger than a message on a WebSocket may be: they are sent over HTTP, where a server
 * takes larger ones, and the run is followed over the WebSocket as any other.
 */
import type { Carrier, StartCommand } from './carrier.ts'
import { StreamError } from './errors.ts'
import { HttpCarrier, type HttpCarrierOptions } from './http-carrier.ts'

/** Bytes of a message that every server takes, less what a frame has beside its input. */
const MESSAGE = 1024 * 1024 - 4096

/** Codes of a server whose HTTP door is elsewhere, or nowhere: its socket may take larger messages. */
const NO_DOOR: ReadonlySet<string> = new Set([
  'route_not_found',
  'method_not_allowed',
  'start_not_served',
  'http_404',
  'http_405',
])

export class LargeStarts {
  readonly #http: Omit<HttpCarrierOptions, 'stateChanged'> | undefined
  #carrier: HttpCarrier | undefined

  constructor(http: Omit<HttpCarrierOptions, 'stateChanged'> | undefined) {
    this.#http = http
  }

  /** Starts over this carrier, or over HTTP. As `Carrier.start`. */
  start(carrier: Carrier, command: StartCommand): Promise<string> {
    if (!this.#http || carrier instanceof HttpCarrier || !isLarge(command)) return carrier.start(command)
    this.#carrier ??= new HttpCarrier({ ...this.#http, stateChanged: () => {} })
    return this.#carrier.start(command).catch((error: unknown) => {
      if (error instanceof StreamError && NO_DOOR.has(error.code)) return carrier.start(command)
      throw error
    })
  }

  close(): void {
    this.#carrier?.close()
  }
}

function isLarge({ input }: StartCommand): boolean {
  const text = JSON.stringify(input) ?? ''
  // A character is three bytes at the most.
  return text.length * 3 > MESSAGE && new TextEncoder().encode(text).length > MESSAGE
}
