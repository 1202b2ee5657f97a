/** The command line: what commander makes of it, and how the process ends when it goes wrong. */
import { Command, CommanderError, Option } from 'commander'
import { CommandError, oneLine } from './command-error.ts'
import { readEnvFile } from './env-file.ts'
import { addOptions, flagsOf } from './options/commander-options.ts'
import { TEMPLATES, type Template, init } from './commands/init.ts'
import { examplesOf } from './manual.ts'
import { migrateCommand } from './commands/migrate.ts'
import { PACKAGE } from './package.ts'
import { serve } from './commands/serve.ts'
import { OPTION_GROUPS, SERVE_OPTIONS, defaultOf } from './options/serve.ts'
import { STORE_OPTION } from './options/stores.ts'
import { addStreams } from './commands/streams-command.ts'
import { worker } from './commands/worker.ts'
import { WORKER_OPTIONS, workerDefaultOf } from './options/worker.ts'

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
  addWorker(program)
  addMigrate(program)
  addStreams(program)
  addInit(program)
  return program
}

function addServe(program: Command): void {
  const command = program
    .command('serve')
    .summary('Run an application, or the demo when no file is named')
    .description(
      'Runs the application that a file exports by default, until Ctrl-C or SIGTERM. TypeScript runs as it is ' +
        "(Node 22.18 or later). Without a file it serves Millrace's demo: the tutorial's page, and a chat.",
    )
    .argument('[file]', 'the module that exports the application')
    .helpOption('-h, --help', 'Print this help')
    .addHelpText('after', `${variablesNote}\n${examplesOf('serve')}`)
  for (const { title, options } of OPTION_GROUPS) addOptions(command, options, `${title}:`, defaultOf)
  command.action(
    async (file: string | undefined) => await serve(file, flagsOf(command, SERVE_OPTIONS), process.env),
  )
}

function addWorker(program: Command): void {
  const command = program
    .command('worker')
    .summary('Run the consumers of named channels')
    .description(
      'Runs the consumers that an application has for named channels, apart from what serves its connections, ' +
        'until Ctrl-C or SIGTERM. Without a channel it serves all of them. Processes that share a channel ' +
        'share its messages: each message goes to one of them.',
    )
    .argument('<file>', 'the module that exports the application')
    .argument('[channel...]', 'the channels to serve; all of them by default')
    .helpOption('-h, --help', 'Print this help')
    .addHelpText('after', `${workerNote}\n${examplesOf('worker')}`)
  addOptions(command, WORKER_OPTIONS, 'Options:', workerDefaultOf)
  command.action(
    async (file: string, channels: readonly string[]) =>
      await worker([file, ...channels], flagsOf(command, WORKER_OPTIONS), process.env),
  )
}

function addMigrate(program: Command): void {
  const command = program
    .command('migrate')
    .summary('Create or upgrade the store of streams')
    .description(
      'Creates the store of streams, or brings an older one up to date, and says from which version to which. ' +
        'millrace serve does the same when it starts.',
    )
    .helpOption('-h, --help', 'Print this help')
    .addHelpText('after', examplesOf('migrate'))
  addOptions(command, [STORE_OPTION], 'Streams:', defaultOf)
  command.action(() => migrateCommand(flagsOf(command, [STORE_OPTION]), process.env))
}

function addInit(program: Command): void {
  const templates = Object.entries(TEMPLATES).map(([name, what]) => `${name}: ${what}`)
  program
    .command('init')
    .summary('Write a small application to start from')
    .description(
      'Writes a small application to start from: a chat, unless --template says something else. It has one command ' +
        'to run and a test that passes.',
    )
    .argument('<folder>', 'where to; its name becomes the name of the package')
    .addOption(
      new Option('--template <name>', templates.join('; ')).choices(Object.keys(TEMPLATES)).default('chat'),
    )
    .helpOption('-h, --help', 'Print this help')
    .addHelpText('after', examplesOf('init'))
    .action(
      async (folder: string, { template }: { readonly template: Template }) => await init(folder, template),
    )
}

const variablesNote = `
Each option can be set by a variable as well, where the command line does not: MILLRACE_PORT for
--port, MILLRACE_HTTP_TIMEOUT for --http-timeout. An option without a value has a --no- form, as in
--no-access-log, and its variable is 1 or 0; a variable of repeatable values has commas between them.
REDIS_URL stands for --store and --channel-layer where nothing else says. A file .env in the working
directory sets variables that are not set.`

const workerNote = `
Each option can be set by a variable as well, where the command line does not: MILLRACE_CONCURRENCY
for --concurrency. REDIS_URL stands for --store and --channel-layer where nothing else says. A file
.env in the working directory sets variables that are not set.`

/** Runs a command line without its first two words. A command that fails ends the process. */
export async function run(args: readonly string[]): Promise<void> {
  // Whoever read the output may have gone, as `head` does; that is no reason for a server to fall over.
  process.stdout.on('error', ignore)
  try {
    readEnvFile()
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
