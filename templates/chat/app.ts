import { existsSync } from 'node:fs'
import { loadEnvFile } from 'node:process'
import { openai } from '@ai-sdk/openai'
import { convertToModelMessages, streamText } from 'ai'
import { http, millrace, sqlite } from 'millrace'
import { type AnswerSource, chat } from 'millrace/ai-sdk'
import { page } from './page-files.ts'
import { script } from './script.ts'

// Put OPENAI_API_KEY=… into .env.
if (existsSync('.env')) loadEnvFile('.env')

/** Any model of the AI SDK: npm install @ai-sdk/anthropic, and anthropic('claude-haiku-5-5'). */
const model = process.env['OPENAI_API_KEY'] ? openai('gpt-5.5') : undefined

/** What answers. Tools go here, too. */
const answer: AnswerSource = async ({ messages, signal }) =>
  model
    ? streamText({
        model,
        instructions: 'You are a helpful assistant. Answer in plain text, without Markdown.',
        messages: await convertToModelMessages(messages, { ignoreIncompleteToolCalls: true }),
        // Stop ends the request to the model, and its cost.
        abortSignal: signal,
      })
    : script(signal)

export default millrace({
  store: sqlite('./data.db'),
  routes: [chat('/api/chat', { stream: answer }), http('/*path', page)],
})
