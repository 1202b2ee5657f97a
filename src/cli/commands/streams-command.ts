/** `millrace streams …`: looks at and ends what a running server keeps. */
import type { Command } from 'commander'
import { addOptions, flagsOf } from '../options/commander-options.ts'
import { ENDPOINT_OPTIONS, readEndpointSettings } from '../options/endpoint.ts'
import { examplesOf } from '../manual.ts'
import { StreamEndpoint } from '../stream-endpoint.ts'
import { type ListFlags, listStreams } from './streams-list.ts'
import { type TailFlags, tailStream } from './streams-tail.ts'

type Act = (endpoint: StreamEndpoint, command: Command) => Promise<void>

const NOTE = `
Each command reaches the streams that are yours: those of the user that the headers speak for, or
without authentication those that have no owner. MILLRACE_URL and MILLRACE_HEADER stand for --url
and --header; several headers have a line break between them.`

export function addStreams(program: Command): void {
  const streams = program
    .command('streams')
    .summary('List, follow, stop and remove what a running server keeps')
    .description('Lists, follows, stops and removes the streams of a running server, over HTTP.')
    .helpOption('-h, --help', 'Print this help; millrace streams tail --help lists the options of tail')
    .helpCommand(false)
    .addHelpText('after', `${NOTE}\n${examplesOf('streams')}`)

  const ls = streams
    .command('ls')
    .description('List streams: a line for each, in the order of their ids.')
    .option('--prefix <text>', 'Those whose ids begin so')
    .option('--json', 'Print one JSON object a line')
  act(ls, (endpoint) => listStreams(endpoint, ls.opts<ListFlags>()))

  const tail = streams
    .command('tail')
    .description(
      'Print the records of a stream, one JSON value a line, as they come, until the stream is closed. What it is closed with goes to standard error, and a run that failed is an error. It goes on where it was when the server restarts.',
    )
    .argument('<id>', 'the stream')
    .option(
      '--from <offset>',
      'After which record to begin: an offset, -1 for the start, now for the end (default: -1)',
    )
    .option('--no-follow', 'End where the stream ends now')
  act(tail, (endpoint, { args: [id = ''] }) => tailStream(endpoint, id, tail.opts<TailFlags>()))

  const stop = streams
    .command('stop')
    .description('Stop a run, whoever reads it; what came of it stays. Waits for its end and prints it.')
    .argument('<id>', 'the stream of the run')
  act(stop, async (endpoint, { args: [id = ''] }) => console.log(await endpoint.stop(id)))

  const rm = streams
    .command('rm')
    .description('Remove a stream and its records for good. A run has to be stopped first.')
    .argument('<id>', 'the stream')
  act(rm, (endpoint, { args: [id = ''] }) => endpoint.delete(id))
}

/** Gives a command the options of the endpoint, and what to do with it. */
function act(command: Command, run: Act): void {
  command.helpOption('-h, --help', 'Print this help')
  addOptions(command, ENDPOINT_OPTIONS, 'Server:', ({ absent = 'none' }) => absent)
  command.action(async () => {
    await run(
      new StreamEndpoint(readEndpointSettings(flagsOf(command, ENDPOINT_OPTIONS), process.env)),
      command,
    )
  })
}
