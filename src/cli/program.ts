/** The command line: what commander makes of it, and how the process ends when it goes wrong. */
import { Command, CommanderError, Option } from 'commander'
import { CommandError, oneLine } from './command-error.ts'
import { init } from './init.ts'
import { PACKAGE } from './package.ts'
import type { Flags } from './read-settings.ts'
import { serve } from './serve.ts'
import { OPTION_GROUPS, SERVE_OPTIONS, type ServeOption, defaultOf, flagOf } from './serve-options.ts'

/** What each command looks like in use, with what it does. Help and docs/cli.md show them. */
export const EXAMPLES: Readonly<Record<string, readonly (readonly [command: string, does: string])[]>> = {
  millrace: [
    ['millrace init my-app', 'write a small chat application to start from'],
    ['millrace serve app.ts', 'serve it on http://127.0.0.1:8000'],
    ['millrace serve', 'look at the demo: a page that streams'],
  ],
  serve: [
    ['millrace serve app.ts --watch', 'restart whenever a file changes'],
    ['millrace serve app.ts -b 0.0.0.0 -p 80 --access-log', 'serve the network, and log who comes'],
    ['millrace serve app.ts --tls-cert cert.pem --tls-key key.pem', 'speak https and wss'],
    ['millrace serve app.ts -u /run/app.sock --proxy-headers', 'stand behind nginx'],
    ['MILLRACE_PORT=9000 millrace serve app.ts', 'set an option by its variable'],
  ],
  init: [
    ['millrace init my-app', 'write it to a new folder, my-app'],
    ['millrace init .', 'write it to this folder, which has to be empty'],
  ],
}

export const EXIT_CODES: readonly (readonly [code: string, meaning: string])[] = [
  ['0', 'It did what it was asked to; a server was told to stop and did so in order.'],
  ['1', 'It failed: the file cannot be served, the port is taken, an exception went uncaught.'],
  ['2', 'It was asked for what it does not do: an unknown option, a value that is none.'],
  ['130, 143', 'A second SIGINT or SIGTERM cut the shutdown short.'],
]

export function createProgram(): Command {
  const program = new Command('millrace')
    .description('Streams the output of language models to the people reading it.')
    .version(PACKAGE.version, '-V, --version', 'Print the version')
    .helpOption('-h, --help', 'Print this help; millrace serve --help lists the options of serve')
    .helpCommand(false)
    .exitOverride()
    // Descriptions stand in a column of their own even on a terminal of 80 columns.
    .configureHelp({ minWidthToWrap: 30 })
    .configureOutput({ outputError: (message, write) => write(`millrace: ${rephrased(message)}\n`) })
    .addHelpText('after', examplesOf('millrace'))
  addServe(program)
  addInit(program)
  return program
}

function addServe(program: Command): void {
  const command = program
    .command('serve')
    .summary('Run an application, or the demo when no file is named')
    .description(
      'Runs the application that a file exports by default, until Ctrl-C or SIGTERM. TypeScript runs as it is ' +
        "(Node 22.18 or later). Without a file it serves Millrace's demo: a page and the WebSocket that streams to it.",
    )
    .argument('[file]', 'the module that exports the application')
    .helpOption('-h, --help', 'Print this help')
    .addHelpText('after', `${variablesNote}\n${examplesOf('serve')}`)
  for (const { title, options } of OPTION_GROUPS) {
    for (const option of options) {
      command.addOption(commanderOption(option).helpGroup(`${title}:`))
      if (option.kind.lone || option.negated !== undefined) {
        const negation = new Option(flagOf(option).replace('--', '--no-')).hideHelp()
        command.addOption(negation.helpGroup(`${title}:`))
      }
    }
  }
  command.action(async (file: string | undefined) => await serve(file, flagsOf(command), process.env))
}

function addInit(program: Command): void {
  program
    .command('init')
    .summary('Write a small application to start from')
    .description('Writes a small chat application: a consumer, its routes, a page and a test that passes.')
    .argument('<folder>', 'where to; its name becomes the name of the package')
    .helpOption('-h, --help', 'Print this help')
    .addHelpText('after', examplesOf('init'))
    .action(async (folder: string) => await init(folder))
}

const variablesNote = `
Each option can be set by a variable as well, where the command line does not: MILLRACE_PORT for
--port, MILLRACE_HTTP_TIMEOUT for --http-timeout. An option without a value has a --no- form, as in
--no-access-log, and its variable is 1 or 0; a variable of repeatable values has commas between them.`

function commanderOption(option: ServeOption): Option {
  const made = new Option(option.flags, `${option.description} (default: ${defaultOf(option)})`)
  return option.kind.list
    ? made.argParser((value: string, previous: readonly string[] | undefined) => [...(previous ?? []), value])
    : made
}

/** What was given, by long flag; commander sets no default, since none is told to it. */
function flagsOf(command: Command): Flags {
  const given = command.opts<Flags>()
  return Object.fromEntries(
    SERVE_OPTIONS.map((option) => [flagOf(option), given[new Option(option.flags).attributeName()]]),
  )
}

function examplesOf(name: string): string {
  const examples = EXAMPLES[name] ?? []
  const width = Math.max(...examples.map(([command]) => command.length))
  return `\nExamples:\n${examples.map(([command, does]) => `  ${command.padEnd(width)}  ${does}`).join('\n')}\n`
}

/** Runs a command line without its first two words. A command that fails ends the process. */
export async function run(args: readonly string[]): Promise<void> {
  // Whoever read the output may have gone, as `head` does; that is no reason for a server to fall over.
  process.stdout.on('error', ignore)
  try {
    await createProgram().parseAsync(args.length === 0 ? ['--help'] : withDashes(args), { from: 'user' })
  } catch (error) {
    process.exit(report(error))
  }
}

/** `--websocket_timeout`, as Daphne spells some of its options, is `--websocket-timeout`. */
function withDashes(args: readonly string[]): string[] {
  const end = args.indexOf('--')
  return args.map((arg, index) =>
    end >= 0 && index > end ? arg : arg.replace(/^--[\w-]+/, (flag) => flag.replaceAll('_', '-')),
  )
}

/** Says on standard error what went wrong, unless commander did; gives the exit code. */
function report(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
  if (error instanceof CommandError) {
    console.error(`millrace: ${error.message}`)
    return error.exitCode
  }
  console.error('millrace: this is a bug in Millrace:', error)
  return 1
}

function rephrased(message: string): string {
  const line = oneLine(message.replace(/^error: /, ''))
  const file = /^unknown command '(.+\.[cm]?[jt]s)'/.exec(line)?.[1]
  return file === undefined ? line : `${line}; to serve it: millrace serve ${file}`
}

function ignore(): void {}
