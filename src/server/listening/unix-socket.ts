/** The file of a unix socket: removes one that a killed process left, and sets who may connect. */
import { chmod, chown, lstat, readFile, unlink } from 'node:fs/promises'
import { connect } from 'node:net'

export interface SocketAccess {
  /** Permissions of the file, such as `0o660`. Default: as the umask sets them. */
  readonly unixSocketMode?: number
  /** Name or number of the group that the file belongs to. Default: the process's own. */
  readonly unixSocketGroup?: string
}

/** Removes a unix socket on which no process listens. */
export async function removeStale(path: string): Promise<void> {
  const found = await lstat(path).catch(() => undefined)
  if (found?.isSocket() === true && (await isRefused(path))) await unlink(path)
}

/**
 * Calls `make`, which makes the file, under a umask that never permits more than the final mode. `giveAccess`
 * adds the rest of the mode.
 */
export function makeGuarded(access: SocketAccess, make: () => void): void {
  if (access.unixSocketMode === undefined) return make()
  const before = process.umask(0o777 & ~(access.unixSocketMode & 0o700))
  try {
    make()
  } finally {
    process.umask(before)
  }
}

/** @throws {Error} for a group that does not exist, or to which the process may not give the file. */
export async function giveAccess(path: string, access: SocketAccess): Promise<void> {
  const { unixSocketMode: mode, unixSocketGroup: group } = access
  if (group !== undefined) await chown(path, -1, await groupId(group))
  if (mode !== undefined) await chmod(path, mode)
}

async function groupId(group: string): Promise<number> {
  if (/^\d+$/.test(group)) return Number(group)
  const lines = (await readFile('/etc/group', 'utf8').catch(() => '')).split('\n')
  const found = lines.map((line) => line.split(':')).find(([name]) => name === group)
  if (found?.[2] === undefined) throw new Error(`there is no group ${JSON.stringify(group)} in /etc/group`)
  return Number(found[2])
}

function isRefused(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect(path)
    probe.once('error', (error: NodeJS.ErrnoException) => resolve(error.code === 'ECONNREFUSED'))
    probe.once('connect', () => {
      probe.destroy()
      resolve(false)
    })
  })
}
