/** `node scripts/generate-cli-docs.ts`: writes docs/cli.md from the table that the command itself is made of. */
import type { Command } from 'commander'
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { ENDPOINT_OPTIONS } from '../src/cli/options/endpoint.ts'
import { EXAMPLES, EXIT_CODES } from '../src/cli/manual.ts'
import { type CommandOption, flagOf, variableOf } from '../src/cli/options/option.ts'
import { TEMPLATES } from '../src/cli/commands/init.ts'
import { type KnownProvider, PROVIDERS } from '../src/demo/models/model-name.ts'
import { createProgram } from '../src/cli/program.ts'
import { OPTION_GROUPS, defaultOf } from '../src/cli/options/serve.ts'
import { STORE_OPTION } from '../src/cli/options/stores.ts'
import { WORKER_OPTIONS, workerDefaultOf } from '../src/cli/options/worker.ts'

export const CLI_DOCS: string = fileURLToPath(new URL('../docs/cli.md', import.meta.url))

export function renderCliDocs(): string {
  const program = createProgram()
  const commands = new Map(program.commands.map((command) => [command.name(), command]))
  const streams = commands.get('streams')?.commands ?? []
  const about = (name: string): string => commands.get(name)?.description() ?? ''
  return `# The command line

<!-- Written by scripts/generate-cli-docs.ts from src/cli/; change it there. -->

${examples('millrace')}

\`millrace --help\` and \`millrace serve --help\`, or any other command's, say the same as this page, shorter.

## millrace serve [file]

${about('serve')}

${examples('serve')}

The file's default export, or the one that \`--export\` names, is what \`millrace({ … })\` returned. Its own logger,
if it has one, is its own affair; otherwise it logs as \`--verbosity\` and \`--log-format\` say.

### Options

Each option can be set by a variable as well. What the command line says wins over a variable, and a variable over
the default. An option that takes no value has a \`--no-\` form, as in \`--no-access-log\`, and its variable is \`1\` or
\`0\`. Repeatable options take several values with commas between them, too. \`--websocket_timeout\` and the like, as
Daphne spells some, work as well.

A file \`.env\` in the working directory sets variables that are not set, for all commands and for the application:
\`OPENAI_API_KEY=…\`. With \`--watch\`, a change of it restarts the application.

${OPTION_GROUPS.map(({ title, options }) => `#### ${title}\n\n${optionTable(options, defaultOf)}`).join('\n\n')}

### Which model answers

In the demo, that is; an application chooses its own. \`--model\` names it as \`provider/model\`:

${table(
  ['Provider', 'Package', 'Key'],
  [
    ['`openai`', '`openai`', '`OPENAI_API_KEY`'],
    ...Object.entries(PROVIDERS).map(([name, provider]) => [
      `\`${name}\``,
      `\`${provider.package}\``,
      keyOf(provider),
    ]),
  ],
)}

