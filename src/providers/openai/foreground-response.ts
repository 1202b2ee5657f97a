/** One response of the Responses API, which ends with its connection. */
import { answerOutcome } from './answer.ts'
import { EventStream } from './event-stream.ts'
import type { Service } from './event-stream.ts'
import type { ResponseRequest } from './options.ts'
import { readEvent } from './response-event.ts'
import type { ResponseStreamEvent } from './response-event.ts'
import { UpstreamError } from '../upstream-error.ts'

/** The events of one response, up to the last one. */
export async function* foregroundResponse(
  service: Service,
  request: ResponseRequest,
  signal: AbortSignal,
): AsyncGenerator<ResponseStreamEvent, void, undefined> {
  const { client, secrets, maxRetries, startMs } = service
  const stream = new EventStream(service, {
    send: (options) => client.responses.create({ ...request, stream: true }, options).asResponse(),
    read: (data) => readEvent(data, secrets),
    signal,
  })
  for await (const event of stream.events({ maxRetries, withinMs: startMs, stop: signal })) {
    yield event
    const outcome = answerOutcome(event, secrets)
    if (outcome?.status === 'failed') throw new UpstreamError(outcome.code, outcome.detail)
    // The end of the body is not awaited, because a server may never send it.
    if (outcome) return
  }
  throw stream.cut()
}
