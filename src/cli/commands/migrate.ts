/** `millrace migrate`: makes the tables that a stream store needs, without serving anything. */
import { migrateStore, pathOfStore } from '../../streams/open-store.ts'
import { CommandError } from '../command-error.ts'
import { type Environment, type Flags, readOptions } from '../options/read-options.ts'
import { withRedis } from '../options/read-settings.ts'
import { SERVE_DEFAULTS, type ServeSettings } from '../options/serve.ts'
import { STORE_OPTION } from '../options/stores.ts'

/** @throws {CommandError} for a file that is not, or not any more, one for this version. */
export function migrateCommand(flags: Flags, environment: Environment): void {
  const { fromFlags, fromVariables } = readOptions<Pick<ServeSettings, 'store'>>(
    [STORE_OPTION],
    flags,
    environment,
  )
  const settings = withRedis<Pick<ServeSettings, 'store' | 'channelLayer'>>(
    { ...fromVariables, ...fromFlags },
    environment,
  )
  const path = pathOfStore(settings.store ?? SERVE_DEFAULTS.store)
  if (path === undefined) {
    console.log('Nothing to migrate: only a store in a file has tables')
    return
  }
  try {
    const { from, to } = migrateStore(path)
    if (from === to) console.log(`${path} is already up to date (schema ${to})`)
    else console.log(`${path} ${from === 0 ? 'was created' : 'was upgraded'}: schema ${from} -> ${to}`)
  } catch (error) {
    throw new CommandError((error as Error).message, error)
  }
}
