/** The requests that make a response in the background, rejoin it and cancel it. */
import { createHash, randomUUID } from 'node:crypto'
import type { BackgroundPlace } from './background-place.ts'
import type { SendOptions, Service } from './event-stream.ts'
import type { ResponseRequest } from './options.ts'
import { upstreamError } from '../upstream-cause.ts'
import { UpstreamError } from '../upstream-error.ts'

/** Milliseconds for a cancel, including retries. */
const CANCEL_WAIT = 10_000

export class BackgroundRequests {
  readonly #service: Service
  readonly #request: ResponseRequest
  readonly #key: string

  /** @param runId decides the idempotency key; a random one by default. */
  constructor(service: Service, request: ResponseRequest, runId: string = randomUUID()) {
    this.#service = service
    this.#request = request
    // The request is part of the key, because one run may ask for several responses.
    const key = createHash('sha256')
      .update(JSON.stringify([runId, request]))
      .digest('hex')
    this.#key = `millrace-${key}`
  }

  create(options: SendOptions): Promise<Response> {
    const request = { ...this.#request, background: true, stream: true } as const
    const headers = { 'Idempotency-Key': this.#key }
    return this.#service.client.responses.create(request, { ...options, headers }).asResponse()
  }

  /** @throws {UpstreamError} `expired` when the service does not have the events after the place any more. */
  async join({ response, after }: BackgroundPlace, options: SendOptions): Promise<Response> {
    const { client, secrets } = this.#service
    const { include, stream_options: streaming } = this.#request
    const query = {
      stream: true,
      starting_after: after,
      // The same additions to events that `create` asked for.
      ...(include && { include }),
      ...(typeof streaming?.include_obfuscation === 'boolean' && {
        include_obfuscation: streaming.include_obfuscation,
      }),
    } as const
    try {
      return await client.responses.retrieve(response, query, options).asResponse()
    } catch (error) {
      throw isExpiry(error) ? new UpstreamError('expired', upstreamError(error, secrets).detail) : error
    }
  }

  /** Tries for ten seconds. Never rejects. */
  async cancel(id: string): Promise<void> {
    const signal = AbortSignal.timeout(CANCEL_WAIT)
    try {
      const options = { signal, timeout: CANCEL_WAIT / 2, maxRetries: 2 }
      await this.#service.client.responses.cancel(id, options)
    } catch {
      // The response has ended by itself, or the service cannot be reached.
    }
  }
}

/**
 * Whether the response has expired. OpenAI answers 400 for a response that began more than five minutes ago.
 */
function isExpiry(error: unknown): boolean {
  const { status, message } = (error ?? {}) as { readonly status?: unknown; readonly message?: unknown }
  return (
    status === 404 || status === 410 || (status === 400 && /no longer be streamed/i.test(String(message)))
  )
}
