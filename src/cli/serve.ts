/** `millrace serve`: runs an application until it is told to stop. */
import { existsSync } from 'node:fs'
import type { Logger } from '../logging/logger.ts'
import { createLogger, shareLogger } from '../logging/pino.ts'
import { openAISettings } from '../providers/openai-settings.ts'
import type { Application } from '../server/application.ts'
import type { RunningServer } from '../server/listener.ts'
import { CommandError, UsageError } from './command-error.ts'
import { superviseProcess } from './lifecycle.ts'
import { listen } from './listen.ts'
import { guardLoading, loadApplication } from './load-application.ts'
import { PACKAGE } from './package.ts'
import { type Environment, type Flags, readSettings } from './read-settings.ts'
import { type LogFormat, SERVE_DEFAULTS, type ServeSettings } from './serve-options.ts'
import { readTls } from './tls.ts'
import { watch } from './watch.ts'

/**
 * Serves the application that a file exports, or the demo when there is no file. Resolves once it listens.
 *
 * @throws {CommandError} saying why it does not.
 */
export async function serve(file: string | undefined, flags: Flags, environment: Environment): Promise<void> {
  const settings = readSettings(flags, environment)
  if (file === undefined) {
    const idle = (['watch', 'exportName'] as const).find((name) => settings[name])
    if (idle !== undefined)
      throw new UsageError(`--${idle === 'watch' ? 'watch' : 'export'} needs the file of an application`)
  }
  if (settings.watch) return watch()
  const format = settings.logFormat ?? (process.stdout.isTTY ? 'pretty' : 'json')
  const logger = await loggerFor(settings, format)
  shareLogger(logger)
  const say = (line: string): void => (format === 'json' ? logger.info({}, line) : console.log(line))
  const release = file === undefined ? undefined : guardLoading(file)
  try {
    const tls = await readTls(settings)
    const application = await applicationFor(file, settings, logger, environment)
    const { running, isOpen } = await listen(application, { ...settings, ...(tls && { tls }) })
    const { shutdownTimeout = SERVE_DEFAULTS.shutdownTimeout } = settings
    superviseProcess({ application, logger, shutdownTimeout, say })
    release?.()
    say(`Millrace ${PACKAGE.version} is serving ${file ?? 'its demo'} on ${addressOf(running, settings)}`)
    if (format === 'pretty') for (const hint of hintsFor(file, environment)) say(hint)
    if (isOpen) logger.warn({}, 'no authentication: whoever reaches this machine can use the application')
  } catch (error) {
    if (error instanceof CommandError && error.cause !== undefined)
      logger.debug({ err: error.cause }, 'not serving')
    throw error
  }
}

async function loggerFor(
  { verbosity: level = SERVE_DEFAULTS.verbosity }: ServeSettings,
  format: LogFormat,
): Promise<Logger> {
  if (format === 'json') return createLogger({ level })
  const { prettyOutput } = await import('../logging/pretty.ts')
  return createLogger({ level, output: prettyOutput(process.stdout.isTTY && process.stdout.hasColors()) })
}

async function applicationFor(
  file: string | undefined,
  { exportName = SERVE_DEFAULTS.exportName }: ServeSettings,
  logger: Logger,
  environment: Environment,
): Promise<Application> {
  if (file !== undefined) return await loadApplication(file, exportName)
  const { createSeedApplication } = await import('../seed/application.ts')
  try {
    return createSeedApplication({ logger, environment })
  } catch (error) {
    throw new CommandError((error as Error).message, error)
  }
}

function addressOf({ url }: RunningServer, { rootPath = '', host }: ServeSettings): string {
  const everywhere = host === '0.0.0.0' || host === '::'
  return `${url}${rootPath}${everywhere ? ', and on every address of this machine' : ''}`
}

function* hintsFor(file: string | undefined, environment: Environment): Generator<string> {
  if (file === undefined) {
    if (!openAISettings(environment))
      yield 'Scripted numbers answer; set OPENAI_API_KEY for a model that does.'
    const own = ['app.ts', 'app.js'].find((name) => existsSync(name))
    if (own !== undefined) yield `To serve the ${own} of this folder: millrace serve ${own}`
  }
  yield 'Ctrl-C stops it.'
}
