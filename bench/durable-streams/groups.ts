/** The Durable Streams protocol, beside its reference server. */
import { Child } from '../harness/child.ts'
import { withFolder } from '../harness/folder.ts'
import type { Column, Context, Group, Load, Values, Variant } from '../harness/load.ts'
import { PATIENCE } from '../harness/program.ts'
import type { ClientArguments, ClientReply, ClientRequest } from './client.ts'
import { referenceServer } from './reference.ts'
import type { ServerArguments, ServerReply } from './server.ts'

const SERVER = new URL('server.ts', import.meta.url)
const CLIENT = new URL('client.ts', import.meta.url)

const STARTING = 30
/** Each variant is measured so often, in turns with the others. */
const ROUNDS = 3
const READERS = 50
/** A second. */
const RATE = 50
const HISTORY = 10_000

type Work = ClientArguments extends infer Each ? (Each extends unknown ? Omit<Each, 'port'> : never) : never

async function measure(context: Context, given: ServerArguments, work: Work): Promise<Values> {
  const { signal, profile } = context
  const flags = profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profile}`]
  const server = new Child<never, ServerReply>(SERVER, [JSON.stringify(given)], { signal, core: 0, flags })
  let client: Child<ClientRequest, ClientReply> | undefined
  try {
    const { port } = await server.reply('listening', STARTING)
    const all = JSON.stringify({ ...work, port })
    client = new Child<ClientRequest, ClientReply>(CLIENT, [all], { signal, core: 1 })
    await client.reply('ready', PATIENCE)
    const before = server.cpuMicros
    const { count, values } = await client.ask({ type: 'go' }, 'done', PATIENCE)
    return { ...values, cpu: (server.cpuMicros - before) / count }
  } finally {
    await Promise.all([server.end(profile !== undefined), client?.end()])
  }
}

function variants(takes: Variant['takes'], workOf: (context: Context) => Work): readonly Variant[] {
  const inMemory = async (context: Context, server: ServerArguments): Promise<Values> =>
    await measure(context, server, workOf(context))
  const onDisk = (context: Context, server: ServerArguments): Promise<Values> =>
    withFolder((folder) => inMemory(context, { ...server, folder }))
  const reference = async ({ signal }: Context): Promise<ServerArguments> => ({
    reference: await referenceServer(signal),
  })
  return [
    { name: 'reference', takes, run: async (context) => inMemory(context, await reference(context)) },
    { name: 'Millrace', takes, run: (context) => inMemory(context, {}) },
    { name: 'reference, file', takes, run: async (context) => onDisk(context, await reference(context)) },
    { name: 'Millrace, SQLite', takes, run: (context) => onDisk(context, {}) },
  ]
}

const takes: Variant['takes'] = ({ seconds }) => seconds + Math.min(1, seconds) + 1.5

function appendsOf(writers: number): Load {
  return {
    name: `http-appends-${writers}`,
    title: `${writers} ${writers === 1 ? 'writer' : 'writers'}`,
    rounds: ROUNDS,
    variants: variants(takes, ({ seconds }) => ({ load: 'append', writers, seconds })),
  }
}

const CPU: Column = { key: 'cpu', title: 'CPU µs each', digits: 1 }

const ABOUT_FILES = `*File* and *SQLite* keep what is written on disk: the reference in a file for each stream and
LMDB, Millrace in SQLite, synced before it answers. CPU time is that of the server's process, by the books of the
system. Each figure is the median of ${ROUNDS} rounds, in which the servers take turns.`

export const httpAppends: Group = {
  name: 'http-appends',
  title: 'Durable Streams: appends',
  about: `Each writer appends a record of 40 bytes of JSON to its own stream by \`POST\`, on a connection of its own,
waits for the answer, and appends the next. *Reference* is \`@durable-streams/server\`, in memory and with files.
${ABOUT_FILES}`,
  ratio: { key: 'perSecond', title: 'Appends per second (more is better)', against: 'reference' },
  columns: [
    { key: 'perSecond', title: 'appends per second', digits: 0 },
    { key: 'p50', title: 'p50 ms', digits: 2 },
    { key: 'p99', title: 'p99 ms', digits: 2 },
    CPU,
  ],
  loads: [appendsOf(1), appendsOf(100)],
}

function liveBy(how: 'sse' | 'long-poll', title: string): Load {
  return {
    name: `http-${how}`,
    title,
    rounds: ROUNDS,
    variants: variants(takes, ({ seconds, quick }) => ({
      load: how,
      readers: quick ? 5 : READERS,
      rate: RATE,
      seconds,
    })),
  }
}

export const httpLive: Group = {
  name: 'http-live',
  title: 'Durable Streams: live readers',
  about: `One writer appends ${RATE} records a second to a stream with ${READERS} readers, one \`POST\` each. Bytes are all
that a reader gets for a record, heads and control events too, and so is the CPU time: requests of a long poll and
the \`POST\` are in it.`,
  ratio: { key: 'cpu', title: 'Server CPU time per delivered record', against: 'reference' },
  columns: [
    CPU,
    { key: 'bytes', title: 'bytes each', digits: 0 },
    { key: 'perSecond', title: 'delivered per second', digits: 0 },
  ],
  loads: [liveBy('sse', 'server-sent events'), liveBy('long-poll', 'long polls')],
}

export const httpCatchUp: Group = {
  name: 'http-catch-up',
  title: 'Durable Streams: catching up',
  about: `A stream of ${HISTORY.toLocaleString('en')} records is read from its start to its tail by \`GET\`, by one reader after the other.`,
  ratio: { key: 'ms', title: 'Time to the last record', against: 'reference' },
  columns: [
    { key: 'ms', title: 'ms to the last record', digits: 2 },
    CPU,
    { key: 'bytes', title: 'bytes', digits: 0 },
  ],
  loads: [
    {
      name: 'http-catch-up',
      title: '10,000 records',
      rounds: ROUNDS,
      variants: variants(
        () => 3,
        ({ quick }) => ({ load: 'catch-up', records: quick ? 1000 : HISTORY, times: quick ? 3 : 100 }),
      ),
    },
  ],
}
