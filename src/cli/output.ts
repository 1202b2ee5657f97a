/** Where a command that runs for long says and logs things, as `--verbosity` and `--log-format` ask for. */
import { type Logger, shareLogger } from '../logging/logger.ts'
import type { prettyOutput } from '../logging/pretty.ts'
import { createLogger } from '../logging/pino.ts'
import type { LogFormat } from './options/logging.ts'
import { SERVE_DEFAULTS, type ServeSettings } from './options/serve.ts'

export interface Output {
  readonly format: LogFormat
  readonly logger: Logger
  /** Tells whoever started the command; a line of the log where programs read it. */
  readonly say: (line: string) => void
}

/** Its logger becomes the one of every application in this process. `worker`: which of several it is. */
export async function createOutput(
  settings: Pick<ServeSettings, 'verbosity' | 'logFormat'>,
  worker?: number,
): Promise<Output> {
  const format = settings.logFormat ?? (process.stdout.isTTY ? 'pretty' : 'json')
  const { verbosity: level = SERVE_DEFAULTS.verbosity } = settings
  const logger = createLogger({ level, worker, ...(format === 'pretty' && { output: await prettyLines() }) })
  shareLogger(logger)
  return { format, logger, say: (line) => (format === 'json' ? logger.info({}, line) : console.log(line)) }
}

async function prettyLines(): Promise<ReturnType<typeof prettyOutput>> {
  const pretty = await import('../logging/pretty.ts')
  return pretty.prettyOutput(process.stdout.isTTY && process.stdout.hasColors())
}
