import { setTimeout as sleep } from 'node:timers/promises'
import { openai } from '@ai-sdk/openai'
import { millrace, sqlite } from 'millrace'
import { type AnswerSource, chat } from 'millrace/ai-sdk'

/** Answers until there is a key, so that the page has something to show. */
const withoutKey: AnswerSource = async function* ({ signal }) {
  yield { type: 'text-start', id: 'answer' }
  for (const delta of 'Set OPENAI_API_KEY, and a model answers here.'.split(/(?<= )/)) {
    await sleep(100, undefined, { signal })
    yield { type: 'text-delta', id: 'answer', delta }
  }
  yield { type: 'text-end', id: 'answer' }
}

export const app = millrace({
  store: sqlite('./data.db'),
  routes: [
    chat('/api/chat', process.env['OPENAI_API_KEY'] ? { model: openai('gpt-5.5') } : { stream: withoutKey }),
  ],
})
