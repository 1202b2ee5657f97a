/**
 * One of the processes that the chaos test kills: `node test/chaos/worker.ts '<WorkerConfig as JSON>'`.
 * Prints `WorkerNews` as lines of JSON, and what it logs to the standard error.
 */
import { existsSync } from 'node:fs'
import process from 'node:process'
import { setTimeout as sleep } from 'node:timers/promises'
import { httpStreams, millrace, streamSocket, streaming } from 'millrace'
import type { Json, Logger, RunProvider } from 'millrace'
import { answerText, openai } from 'millrace/openai'
import { scripted } from '../support/responses-mock.ts'
import { openChaosStore } from './store-config.ts'
import type { StoreConfig } from './store-config.ts'
import { HUNDRED, WORD_DELAY, sourceOf } from './workload.ts'
import type { Source } from './workload.ts'
import { asRun } from '../support/as-run.ts'

export interface WorkerConfig {
  readonly store: StoreConfig
  /** The base URL of the model service. */
  readonly model: string
  /** Seconds. */
  readonly leaseTtl: number
  /** A file: once it is there, the chaos is over, and what counts may come to its end. */
  readonly gate: string
}

/** What a worker tells of itself. */
export type WorkerNews =
  | { readonly ready: number }
  /** It works on a run. */
  | { readonly began: string }
  /** The provider of a run was told to end. */
  | { readonly cut: string; readonly reason: string }

// The test itself may be killed.
process.stdin.once('end', () => process.exit(1)).resume()

const config = JSON.parse(process.argv[2] ?? '') as WorkerConfig

function tell(news: WorkerNews): void {
  process.stdout.write(`${JSON.stringify(news)}\n`)
}

/** Tells of the begin of a run here, and of its being cut. */
function watched(provider: RunProvider): RunProvider {
  return (context) => {
    const { runId, signal } = context
    tell({ began: runId })
    signal.addEventListener('abort', () => tell({ cut: runId, reason: String(signal.reason) }))
    return provider(context)
  }
}

/**
 * Counts, with a checkpoint at every so many numbers, and goes on from there. Where it ends is kept with
 * the checkpoint, too: what follows one is the same each time.
 */
function counting(input: Json): RunProvider {
  const { atLeast, every, paceMs } = input as Extract<Source, { type: 'counting' }>
  return watched(async function* ({ signal, resumeFrom, checkpoint }) {
    let { n, to } = (resumeFrom ?? { n: 0, to: null }) as { n: number; to: number | null }
    for (; to === null || n < to; n++) {
      const next = n + 1
      if (next % every === 0) {
        const isOver = atLeast !== null && next >= atLeast && existsSync(config.gate)
        if (isOver) to ??= Math.ceil(next / HUNDRED) * HUNDRED
        checkpoint({ n: next, to })
      }
      // What is yielded again has to be the same, whoever yields it.
      yield every === 1 ? { n, by: process.pid } : { n }
      await sleep(paceMs, undefined, { signal })
    }
  })
}

/** The text of a model's answer, whose response goes on in the background whatever happens here. */
function answering(input: Json): RunProvider {
  const { prompt, words } = input as Extract<Source, { type: 'answering' }>
  const events = openai({
    model: 'mock',
    input: prompt,
    background: true,
    apiKey: 'none',
    baseURL: config.model,
    ...scripted({ words, delay: WORD_DELAY }),
  })
  return watched(async function* (context) {
    for await (const event of events(context)) {
      const delta = answerText(event)
      if (delta !== undefined) yield { delta }
    }
  })
}

const logger: Logger = {
  debug() {},
  info: (fields, message) => log('info', fields, message),
  warn: (fields, message) => log('warn', fields, message),
  error: (fields, message) => log('error', fields, message),
}

function log(level: string, fields: object, message: string): void {
  const { err, ...others } = fields as { readonly err?: unknown }
  const error = err instanceof Error ? ` ${err.name}: ${err.message}` : ''
  process.stderr.write(`${level} ${message}${error} ${JSON.stringify(others)}\n`)
}

const streams = streaming({
  store: openChaosStore(config.store, logger),
  logger,
  leaseTtl: config.leaseTtl,
  runs: {
    counting: { run: asRun(counting), resumable: true },
    answering: { run: asRun(answering), resumable: true },
    // The same, and nobody may go on with it.
    fleeting: { run: asRun(counting) },
  },
})

async function start({ input, id = '' }: { readonly input: Json; readonly id?: string }): Promise<{
  readonly id: string
}> {
  const source = sourceOf(id)
  if (source.kind === undefined) return streams.runs.start({ id }, counting(input))
  return streams.runs.start({ id, kind: source.kind, input })
}

const app = millrace({
  logger,
  streams,
  routes: [
    streamSocket('/ws/streams/', { ...streams.services, start }),
    httpStreams('/streams', { ...streams.services, start }),
  ],
})

const { port } = await app.listen({ port: 0 })
tell({ ready: port })
