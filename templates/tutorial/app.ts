import { readFile } from 'node:fs/promises'
import { http, millrace, websocket } from 'millrace'
import { OpenAIConsumer } from './consumers.ts'

const INDEX = new URL('templates/index.html', import.meta.url)

const headers = { 'content-type': 'text/html; charset=utf-8' }

export default millrace({
  routes: [
    http('/', async () => new Response(await readFile(INDEX), { headers })),
    websocket('/ws/openai/', OpenAIConsumer),
  ],
})
