/**
 * Reads events of OpenAI's Responses API: the text of the answer, and how it ended. Pure, and without the
 * SDK: it accepts any object with a `type`.
 */
import type { OpenAI } from 'openai'
import { apiError } from '../upstream-cause.ts'
import { UpstreamError } from '../upstream-error.ts'
import type { UpstreamFault } from '../upstream-error.ts'

/** How an answer ended. A sentence is for the user. */
export type AnswerOutcome =
  | { readonly status: 'completed' }
  /** The model had to stop early; its text is kept. The reason is the API's own. */
  | { readonly status: 'incomplete'; readonly reason: string; readonly sentence: string }
  | ({ readonly status: 'failed' } & UpstreamFault)

const TOO_LONG = 'The answer reached the maximum length and ends here.'

const NOT_ALLOWED = 'The model service ended the answer here because of its content rules.'

/** By the reasons of the Responses API, of Chat Completions and of other services. */
const INCOMPLETE_SENTENCES: Readonly<Record<string, string>> = {
  max_output_tokens: TOO_LONG,
  max_tokens: TOO_LONG,
  length: TOO_LONG,
  model_length: TOO_LONG,
  model_context_window_exceeded: TOO_LONG,
  content_filter: NOT_ALLOWED,
  content_filtered: NOT_ALLOWED,
  safety: NOT_ALLOWED,
  sensitive: NOT_ALLOWED,
  recitation: NOT_ALLOWED,
  blocklist: NOT_ALLOWED,
  prohibited_content: NOT_ALLOWED,
  refusal: NOT_ALLOWED,
}

const CUT_SHORT = 'The model service ended the answer here.'

/** The final status of a response, by the type of its last event. */
const FINAL_STATUSES: Readonly<Record<string, string>> = {
  'response.completed': 'completed',
  'response.incomplete': 'incomplete',
  'response.failed': 'failed',
  'response.cancelled': 'cancelled',
}

/** The text that an event adds to the answer; a refusal is an answer, too. */
export function answerText(event: { readonly type: string }): string | undefined {
  const known = event as OpenAI.Responses.ResponseStreamEvent
  return known.type === 'response.output_text.delta' || known.type === 'response.refusal.delta'
    ? known.delta
    : undefined
}

/**
 * How the answer ended, if this event ends it.
 *
 * @param secrets are removed from the detail of a failure.
 */
export function answerOutcome(
  event: { readonly type: string },
  secrets: readonly string[] = [],
): AnswerOutcome | undefined {
  const byType = Object.hasOwn(FINAL_STATUSES, event.type) ? FINAL_STATUSES[event.type] : undefined
  if (byType === undefined) return undefined
  // Compatible servers leave out much of what the types promise. Some give the end in the status alone, in an
  // event that says `completed`.
  const { response } = event as { readonly response?: Partial<OpenAI.Responses.Response> | null }
  switch (byType === 'completed' ? (response?.status ?? byType) : byType) {
    case 'incomplete':
      return incomplete(response?.incomplete_details?.reason ?? 'unknown')
    case 'failed':
      return failed(apiError(response?.error ?? {}, secrets))
    case 'cancelled':
      return failed(new UpstreamError('cancelled'))
    default:
      return { status: 'completed' }
  }
}

/** The outcome of an answer that ended early, for a reason of the API. */
export function incomplete(reason: string): AnswerOutcome {
  const word = reason.toLowerCase()
  const known = Object.hasOwn(INCOMPLETE_SENTENCES, word) ? INCOMPLETE_SENTENCES[word] : undefined
  return { status: 'incomplete', reason, sentence: known ?? CUT_SHORT }
}

/** The outcome of an answer that failed. */
export function failed({ code, sentence, retryable, detail }: UpstreamFault): AnswerOutcome {
  return { status: 'failed', code, sentence, retryable, detail }
}
