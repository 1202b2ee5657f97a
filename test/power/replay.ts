/** Follows a trace: what it does to the disk, and what the server says meanwhile. */
import type { Disk } from './disk.ts'
import { type JournalLine, readJournal } from './journal.ts'
import type { Call } from './strace.ts'

export interface ReplayOptions {
  /** All that lies in it is followed; other files are left alone. */
  readonly folder: string
  readonly disk: Disk
  readonly tell: (line: JournalLine) => void
  /** A planted bug: syncs of these paths are left out. */
  readonly unsynced?: (path: string) => boolean
}

/** What a call may have changed for whoever loses power after it. */
export type Effect = 'none' | 'disk' | 'journal'

const STDOUT = '1'
/** SQLite builds it anew when it opens a database that nobody holds (sqlite.org/walformat.html, 2.2). */
const INDEX = '-shm'

export class Replay {
  readonly #options: ReplayOptions
  readonly #folders: Set<string>
  /** Descriptor -> path. */
  readonly #paths = new Map<string, string>()

  constructor(options: ReplayOptions) {
    this.#options = options
    this.#folders = new Set([options.folder])
  }

  /** @throws {Error} for a call on the followed files that the model of the disk does not know. */
  apply({ name, args, result }: Call): Effect {
    if (result < 0) return 'none'
    const [first = '', second = '', third = '', fourth = ''] = args.map(String)
    if (name === 'open' || name === 'openat' || name === 'creat') {
      return this.#open(name === 'openat' ? second : first, name === 'creat' ? 'O_CREAT' : third, result)
    }
    if (name === 'close') {
      this.#paths.delete(first)
      return 'none'
    }
    if (name === 'write' && first === STDOUT) return this.#hear(args[1])
    if (name === 'unlink' || name === 'unlinkat') return this.#remove(name === 'unlink' ? first : second)
    if (name === 'mkdir' || name === 'mkdirat') return this.#makeFolder(name === 'mkdir' ? first : second)
    const path = this.#paths.get(name === 'mmap' ? (args[4]?.toString() ?? '') : first)
    if (path === undefined) {
      if (args.some((arg) => this.#follows(String(arg)))) throw unknown(name)
      return 'none'
    }
    return this.#use(path, name, args, [second, third, fourth])
  }

  #follows(path: string): boolean {
    const { folder } = this.#options
    return (path === folder || path.startsWith(`${folder}/`)) && !path.endsWith(INDEX)
  }

  #open(path: string, flags: string, descriptor: number): Effect {
    // Relative names are those of the program's own files: the server is given the whole path.
    if (!this.#follows(path)) {
      this.#paths.delete(String(descriptor))
      return 'none'
    }
    this.#paths.set(String(descriptor), path)
    if (flags.includes('O_DIRECTORY') || this.#folders.has(path)) return 'none'
    const { disk } = this.#options
    const isNew = flags.includes('O_CREAT') && disk.open(path)
    if (!isNew && flags.includes('O_TRUNC')) disk.resize(path, 0)
    return isNew ? 'disk' : 'none'
  }

  #makeFolder(path: string): Effect {
    if (!this.#follows(path)) return 'none'
    this.#folders.add(path)
    this.#options.disk.makeFolder(path)
    return 'disk'
  }

  #remove(path: string): Effect {
    if (!this.#follows(path)) return 'none'
    this.#options.disk.remove(path)
    return 'disk'
  }

  #hear(text: string | Buffer | undefined): Effect {
    const lines = readJournal(String(text))
    for (const line of lines) this.#options.tell(line)
    return lines.length > 0 ? 'journal' : 'none'
  }

  #use(path: string, name: string, args: Call['args'], [second, third, fourth]: string[]): Effect {
    const { disk, unsynced } = this.#options
    switch (name) {
      case 'pwrite64':
        disk.write(path, Number(fourth), args[1] as Buffer)
        if (Number(third) !== (args[1] as Buffer).length) throw unknown('a write in part')
        return 'disk'
      case 'ftruncate':
        disk.resize(path, Number(second))
        return 'disk'
      case 'fsync':
      case 'fdatasync':
        if (unsynced?.(path)) return 'none'
        if (this.#folders.has(path)) disk.syncFolder(path)
        else disk.sync(path)
        return 'disk'
      case 'mmap':
        if (args[3]?.includes('MAP_SHARED') && args[2]?.includes('PROT_WRITE')) throw unknown(name)
        return 'none'
      default:
        throw unknown(name)
    }
  }
}

function unknown(name: string): Error {
  return new Error(`The trace holds ${name} on a followed file, which test/power/replay.ts does not know`)
}
