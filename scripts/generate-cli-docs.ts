/** `node scripts/generate-cli-docs.ts`: writes docs/cli.md from the table that the command itself is made of. */
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { EXAMPLES, EXIT_CODES, createProgram } from '../src/cli/program.ts'
import { OPTION_GROUPS, defaultOf, variableOf } from '../src/cli/serve-options.ts'

export const CLI_DOCS: string = fileURLToPath(new URL('../docs/cli.md', import.meta.url))

export function renderCliDocs(): string {
  const program = createProgram()
  const commands = new Map(program.commands.map((command) => [command.name(), command]))
  const about = (name: string): string => commands.get(name)?.description() ?? ''
  return `# The command line

<!-- Written by scripts/generate-cli-docs.ts from src/cli/; change it there. -->

${examples('millrace')}

\`millrace --help\`, \`millrace serve --help\` and \`millrace init --help\` say the same as this page, shorter.

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

${OPTION_GROUPS.map(({ title, options }) => {
  const rows = options.map((option) => [
    option.flags
      .split(', ')
      .map((flag) => `\`${flag}\``)
      .join(', '),
    `\`${variableOf(option)}\``,
    defaultOf(option),
    option.description,
  ])
  return `#### ${title}\n\n${table(['Option', 'Variable', 'Default', 'What it does'], rows)}`
}).join('\n\n')}

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

## millrace init <folder>

${about('init')} The folder has to be new or empty; a \`.git\` in it does not count.

${examples('init')}
`
}

function examples(name: string): string {
  const lines = (EXAMPLES[name] ?? []).map(([command, does]) => `${command}  # ${does}`)
  return ['```sh', ...lines, '```'].join('\n')
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
