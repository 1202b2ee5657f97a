/** The server that is measured, in a process of its own: chats that one model answers. */
import {
  type UIMessage,
  convertToModelMessages,
  pipeUIMessageStreamToResponse,
  streamText,
  toUIMessageStream,
} from 'ai'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'
import { chat } from '../../src/ai-sdk.ts'
import { memory, millrace, sqlite } from '../../src/index.ts'
import { silentLogger } from '../../src/logging/logger.ts'
import { PacedModel } from './paced-model.ts'

export interface ServerArguments {
  readonly peer: 'AI SDK' | 'Millrace'
  /** A file of SQLite; without it, memory. */
  readonly store?: string
}

export type ServerRequest =
  /** So many deltas a second in each answer, for so long. */
  | { readonly type: 'pace'; readonly rate: number; readonly seconds: number }
  /** Counts from here. */
  | { readonly type: 'reset' }
  | { readonly type: 'usage' }

export type ServerReply =
  | { readonly type: 'listening'; readonly port: number }
  /** `deltas`: of each answer. */
  | { readonly type: 'paced'; readonly deltas: number }
  | { readonly type: 'usage'; readonly cpuMicros: number; readonly userMicros: number; readonly rss: number }

const given = JSON.parse(process.argv[2] ?? '{}') as ServerArguments
const paced = new PacedModel()
const port = given.peer === 'Millrace' ? await servedByMillrace() : await servedByAiSdk()

async function servedByMillrace(): Promise<number> {
  const app = millrace({
    store: given.store === undefined ? memory() : sqlite(given.store),
    logger: silentLogger,
    routes: [chat('/api/chat', { model: paced.model })],
  })
  return (await app.listen({ port: 0 })).port
}

/** As its documentation shows it for a plain server of Node. */
async function servedByAiSdk(): Promise<number> {
  const server = createServer((request, response) => {
    void json(request).then(async (body) => {
      const { messages } = body as { messages: UIMessage[] }
      const result = streamText({ model: paced.model, messages: await convertToModelMessages(messages) })
      await pipeUIMessageStreamToResponse({ response, stream: toUIMessageStream({ stream: result.stream }) })
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

const reply = (message: ServerReply): void => void process.send?.(message)
let base = process.cpuUsage()

process.on('message', (request: ServerRequest) => {
  switch (request.type) {
    case 'pace':
      return void paced.pace(request.rate, request.seconds).then((deltas) => reply({ type: 'paced', deltas }))
    case 'reset':
      return void (base = process.cpuUsage())
    case 'usage': {
      const { user, system } = process.cpuUsage(base)
      return reply({
        type: 'usage',
        cpuMicros: user + system,
        userMicros: user,
        rss: process.memoryUsage.rss(),
      })
    }
  }
})
process.on('disconnect', () => process.exit(0))
reply({ type: 'listening', port })
