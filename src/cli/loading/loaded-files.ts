/** Tells the process that watches which files this one loads, those included that it did not find. */
import * as modules from 'node:module'
import { fileURLToPath } from 'node:url'

/** Set for a process that is watched. */
export const LOADED_FILES_VARIABLE = 'MILLRACE_TELL_LOADED_FILES'

const KEY = 'millrace:loaded-file'

/** Whether this Node has what it takes: 22.15 and later. */
export const CAN_TELL: boolean = 'registerHooks' in modules

/** Begins to tell, in a process that is watched, and only there. */
export function tellLoadedFiles(): void {
  if (process.env[LOADED_FILES_VARIABLE] === undefined || !process.send) return
  // It alone keeps no process alive; without the one that watches, this one ends.
  process.channel?.unref()
  process.on('disconnect', () => process.kill(process.pid, 'SIGTERM'))
  const told = new Set<string>()
  const tell = (url: unknown): void => {
    if (typeof url !== 'string' || !url.startsWith('file:') || url.includes('/node_modules/')) return
    const path = fileURLToPath(url)
    if (told.has(path)) return
    told.add(path)
    process.send?.({ [KEY]: path })
  }
  modules.registerHooks({
    resolve(specifier, context, nextResolve) {
      try {
        const resolved = nextResolve(specifier, context)
        tell(resolved.url)
        return resolved
      } catch (error) {
        tell((error as { url?: unknown }).url)
        throw error
      }
    },
  })
}

/** The path in a message of a process that is watched. */
export function loadedFile(message: unknown): string | undefined {
  const path = typeof message === 'object' && message ? (message as { [KEY]?: unknown })[KEY] : undefined
  return typeof path === 'string' ? path : undefined
}
