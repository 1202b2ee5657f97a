/**
 * A chat behind Express, for stock useChat over its DefaultChatTransport: `node examples/express/server.ts`, then open the
 * address it prints.
 */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { openai } from '@ai-sdk/openai'
import react from '@vitejs/plugin-react'
import express from 'express'
import { millrace, sqlite } from 'millrace'
import { type AnswerSource, chat } from 'millrace/ai-sdk'
import { createServer as createVite } from 'vite'

/** Answers until there is a key, so that the page has something to show. */
const withoutKey: AnswerSource = async function* ({ signal }) {
  yield { type: 'text-start', id: 'answer' }
  for (const delta of 'Set OPENAI_API_KEY, and a model answers here.'.split(/(?<= )/)) {
    await sleep(100, undefined, { signal })
    yield { type: 'text-delta', id: 'answer', delta }
  }
  yield { type: 'text-end', id: 'answer' }
}

const app = millrace({
  store: sqlite(process.env.DATABASE ?? './data.db'),
  routes: [
    chat('/api/chat', process.env.OPENAI_API_KEY ? { model: openai('gpt-5.5') } : { stream: withoutKey }),
  ],
})

const web = express()
const server = createServer(web)
const attached = app.attach(server)

// Answers what is below /api/chat and passes everything else on.
web.use(attached.handle)

// What was said before, for the page to begin with.
web.get('/history/:id', async (request, response) => {
  const kept = await app.chats.get(request.params.id)
  response.json((kept?.messages ?? []).map(({ message }) => message))
})

// The page, compiled as it is asked for. In production express.static() serves what `vite build` wrote.
const vite = await createVite({
  root: import.meta.dirname,
  configFile: false,
  plugins: [react()],
  server: { middlewareMode: true, hmr: { server } },
})
web.use(vite.middlewares)

server.listen(Number(process.env.PORT ?? 3000), '127.0.0.1', () => {
  console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
})

process.once('SIGTERM', () => {
  void Promise.all([app.close(), vite.close()]).then(() => server.close())
})
