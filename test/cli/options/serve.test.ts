import { Option } from 'commander'
import { expect, test } from 'vitest'
import { renderCliDocs, CLI_DOCS } from '../../../scripts/generate-cli-docs.ts'
import { createProgram } from '../../../src/cli/program.ts'
import { flagOf, variableOf } from '../../../src/cli/options/option.ts'
import { SERVE_OPTIONS, defaultOf } from '../../../src/cli/options/serve.ts'
import { readFileSync } from 'node:fs'

function helpOf(name: string): string {
  const command = createProgram().commands.find((one) => one.name() === name)
  // Wide, so that no description is broken.
  return command?.configureHelp({ helpWidth: 1000 }).helpInformation() ?? ''
}

test('flags and variables are each of one option only', () => {
  const flags = SERVE_OPTIONS.flatMap((option) => [
    flagOf(option),
    new Option(option.flags).short ?? flagOf(option),
  ])
  expect(new Set(SERVE_OPTIONS.map(variableOf)).size).toBe(SERVE_OPTIONS.length)
  expect(new Set(SERVE_OPTIONS.map(flagOf)).size).toBe(SERVE_OPTIONS.length)
  const shorts = flags.filter((flag) => /^-\w$/.test(flag))
  expect(new Set(shorts).size).toBe(shorts.length)
})

test.each([
  ['--bind', '-b', 'MILLRACE_BIND', '127.0.0.1'],
  ['--port', '-p', 'MILLRACE_PORT', '8000'],
  ['--unix-socket', '-u', 'MILLRACE_UNIX_SOCKET', 'none'],
  ['--ping-interval', undefined, 'MILLRACE_PING_INTERVAL', '20 s'],
  ['--websocket-timeout', undefined, 'MILLRACE_WEBSOCKET_TIMEOUT', '86400 s'],
  ['--websocket-max-message-size', undefined, 'MILLRACE_WEBSOCKET_MAX_MESSAGE_SIZE', '1 MiB'],
  ['--http-timeout', '-t', 'MILLRACE_HTTP_TIMEOUT', 'none'],
  ['--application-close-timeout', undefined, 'MILLRACE_APPLICATION_CLOSE_TIMEOUT', '10 s'],
  ['--proxy-headers', undefined, 'MILLRACE_PROXY_HEADERS', 'off'],
  ['--access-log', undefined, 'MILLRACE_ACCESS_LOG', 'off'],
])('%s has its usual names and default', (flag, short, variable, shown) => {
  const option = SERVE_OPTIONS.find((one) => flagOf(one) === flag)!
  expect(new Option(option.flags).short).toBe(short)
  expect(variableOf(option)).toBe(variable)
  expect(defaultOf(option)).toBe(shown)
})

test.each(SERVE_OPTIONS.map((option) => [flagOf(option), option] as const))(
  '--help tells of %s',
  (_flag, option) => {
    expect(helpOf('serve')).toContain(option.flags)
    expect(helpOf('serve')).toContain(`${option.description} (default: ${defaultOf(option)})`)
  },
)

test('--help of everything says what to type', () => {
  const program = createProgram()
  let shown = ''
  program.configureOutput({ writeOut: (text) => void (shown += text) })
  program.outputHelp()
  expect(shown).toContain('serve [options] [file]')
  expect(shown).toContain('millrace init my-app')
  expect(shown).toContain('millrace serve app.ts')
})

test('docs/cli.md is what `node scripts/generate-cli-docs.ts` writes', () => {
  expect(readFileSync(CLI_DOCS, 'utf8')).toBe(renderCliDocs())
})
