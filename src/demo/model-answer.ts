/** The model's answer to a prompt, as the pieces of text that a page shows. */
import { answerOutcome, answerText } from '../providers/openai/answer.ts'
import { openai } from '../providers/openai/openai.ts'
import {
  type OpenAIEnvironment,
  InvalidSettingError,
  type OpenAISettings,
} from '../providers/openai/settings.ts'
import type { Provider } from '../providers/provider.ts'

export interface ModelOptions extends OpenAISettings {
  /** Whether the service makes the answer in the background, so that another process can continue reading it. */
  readonly background?: boolean
  /** As in the options of `openai()`. */
  readonly startTimeout?: number | undefined
  readonly stallTimeout?: number | undefined
}

/**
 * Yields the text only. The service's own events contain the instructions, and anyone who reads the answer could read
 * those.
 */
export function modelAnswer(options: ModelOptions, prompt: string): Provider<string> {
  const events = openai({ ...options, input: prompt })
  return async function* (context) {
    for await (const event of events(context)) {
      const delta = answerText(event)
      if (delta !== undefined) yield delta
      const outcome = answerOutcome(event)
      // The incomplete answer is kept; the reader should know why it ends here.
      if (outcome?.status === 'incomplete') yield `\n\n[${outcome.sentence}]`
    }
  }
}

/**
 * Whether `OPENAI_BACKGROUND` asks for answers that outlive the server: `1` for yes, `0` or nothing for no.
 *
 * @throws {InvalidSettingError} if it has any other value.
 */
export function wantsBackground({ OPENAI_BACKGROUND }: OpenAIEnvironment): boolean {
  const value = OPENAI_BACKGROUND?.trim() ?? ''
  if (value === '1') return true
  if (value === '' || value === '0') return false
  throw new InvalidSettingError('OPENAI_BACKGROUND must be 1 for answers in the background, or 0')
}
