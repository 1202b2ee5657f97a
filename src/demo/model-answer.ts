/** What the model says to a prompt, as the pieces of text that a page shows. */
import { answerOutcome, answerText } from '../providers/openai/answer.ts'
import { openai } from '../providers/openai/openai.ts'
import {
  type OpenAIEnvironment,
  InvalidSettingError,
  type OpenAISettings,
} from '../providers/openai/settings.ts'
import type { Provider } from '../providers/provider.ts'

export interface ModelOptions extends OpenAISettings {
  /** Whether the service makes the answer on its own, so that it can be joined again. */
  readonly background?: boolean
  /** As of `openai()`. */
  readonly startTimeout?: number | undefined
  readonly stallTimeout?: number | undefined
}

/**
 * The text alone goes on: the service's own events hold its instructions, and what they hold would
 * be read by whoever reads the answer.
 */
export function modelAnswer(options: ModelOptions, prompt: string): Provider<string> {
  const events = openai({ ...options, input: prompt })
  return async function* (context) {
    for await (const event of events(context)) {
      const delta = answerText(event)
      if (delta !== undefined) yield delta
      const outcome = answerOutcome(event)
      // What there is of the answer stands; the reader should know why there is no more.
      if (outcome?.status === 'incomplete') yield `\n\n[${outcome.sentence}]`
    }
  }
}

/**
 * Whether `OPENAI_BACKGROUND` asks for answers that outlive the server: `1` does, `0` or nothing does
 * not.
 *
 * @throws {InvalidSettingError} for any other value.
 */
export function wantsBackground({ OPENAI_BACKGROUND }: OpenAIEnvironment): boolean {
  const value = OPENAI_BACKGROUND?.trim() ?? ''
  if (value === '1') return true
  if (value === '' || value === '0') return false
  throw new InvalidSettingError('OPENAI_BACKGROUND is 1 for answers in the background, or 0')
}
