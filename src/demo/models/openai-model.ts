/** The model service of `OPENAI_API_KEY` and `OPENAI_BASE_URL`, over the Responses API. */
import { type ModelOptions, modelAnswer } from '../model-answer.ts'
import type { DemoModel } from './demo-model.ts'
import { openAISource } from './openai-source.ts'
import { PICTURES } from './readable-files.ts'

export function openAIModel(options: ModelOptions): DemoModel {
  return {
    name: options.model,
    canResume: options.background === true,
    files: PICTURES,
    answer: (prompt) => modelAnswer(options, prompt),
    source: openAISource(options),
  }
}
