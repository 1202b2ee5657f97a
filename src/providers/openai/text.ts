import type { Provider, ProviderContext } from '../provider.ts'
import { answerText } from './answer.ts'
import { type ChatChunk, chatText } from './chat-answer.ts'
import type { ResponseStreamEvent } from './response-event.ts'

/**
 * The text of a model's answer, piece by piece, as records of a run: `yield* text(openai({ … }), context)`.
 * It takes what `openai` and `openaiChat` give. Refusals are text, too; every other event is left out.
 * Checkpoints of the provider stay with the text that follows them, so that a run that is taken over joins
 * the same response.
 *
 * Throws and ends as the provider does.
 */
export async function* text(
  provider: Provider<ResponseStreamEvent> | Provider<ChatChunk>,
  context: ProviderContext,
): AsyncGenerator<string, void, undefined> {
  for await (const event of provider(context)) {
    const piece = 'choices' in event ? chatText(event) : answerText(event)
    if (piece !== undefined && piece !== '') yield piece
  }
}
