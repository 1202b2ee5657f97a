/** Any language model of the AI SDK. Loaded only if one is asked for, as the package `ai` may be missing. */
import type { LanguageModel } from 'ai'
export { gateway } from 'ai'
import { modelSource } from '../../endpoints/chat/chat-source.ts'
import { aiSdk } from '../../providers/ai-sdk/ai-sdk.ts'
import type { DemoModel } from './demo-model.ts'
import { PICTURES_AND_PDF, withReadableFiles } from './readable-files.ts'

export function aiSdkModel(name: string, model: LanguageModel): DemoModel {
  const source = modelSource(model)
  return {
    name,
    // No provider of the AI SDK can join an answer again.
    canResume: false,
    files: PICTURES_AND_PDF,
    answer: (prompt) => aiSdk({ model, prompt }),
    source: (request) =>
      source({ ...request, messages: withReadableFiles(request.messages, PICTURES_AND_PDF) }),
  }
}
