/** The certificate and the key that a server is given as PEM files. */
import { readFile } from 'node:fs/promises'
import type { ListenOptions } from '../server/options.ts'
import { CommandError } from './command-error.ts'
import type { ServeSettings } from './options/serve.ts'

/** @throws {CommandError} naming the file that cannot be read. */
export async function readTls({ tlsCert, tlsKey }: ServeSettings): Promise<ListenOptions['tls']> {
  if (tlsCert === undefined || tlsKey === undefined) return undefined
  const [cert, key] = await Promise.all([readPem('--tls-cert', tlsCert), readPem('--tls-key', tlsKey)])
  return { cert, key }
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'it does not exist',
  EACCES: 'no permission',
  EISDIR: 'it is a folder',
}

async function readPem(flag: string, path: string): Promise<string> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    const { code = '', message } = error as NodeJS.ErrnoException
    throw new CommandError(`${flag} ${path} cannot be read: ${REASONS[code] ?? message}`, error)
  }
  if (!text.includes('-----BEGIN ')) throw new CommandError(`${flag} ${path} is not in PEM format`)
  return text
}
