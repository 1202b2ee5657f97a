import { setTimeout as sleep } from 'node:timers/promises'
import type { UIMessageChunk } from 'ai'

const TEXT =
  'No model is set yet, so this answer is a script. Reload the page while it is being written, open its address ' +
  'in another tab, or kill the server and start it again: what was said stays. Press Stop in any tab, and it ' +
  'stops in all of them.\n\nFor a model, write OPENAI_API_KEY=… into a file .env and restart. Then look into app.ts.'

/** Answers without a model. Delete it when you have one. */
export async function* script(signal: AbortSignal): AsyncGenerator<UIMessageChunk> {
  yield { type: 'text-start', id: 'answer' }
  for (const delta of TEXT.split(/(?<= )/)) {
    await sleep(60, undefined, { signal })
    yield { type: 'text-delta', id: 'answer', delta }
  }
  yield { type: 'text-end', id: 'answer' }
}
