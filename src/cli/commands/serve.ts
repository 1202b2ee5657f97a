/** `millrace serve`: runs an application until it is told to stop. */
import { openLayer } from '../../channels/open-layer.ts'
import type { Application } from '../../server/application.ts'
import { openStore } from '../../streams/open-store.ts'
import { type ServeContext, announce, announcementOf, durabilityOf } from '../announcement.ts'
import { CommandError, UsageError } from '../command-error.ts'
import type { Logger } from '../../logging/logger.ts'
import { type Supervision, superviseProcess } from '../lifecycle.ts'
import { listen } from '../listen.ts'
import { tellLoadedFiles } from '../loading/loaded-files.ts'
import { guardLoading, loadApplication } from '../loading/load-application.ts'
import { createOutput } from '../output.ts'
import type { Environment, Flags } from '../options/read-options.ts'
import { durableStreamsSettings } from '../options/durable-streams.ts'
import { checkModel, modelSettings } from '../options/models.ts'
import { readSettings } from '../options/read-settings.ts'
import { startLimits } from '../options/limits.ts'
import { SERVE_DEFAULTS, type ServeSettings } from '../options/serve.ts'
import { setVariables } from '../options/stores.ts'
import { readTls } from '../tls.ts'
import { watch } from './watch.ts'
import { WorkerLink } from '../workers/link.ts'
import { hasTerminal } from '../workers/terminal.ts'
import { serveWithWorkers } from '../workers/serve-with-workers.ts'

/**
 * Serves the application that a file exports, or the demo when there is no file. Resolves once it listens.
 *
 * @throws {CommandError} saying why it does not.
 */
export async function serve(file: string | undefined, flags: Flags, environment: Environment): Promise<void> {
  const settings = readSettings(flags, environment, file)
  checkSettings(file, settings)
  modelSettings(settings, file)
  checkModel(settings, flags, file)
  durableStreamsSettings(settings, file)
  if (settings.watch) return watch((await createOutput(settings)).say)
  tellLoadedFiles()
  setVariables(settings)
  const link = settings.workers === undefined ? undefined : WorkerLink.find()
  const output = await createOutput(settings, link?.number)
  const context: ServeContext = { ...output, file, settings, flags, environment }
  if (settings.workers !== undefined && !link) return await serveWithWorkers(context)
  await serveHere(context, link)
}

/** Serves in this process: on its own, or as one of several. */
async function serveHere(context: ServeContext, link: WorkerLink | undefined): Promise<void> {
  const { file, settings, logger, say } = context
  const release =
    file === undefined ? undefined : guardLoading(file, link && ((line) => void link.fail(line)))
  try {
    const tls = await readTls(settings)
    const application = await applicationFor(context)
    if (link) checkShared(application, context)
    limitStarts(application, settings)
    const port = await link?.loaded()
    const listening = await listen(application, {
      ...settings,
      ...(tls && { tls }),
      ...(link && { worker: link.number }),
      ...(port !== undefined && { port }),
    })
    const { shutdownTimeout = SERVE_DEFAULTS.shutdownTimeout } = settings
    if (link)
      link.serve(application, {
        logger,
        shutdownTimeout,
        announcement: announcementOf(application, listening),
      })
    else answerHangUp(superviseProcess({ application, logger, shutdownTimeout, say }), logger)
    release?.()
    if (!link) announce(announcementOf(application, listening), context)
  } catch (error) {
    if (error instanceof CommandError && error.cause !== undefined)
      logger.debug({ err: error.cause }, 'not serving')
    if (link) return await link.fail(error)
    throw error
  }
}

/** A closed terminal ends what runs in it; any other SIGHUP asks for what only a server with workers can do. */
function answerHangUp(supervision: Supervision, logger: Logger): void {
  const hadTerminal = hasTerminal()
  process.on('SIGHUP', () => {
    if (hadTerminal && !hasTerminal()) supervision.shutDown()
    else logger.warn({}, 'SIGHUP replaces workers, and this server has none: start it with --workers 1')
  })
}

/** @throws {UsageError} for options that do not go together. */
function checkSettings(file: string | undefined, { workers, watch, exportName, store }: ServeSettings): void {
  if (file === undefined) {
    if (watch) throw new UsageError('--watch needs the file of an application')
    if (exportName) throw new UsageError('--export needs the file of an application')
    if (store === 'memory:' && workers !== undefined && workers > 1) throw new UsageError(notShared(workers))
  }
  if (watch && workers !== undefined) {
    throw new UsageError(
      '--watch and --workers exclude each other: watch with one process, and have workers replaced with SIGHUP',
    )
  }
}

/** The operator's word counts. An application of another copy of Millrace may not know it. */
function limitStarts(application: Application, settings: ServeSettings): void {
  const limits = startLimits(settings)
  if (Object.keys(limits).length === 0) return
  const { streams } = application.options
  if (streams) streams.limit(limits)
  else application.logger.warn(limits, 'nothing is limited: the application keeps no streams')
}

/** @throws {CommandError} for what several processes do not share, though they would have to. */
function checkShared(application: Application, { file, settings: { workers = 1 } }: ServeContext): void {
  if (workers === 1 || durabilityOf(application) !== 'none') return
  throw new CommandError(`${file ?? 'the demo'} keeps its streams in memory: ${notShared(workers)}`)
}

function notShared(workers: number): string {
  return `${workers} workers do not share a store in memory: --store takes a file, which they do, or redis://…`
}

async function applicationFor({ file, settings, logger, environment }: ServeContext): Promise<Application> {
  const { exportName, store, channelLayer, allowAnonymous } = { ...SERVE_DEFAULTS, ...settings }
  if (file !== undefined) return await loadApplication(file, exportName)
  const { model: name, ...waits } = modelSettings(settings)
  const { creationsPerAddress, bytesPerAddress, ...durable } = durableStreamsSettings(settings)
  const { createDemoApplication } = await import('../../demo/application.ts')
  const { loadModel } = await import('../../demo/models/load-model.ts')
  const { loadDemoChat } = await import('../../demo/load-demo-chat.ts')
  const chat = await loadDemoChat(logger)
  const patience = { startTimeout: waits.modelStartTimeout, stallTimeout: waits.modelStallTimeout }
  try {
    const model =
      name === undefined
        ? undefined
        : await loadModel(name, { ...patience, environment, folder: process.cwd() })
    const channels = openLayer(channelLayer, { logger })
    return createDemoApplication({
      logger,
      environment,
      model,
      channels,
      store: openStore(store, { logger }),
      ...durable,
      allowAnonymous,
      writeLimits: { creationsPerAddress, bytesPerAddress },
      patience: { ...patience, silence: waits.runSilence, thinking: waits.runThinking },
      chat,
    })
  } catch (error) {
    throw new CommandError((error as Error).message, error)
  }
}
