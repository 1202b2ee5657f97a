/** `millrace worker`: runs the consumers of named channels until it is told to stop. */
import type { Application } from '../../server/application.ts'
import type { RunningWorker, WorkOptions } from '../../server/channel-worker.ts'
import { refuseUnfit } from '../../server/health.ts'
import { isLayerLocal } from '../announcement.ts'
import { CommandError, UsageError } from '../command-error.ts'
import { superviseProcess } from '../lifecycle.ts'
import { guardLoading, loadApplication } from '../loading/load-application.ts'
import { createOutput } from '../output.ts'
import { PACKAGE } from '../package.ts'
import type { Environment, Flags } from '../options/read-options.ts'
import { SERVE_DEFAULTS } from '../options/serve.ts'
import { setVariables } from '../options/stores.ts'
import { readWorkerSettings } from '../options/worker.ts'

/**
 * Works on the channels named, or on all that the application has. `words` are those and the file of the
 * application, in any order: Channels' runworker takes the channels first. Resolves once it works.
 *
 * @throws {CommandError} saying why it does not.
 */
export async function worker(
  words: readonly string[],
  flags: Flags,
  environment: Environment,
): Promise<void> {
  const { file, channels } = sort(words)
  const settings = readWorkerSettings(flags, environment, file)
  setVariables(settings)
  const { exportName, shutdownTimeout } = { ...SERVE_DEFAULTS, ...settings }
  const { logger, say } = await createOutput(settings)
  const release = guardLoading(file)
  try {
    const application = await loadApplication(file, exportName)
    checkShared(application, file)
    await checkRedis(application)
    const working = work(application, file, {
      ...(channels.length > 0 && { channels }),
      ...(settings.concurrency !== undefined && { concurrency: settings.concurrency }),
      shutdownTimeout,
    })
    superviseProcess({ application, logger, shutdownTimeout, say })
    say(`Millrace ${PACKAGE.version} is working for ${file} on ${listOf(working.channels)}`)
  } catch (error) {
    if (error instanceof CommandError && error.cause !== undefined)
      logger.debug({ err: error.cause }, 'not working')
    throw error
  } finally {
    release()
  }
}

/** What ends as a module does is the file; no channel should. */
function sort(words: readonly string[]): { file: string; channels: readonly string[] } {
  const files = words.filter((word) => /\.[cm]?[jt]s$/.test(word))
  const [file, second] = files
  if (file === undefined) {
    throw new UsageError('name the file of the application, too: millrace worker app.ts thumbnails')
  }
  if (second !== undefined) throw new UsageError(`a worker takes one file, and ${file} and ${second} are two`)
  return { file, channels: words.filter((word) => word !== file) }
}

function checkShared(application: Application, file: string): void {
  if (!isLayerLocal(application)) return
  throw new CommandError(
    `the channel layer of ${file} is inside its process, where nobody else could send to this worker: ` +
      'share one, with channels: layerFromEnvironment() in the application and --channel-layer redis://…',
  )
}

/** @throws {CommandError} for a Redis that lacks what is needed; one that is away may come. */
async function checkRedis({ options }: Application): Promise<void> {
  try {
    await refuseUnfit(options)
  } catch (error) {
    throw new CommandError((error as Error).message, error)
  }
}

function work(application: Application, file: string, options: WorkOptions): RunningWorker {
  // An application of an older Millrace has no channels.
  if (typeof (application as Partial<Application>).work !== 'function')
    throw new CommandError(`${file} imports a version of Millrace without channel consumers: update it`)
  try {
    return application.work(options)
  } catch (error) {
    throw new CommandError(`${file}: ${error instanceof Error ? error.message : String(error)}`, error)
  }
}

function listOf(channels: readonly string[]): string {
  return channels.length === 1 ? `the channel ${channels[0]}` : `the channels ${channels.join(', ')}`
}