The package is one of the folder in which the command runs, and is loaded only for this: \`npm install ai @ai-sdk/anthropic\`.
Without \`--model\`, \`OPENAI_API_KEY\` or \`OPENAI_BASE_URL\` and \`OPENAI_MODEL\` say what answers, over the Responses API;
without those a script does. [Providers](providers.md#models-of-the-demo) tells the rest.

### Where streams are kept

\`--store\` says where the demo keeps its streams: \`memory:\` for nowhere but in the process, the path of an SQLite
file, which is created or upgraded as needed, or a Redis, \`redis://[user:password@]host[:port][/database]\`, with
\`rediss://\` for TLS. Several servers on one machine may share a file; [several machines](deploying.md) share a Redis.
\`--channel-layer\` says where its channel layer is: \`memory:\` for inside the process, or a Redis. \`REDIS_URL\` stands
for both, where neither the option nor its own variable says something else. A Redis takes the package \`redis\`
(\`npm install redis\`). A password is better kept in a variable than on the command line; none is ever logged.

An application chooses its own. One that makes them with \`storeFromEnvironment()\` and \`layerFromEnvironment()\` is
told by these options, too:

\`\`\`ts
import { layerFromEnvironment, millrace, storeFromEnvironment, streaming } from 'millrace'

export default millrace({
  channels: layerFromEnvironment(),
  streams: streaming({ store: storeFromEnvironment() }),
})
\`\`\`

A line of the log says where streams are kept and what they survive. A folder \`.millrace\` gets a \`.gitignore\` that
keeps it out of version control.

### Workers

With \`--workers\` the process that was started holds the port, and that many others serve. One that dies is started
anew. SIGHUP, or SIGUSR2, replaces them one by one: each new one loads the application as it is on disk by then, and
when it is ready, the one before it shuts down in order, so that no connection is refused and no run is lost. When a
new one does not come up, the error is logged and the others stay. \`--watch\` and a store in memory do not go with
several workers. [Deploying](deploying.md) tells it whole, with systemd, containers and nginx.

### How a server ends

SIGINT (Ctrl-C) and SIGTERM shut it down: it accepts nothing new, every consumer's \`disconnect\` runs, WebSockets
close with 1012, answers under way are completed, and what is left after \`--application-close-timeout\` is cut. A
second signal exits at once. (The same signal within 0.3 s counts once: npm passes on a Ctrl-C that the terminal has
sent already.) An application that cannot even be closed is left behind two seconds later.

An exception that a consumer's or a route's handler throws ends that connection or request alone. One that nobody
catches, in a timer's callback for example, is logged and shuts the server down, with exit code 1, since it may have
left anything half done. A rejected promise that nobody handles is logged and the server goes on.

### Exit codes

${table(['Code', 'Meaning'], EXIT_CODES)}

What went wrong is one line on standard error that begins with \`millrace:\`. With \`--verbosity debug\` the stack goes
to the log.

## millrace worker <file> [channel...]

${about('worker')} The consumers are those that \`channel(name, Consumer)\`
puts [among the application's routes](consumers.md#consumers-of-channels). The channel layer has to be one that
processes share.

${examples('worker')}

${optionTable(WORKER_OPTIONS, workerDefaultOf)}

A message that a consumer fails with is logged, and the next one is served. On SIGINT and SIGTERM a worker takes no
further message and finishes those in hand; what is left after \`--application-close-timeout\` is cut.

## millrace migrate

${about('migrate')} A store that a newer version of Millrace wrote is left alone, with
exit code 1. Stop the servers on a file before an upgrade that changes the schema.

${examples('migrate')}

${optionTable([STORE_OPTION], defaultOf)}

## millrace streams

${about('streams')} [Its HTTP endpoint](http-streams.md) is
what it speaks to. Each command reaches the streams that are yours: those of the user that the headers speak for, or
without authentication those that have no owner.

${examples('streams')}

${optionTable(ENDPOINT_OPTIONS, ({ absent = 'none' }) => absent)}

An address without a path stands for \`/streams\` there. Several headers in \`MILLRACE_HEADER\` have a line break between
them. A secret is better kept in the variable: what stands on a command line, every user of the machine can read.

${streams.map((command) => streamsCommand(command)).join('\n\n')}

## millrace init <folder>

${about('init')} The folder has to be new or empty; a \`.git\` in it does not count.

${examples('init')}

${table(
  ['Template', 'What it is'],
  Object.entries(TEMPLATES).map(([name, what]) => [`\`${name}\``, what]),
)}

Started from a clone or a tarball of Millrace, it writes a \`file:\` dependency on that, so that nothing has to be published.
`
}

function streamsCommand(command: Command): string {
  const usage = command.registeredArguments.map((argument) => ` <${argument.name()}>`).join('')
  const own = command.options.filter(({ long }) =>
    ENDPOINT_OPTIONS.every((option) => flagOf(option) !== long),
  )
  const rows = own.map(({ flags, description }) => [`\`${flags}\``, description])
  const options = rows.length > 0 ? `\n\n${table(['Option', 'What it does'], rows)}` : ''
  return `### millrace streams ${command.name()}${usage}\n\n${command.description()}${NOTES[command.name()] ?? ''}${options}`
}

/** What a page has room for and help has not. */
const NOTES: Readonly<Record<string, string>> = {
  tail: ' What it prints is the text that was written, number by number and key by key; only a line break within a record becomes a space. The exit code is 0 for a run that completed or was stopped and for any other stream that was closed, and 1 for one that failed, wherever it was read from.',
  ls: ' With `--json` there is more: what it is closed with, what kind of records it holds, when it was created and when it expires.',
}

function optionTable<T extends CommandOption>(
  options: readonly T[],
  defaults: (option: T) => string,
): string {
  const rows = options.map((option) => [
    option.flags
      .split(', ')
      .map((flag) => `\`${flag}\``)
      .join(', '),
    `\`${variableOf(option)}\``,
    defaults(option),
    option.description,
  ])
  return table(['Option', 'Variable', 'Default', 'What it does'], rows)
}

function examples(name: string): string {
  const lines = (EXAMPLES[name] ?? []).map(([command, does]) => `${command}  # ${does}`)
  return ['```sh', ...lines, '```'].join('\n')
}

/** What a provider of models needs in the environment. */
function keyOf({ key, baseURL }: KnownProvider): string {
  if (key !== undefined) return `\`${key}\``
  if (!baseURL) return 'none'
  const { variable, usual } = baseURL
  return usual === undefined
    ? `\`${variable}\`, its address; \`OPENAI_API_KEY\` if it takes one`
    : `none; \`${variable}\` if it is not at ${usual}`
}

/** A table with its columns in line, as the formatter leaves it. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, column) =>
    Math.max(3, title.length, ...rows.map((row) => row[column]?.length ?? 0)),
  )
  const line = (cells: readonly string[]): string =>
    `| ${widths.map((width, column) => (cells[column] ?? '').padEnd(width)).join(' | ')} |`
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n')
}

if (import.meta.main) writeFileSync(CLI_DOCS, renderCliDocs())
