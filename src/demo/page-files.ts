/** Reads the files of a folder into memory once, so that serving small pages opens no file. */
import { getMimeType } from 'hono/utils/mime'
import { readFileSync, readdirSync } from 'node:fs'
import { join, sep } from 'node:path'

export interface PageFile {
  readonly body: Uint8Array<ArrayBuffer>
  readonly type: string
}

/** Returns the files by their path in the folder, such as '/index.html'. Links are not followed. */
export function readPageFiles(folder: string): ReadonlyMap<string, PageFile> {
  const files = new Map<string, PageFile>()
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue
    const path = join(entry.parentPath, entry.name)
    const name = path.slice(join(folder, sep).length).split(sep).join('/')
    const type = getMimeType(entry.name) ?? 'application/octet-stream'
    files.set(`/${name}`, { body: new Uint8Array(readFileSync(path)), type })
  }
  return files
}
