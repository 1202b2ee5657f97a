/**
 * A disk that forgets: what a program wrote, and what of it is there for certain after a loss of power.
 *
 * - What was written to a file since it was last synced may be there or not, each write for itself; a write
 *   may be there in part, by sectors of 512 bytes (what SQLite takes for granted of a disk:
 *   sqlite.org/atomiccommit.html, "powersafe overwrite").
 * - Names are made and removed in order, as journals of file systems keep them. Those of a folder are certain
 *   once the folder was synced, and a file without its name is gone with all that is in it.
 */
import { dirname } from 'node:path'

const SECTOR = 512

type Change =
  | { readonly type: 'write'; readonly at: number; readonly bytes: Buffer }
  | { readonly type: 'resize'; readonly size: number }

interface FileState {
  /** As it was when it was last synced. */
  certain: Buffer
  unsynced: Change[]
}

interface NameChange {
  readonly folder: string
  readonly path: string
  /** Undefined removes the name. */
  readonly file: FileState | 'folder' | undefined
}

type Names = Map<string, FileState | 'folder'>

/** Which of what was not synced is there. */
export interface Loss {
  /** Said in a failure. */
  readonly name: string
  /** How many of so many changes of names. */
  names(count: number): number
  /** Whether a change is there, and which of its sectors when it is there in part. */
  keeps(index: number, count: number): boolean | ((sector: number) => boolean)
}

export class Disk {
  readonly #live = new Map<string, FileState>()
  readonly #certain: Names = new Map()
  #names: NameChange[] = []

  /** @param root a folder that is there for certain; all others are in it, and are made. */
  constructor(root: string) {
    this.#certain.set(root, 'folder')
  }

  makeFolder(path: string): void {
    this.#names.push({ folder: dirname(path), path, file: 'folder' })
  }

  /** Opens a file, made when it is missing. True when it was. */
  open(path: string): boolean {
    if (this.#live.has(path)) return false
    const file: FileState = { certain: Buffer.alloc(0), unsynced: [] }
    this.#live.set(path, file)
    this.#names.push({ folder: dirname(path), path, file })
    return true
  }

  remove(path: string): void {
    this.#live.delete(path)
    this.#names.push({ folder: dirname(path), path, file: undefined })
  }

  write(path: string, at: number, bytes: Buffer): void {
    this.#file(path).unsynced.push({ type: 'write', at, bytes })
  }

  resize(path: string, size: number): void {
    this.#file(path).unsynced.push({ type: 'resize', size })
  }

  sync(path: string): void {
    const file = this.#file(path)
    file.certain = applied(file, everything)
    file.unsynced = []
  }

  syncFolder(folder: string): void {
    for (const change of this.#names) if (change.folder === folder) rename(this.#certain, change)
    this.#names = this.#names.filter((change) => change.folder !== folder)
  }

  /** Changes that a loss of power may take. */
  get uncertain(): number {
    let count = this.#names.length
    for (const file of this.#files()) count += file === 'folder' ? 0 : file.unsynced.length
    return count
  }

  /** The files after a loss of power: path -> contents. */
  after(loss: Loss): Map<string, Buffer> {
    const names = new Map(this.#certain)
    for (const change of this.#names.slice(0, loss.names(this.#names.length))) rename(names, change)
    const files = new Map<string, Buffer>()
    for (const [path, file] of names) {
      if (file !== 'folder' && names.get(dirname(path)) === 'folder') files.set(path, applied(file, loss))
    }
    return files
  }

  #files(): Set<FileState | 'folder'> {
    return new Set([...this.#live.values(), ...this.#certain.values()])
  }

  #file(path: string): FileState {
    const file = this.#live.get(path)
    if (!file) throw new Error(`The trace writes to ${path} before it is there`)
    return file
  }
}

const everything: Loss = { name: 'nothing', names: (count) => count, keeps: () => true }

function rename(names: Names, { path, file }: NameChange): void {
  if (file) names.set(path, file)
  else names.delete(path)
}

function applied({ certain, unsynced }: FileState, loss: Loss): Buffer {
  if (unsynced.length === 0) return certain
  // Room for every write; a hole between two of them reads as zeros.
  let room = certain.length
  for (const change of unsynced) {
    room = Math.max(room, change.type === 'write' ? change.at + change.bytes.length : change.size)
  }
  const contents = Buffer.alloc(room)
  certain.copy(contents)
  let size = certain.length
  for (const [index, change] of unsynced.entries()) {
    const kept = loss.keeps(index, unsynced.length)
    if (kept === false) continue
    if (change.type === 'resize') {
      if (change.size < size) contents.fill(0, change.size, size)
      size = change.size
    } else {
      size = Math.max(size, put(contents, change.at, change.bytes, kept === true ? () => true : kept))
    }
  }
  return contents.subarray(0, size)
}

/** Writes the sectors that are kept; returns the end of the last of them. */
function put(contents: Buffer, at: number, bytes: Buffer, keeps: (sector: number) => boolean): number {
  let end = 0
  for (let from = at; from < at + bytes.length;) {
    const next = Math.min((Math.floor(from / SECTOR) + 1) * SECTOR, at + bytes.length)
    if (keeps(Math.floor(from / SECTOR))) {
      bytes.copy(contents, from, from - at, next - at)
      end = next
    }
    from = next
  }
  return end
}
