/** Chats of the AI SDK, beside what its documentation has a server do. */
import { setTimeout as sleep } from 'node:timers/promises'
import { Child } from '../harness/child.ts'
import { withFolder } from '../harness/folder.ts'
import { Latencies } from '../harness/latencies.ts'
import { type Context, type Group, NotMeasured, type Values, type Variant } from '../harness/load.ts'
import { PATIENCE, TooSlow } from '../harness/program.ts'
import type { ReadersArguments, ReadersReply, ReadersRequest } from './readers.ts'
import type { ServerArguments, ServerReply, ServerRequest } from './server.ts'

const SERVER = new URL('server.ts', import.meta.url)
const READERS = new URL('readers.ts', import.meta.url)

const CHATS = 500
const QUICK_CHATS = 20
/** Deltas a second in each chat: what leaves `streamText` itself, in one process, some room. */
const RATE = 4
const ROUNDS = 3
/** Seconds that compilers and heaps have to settle. */
const WARM_UP = 3
/** Seconds after the last delta was made in which it has to arrive. */
const GRACE = 10

async function measure(context: Context, given: ServerArguments): Promise<Values> {
  const { signal, profile, seconds, quick } = context
  const flags = profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profile}`]
  const server = new Child<ServerRequest, ServerReply>(SERVER, [JSON.stringify(given)], {
    signal,
    core: 0,
    flags,
  })
  let readers: Child<ReadersRequest, ReadersReply> | undefined
  try {
    const { port } = await server.reply('listening', PATIENCE)
    const reading: ReadersArguments = { port, chats: quick ? QUICK_CHATS : CHATS }
    readers = new Child<ReadersRequest, ReadersReply>(READERS, [JSON.stringify(reading)], { signal, core: 1 })
    await readers.reply('ready', PATIENCE)
    const warmUp = Math.min(WARM_UP, seconds)
    const request = { type: 'pace', rate: RATE, seconds: warmUp + seconds } as const
    const pacing = server.ask(request, 'paced', (warmUp + seconds) * 1.5 + GRACE)
    await Promise.race([pacing, sleep(warmUp * 1000, undefined, { signal })])
    server.send({ type: 'reset' })
    readers.send({ type: 'reset' })
    const begun = performance.now()
    const { deltas } = await pacing
    await readers.ask({ type: 'expect', deltas }, 'done', GRACE)
    const wallMs = performance.now() - begun
    const usage = await server.ask({ type: 'usage' }, 'usage', PATIENCE)
    const collected = await readers.ask({ type: 'collect' }, 'collected', PATIENCE)
    const latencies = new Latencies(collected.counts)
    return {
      cpu: usage.cpuMicros / collected.deltas,
      p50: latencies.percentileMs(0.5),
      p99: latencies.percentileMs(0.99),
      perSecond: (collected.deltas / wallMs) * 1000,
      core: usage.cpuMicros / 1000 / wallMs,
      kernel: 1 - usage.userMicros / usage.cpuMicros,
      rss: usage.rss / 1024 / 1024,
      readers: collected.load,
    }
  } catch (error) {
    if (!(error instanceof TooSlow)) throw error
    throw new NotMeasured('did not keep up', { cause: error })
  } finally {
    await Promise.all([server.end(profile !== undefined), readers?.end()])
  }
}

const takes: Variant['takes'] = ({ seconds }) => seconds + Math.min(WARM_UP, seconds) + 4

export const chats: Group = {
  name: 'chats',
  title: 'Chats of the AI SDK',
  about: `Each chat is a page that asked over \`DefaultChatTransport\`, and an answer of ${RATE} deltas a second from a
model of the AI SDK in the server's process. *AI SDK* is \`streamText\` and \`pipeUIMessageStreamToResponse\` on a plain
\`node:http\` server, which keeps nothing. *Millrace* is \`chat\` with the same model: \`streamText\` is in it, and each
chunk is checked, kept in the log of its run, and delivered out of it. Each figure is the median of ${ROUNDS} rounds, in
which the servers take turns.`,
  ratio: { key: 'cpu', title: 'Server CPU time per delta', against: 'AI SDK' },
  columns: [
    { key: 'cpu', title: 'CPU µs per delta', digits: 1 },
    { key: 'p50', title: 'p50 ms', digits: 2 },
    { key: 'p99', title: 'p99 ms', digits: 1 },
    { key: 'perSecond', title: 'delivered per second', digits: 0 },
    { key: 'core', title: 'of the core', digits: 2 },
    { key: 'kernel', title: 'in the kernel', digits: 2 },
    { key: 'rss', title: 'RSS MiB', digits: 0 },
    { key: 'readers', title: 'readers’ core', digits: 2 },
  ],
  loads: [
    {
      name: 'chats-500',
      title: `${CHATS} chats at ${RATE}/s`,
      rounds: ROUNDS,
      variants: [
        { name: 'AI SDK', takes, run: (context) => measure(context, { peer: 'AI SDK' }) },
        { name: 'Millrace', takes, run: (context) => measure(context, { peer: 'Millrace' }) },
        {
          name: 'Millrace, SQLite',
          takes,
          run: (context) =>
            withFolder((folder) => measure(context, { peer: 'Millrace', store: `${folder}/chats.db` })),
        },
      ],
    },
  ],
}
