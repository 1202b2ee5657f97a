import { memoryChannels } from './channels/memory/layer.ts'
import type { Logger } from './logging/logger.ts'
import { defaultLogger } from './logging/pino.ts'
import { Application } from './server/application.ts'
import type { ApplicationOptions } from './server/application-options.ts'

/** `ApplicationOptions`, with what this preset chooses left open. */
export interface MillraceOptions extends Omit<ApplicationOptions, 'channels' | 'logger'> {
  /** The channel layer; one inside this process by default. */
  readonly channels?: ApplicationOptions['channels']
  /** A pino logger or any object of its shape; JSON lines on standard output by default. */
  readonly logger?: Logger
}

/**
 * Makes an application: `export default millrace({ routes: [websocket('/ws/', Consumer)] })`.
 * Nothing listens until `millrace serve` or `listen()` does.
 */
export function millrace(options: MillraceOptions = {}): Application {
  const { logger = defaultLogger(), channels = memoryChannels({ logger }), ...rest } = options
  return new Application({ ...rest, channels, logger })
}
