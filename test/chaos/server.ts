/** The server that the chaos test kills: `node test/chaos/server.ts <database> <port> <model service>`. */
import { setTimeout as sleep } from 'node:timers/promises'
import { millrace, silentLogger, sqlite, streamSocket, streaming } from 'millrace'
import type { Json, Provider, RunProvider } from 'millrace'
import { answerText, openai } from 'millrace/openai'
import { asRun } from '../support/as-run.ts'

const [database = '', port = '0', baseURL = ''] = process.argv.slice(2)

/** Counts to `to`, and goes on from the exact number when another process takes it over. */
function counting(input: Json): RunProvider {
  const { to } = input as { to: number }
  return async function* ({ signal, resumeFrom, checkpoint }) {
    for (let n = typeof resumeFrom === 'number' ? resumeFrom : 0; n < to; n++) {
      checkpoint(n + 1)
      yield { n }
      await sleep(5, undefined, { signal })
    }
  }
}

/** The text of a model's answer, whose response goes on in the background whatever happens here. */
function answering(input: Json): Provider {
  const { prompt } = input as { prompt: string }
  const events = openai({ model: 'mock', input: prompt, background: true, apiKey: 'none', baseURL })
  return async function* (context) {
    for await (const event of events(context)) {
      const delta = answerText(event)
      if (delta !== undefined) yield { delta }
    }
  }
}

const streams = streaming({
  store: sqlite(database),
  leaseTtl: 1,
  runs: {
    counting: { run: asRun(counting), resumable: true },
    answering: { run: asRun(answering), resumable: true },
  },
})

const app = millrace({
  logger: silentLogger,
  streams,
  routes: [
    streamSocket('/ws/streams/', {
      ...streams.services,
      start: ({ input, id = '' }) => streams.runs.start({ id, kind: id.split('-')[0] ?? '', input }),
    }),
  ],
})

const { url } = await app.listen({ port: Number(port) })
console.log(url)
