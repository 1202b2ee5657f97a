import { millrace, run, sqlite } from 'millrace'
import { openai, text } from 'millrace/openai'
import { z } from 'zod'

const answer = run({
  input: z.object({ prompt: z.string().min(1) }),
  resumable: true,
  async *run({ prompt }, context) {
    yield* text(openai({ model: 'gpt-5.5', input: prompt, background: true }), context)
  },
})
export const app = millrace({ store: sqlite('./data.db'), runs: { answer } })
export type App = typeof app
