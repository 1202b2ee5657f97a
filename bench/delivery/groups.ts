/** The loads on delivery. */
import type { Column, Context, Group, Load, Values, Variant } from '../harness/load.ts'
import { withFolder } from '../harness/folder.ts'
import { HISTORY, WARM_UP, idle, lateJoin, paced, unpaced } from './measure.ts'
import { PEERS } from './peers/peers.ts'
import type { PeerName } from './peers/peers.ts'
import { HOLDS_BELOW, STEP_SECONDS, saturation } from './saturation.ts'

const COLUMNS: readonly Column[] = [
  { key: 'cpu', title: 'CPU µs per record', digits: 2 },
  { key: 'p50', title: 'p50 ms', digits: 2 },
  { key: 'p99', title: 'p99 ms', digits: 1 },
  { key: 'perSecond', title: 'delivered per second', digits: 0 },
  { key: 'core', title: 'of the core', digits: 2 },
  { key: 'kernel', title: 'in the kernel', digits: 2 },
  { key: 'rss', title: 'RSS MiB', digits: 0 },
  { key: 'readers', title: 'readers’ core', digits: 2 },
]

function withPeers(
  run: (context: Context, peer: PeerName) => Promise<Values>,
  takes: Variant['takes'],
  peers: readonly PeerName[] = PEERS,
): readonly Variant[] {
  return peers.map((name) => ({ name, takes, run: (context) => run(context, name) }))
}

/** Where nothing is written often, once a turn is no different. */
const UNHURRIED = PEERS.filter((name) => name !== 'ws per turn')

function oneTo(readers: number): Load {
  return {
    name: `one-to-${readers}`,
    title: `1 stream, ${readers.toLocaleString('en')} ${readers === 1 ? 'reader' : 'readers'}, unpaced`,
    variants: withPeers(
      (context, peer) => unpaced(context, peer, readers),
      ({ seconds }) => seconds + 3,
    ),
  }
}

export function streams(count: number): Load {
  return {
    name: `streams-${count}`,
    title: `${count.toLocaleString('en')} streams at 50/s`,
    variants: withPeers(
      (context, peer) => paced(context, peer, { streams: count }),
      ({ seconds }) => seconds + Math.min(WARM_UP, seconds) + 2,
    ),
  }
}

export const delivery: Group = {
  name: 'delivery',
  title: 'Delivery',
  about: `Records of about 40 bytes of JSON go from a source in the server's process to readers in others.
*Unpaced*: one stream, as many records as its readers take, in rounds of about half a second.
*At 50/s*: so many streams, each with one reader and 50 records a second, all from one timer.
*ws* sends each record; *ws per turn* is \`ws\` as whoever measured it would use it: what comes in one turn of the
event loop leaves in one message a stream. Neither keeps a log.
The latency of an unpaced load is that of its queues; at a pace, it is what a reader waits for.`,
  ratio: { key: 'cpu', title: 'Server CPU time per delivered record', against: 'ws' },
  columns: COLUMNS,
  loads: [oneTo(1), oneTo(100), oneTo(1000), streams(500), streams(2000)],
}

/** Probes that a search takes, about. */
const PROBES = 10

const searching: Variant['takes'] = ({ seconds, quick }) =>
  (quick ? 2 : PROBES) * (2 * Math.min(STEP_SECONDS, seconds) + 2.5)

function saturationOf(peer: PeerName): Variant {
  return { name: peer, takes: searching, run: (context) => saturation(context, { peer }) }
}

export const saturations: Group = {
  name: 'saturation',
  title: 'Streams that one core holds',
  about: `Streams of 50 records a second with a reader each, more and more of them, until a record in a hundred
takes ${HOLDS_BELOW} ms or longer to arrive. The figures beside the number are those of the last step that held.
*Millrace, SQLite* keeps every record in a file before a reader sees it (WAL, \`synchronous=FULL\`).`,
  ratio: { key: 'streams', title: 'Streams held (more is better)', against: 'ws' },
  columns: [{ key: 'streams', title: 'streams', digits: 0 }, ...COLUMNS],
  loads: [
    {
      name: 'saturation',
      title: 'streams at 50/s',
      variants: [
        saturationOf('ws'),
        saturationOf('ws per turn'),
        saturationOf('Millrace'),
        {
          name: 'Millrace, SQLite',
          takes: searching,
          run: (context) =>
            withFolder((folder) => saturation(context, { peer: 'Millrace', store: `${folder}/streams.db` })),
        },
      ],
    },
  ],
}

export const idleConnections: Group = {
  name: 'idle',
  title: 'Idle connections',
  about: `Connections that are subscribed to a stream on which nothing happens. Memory is what the server's process
grew by, once it had collected its garbage; other connections had come and gone before.`,
  ratio: { key: 'kilobytes', title: 'Memory of a connection', against: 'ws' },
  columns: [
    { key: 'kilobytes', title: 'kB each', digits: 1 },
    { key: 'connections', title: 'connections', digits: 0 },
    { key: 'rss', title: 'RSS MiB', digits: 0 },
    { key: 'connectCpu', title: 'CPU µs to connect', digits: 0 },
  ],
  loads: [{ name: 'idle', title: 'idle connections', variants: withPeers(idle, () => 6, UNHURRIED) }],
}

export const lateJoins: Group = {
  name: 'late-join',
  title: 'Joining late',
  about: `A reader connects to a stream that holds ${HISTORY.toLocaleString('en')} records, one after the other, and reads to the
last of them. The peers keep no log: they send an array, one record a message, as an application would.
Time is the median, from connecting to the last record.`,
  ratio: { key: 'cpu', title: 'Server CPU time per reader', against: 'ws' },
  columns: [
    { key: 'cpu', title: 'CPU ms per reader', digits: 2 },
    { key: 'ms', title: 'ms to the last record', digits: 1 },
    { key: 'slowest', title: 'slowest ms', digits: 1 },
    { key: 'frames', title: 'messages', digits: 0 },
    { key: 'kilobytes', title: 'kB', digits: 0 },
  ],
  loads: [
    {
      name: 'late-join',
      title: 'a reader of 10,000 records',
      variants: withPeers(lateJoin, () => 5, UNHURRIED),
    },
  ],
}
