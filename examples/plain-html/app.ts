/** An answer for a page without a bundler: `npx millrace serve examples/plain-html/app.ts`. */
import { setTimeout as sleep } from 'node:timers/promises'
import { http, millrace, run, sqlite } from 'millrace'
import { openai, text } from 'millrace/openai'
import { readFile } from 'node:fs/promises'
import { z } from 'zod'

const WORDS = 'Set OPENAI_API_KEY, and a model answers here. '.repeat(5).split(/(?<= )/)

const hasKey = (process.env.OPENAI_API_KEY ?? '') !== ''

const answer = run({
  input: z.object({ prompt: z.string().min(1) }),
  resumable: true,
  async *run({ prompt }, context) {
    if (hasKey) return yield* text(openai({ model: 'gpt-5.5', input: prompt, background: true }), context)
    const { resumeFrom, checkpoint, signal } = context
    for (let next = typeof resumeFrom === 'number' ? resumeFrom : 0; next < WORDS.length; next++) {
      await sleep(100, undefined, { signal })
      checkpoint(next + 1)
      yield WORDS[next] ?? ''
    }
  },
})

const PAGE = new URL('index.html', import.meta.url)

export default millrace({
  store: sqlite('./data.db'),
  runs: { answer },
  routes: [
    http(
      '/',
      async () =>
        new Response(await readFile(PAGE), { headers: { 'content-type': 'text/html; charset=utf-8' } }),
    ),
  ],
})
