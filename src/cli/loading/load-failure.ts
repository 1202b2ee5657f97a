/** Why a module did not load, in one line that begins with the place in the user's file. */
import { existsSync } from 'node:fs'
import { basename, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { PACKAGE_FOLDER } from '../package.ts'
import { placeOfSyntaxError } from './syntax-place.ts'

/** `file` is the path as the user gave it, for a failure that has no place of its own. */
export function describeLoadFailure(error: unknown, file: string): string {
  if (!(error instanceof Error)) return `${file}: ${JSON.stringify(String(error))} was thrown while it loaded`
  const where = placeIn(error) ?? (error instanceof SyntaxError ? syntaxPlace(file) : file)
  const { code } = error as NodeJS.ErrnoException
  const [message = ''] = error.message.split('\nRequire stack:')
  switch (code) {
    case 'ERR_MODULE_NOT_FOUND':
    case 'MODULE_NOT_FOUND':
      return missingModule(message, where)
    case 'ERR_UNSUPPORTED_DIR_IMPORT':
      return importedFolder(message, where)
    case 'ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX':
      return `${where}: ${message}: Node runs TypeScript by leaving its types out, so write this in another way`
    case 'ERR_UNKNOWN_FILE_EXTENSION':
      return unknownExtension(message, where)
    default:
      return `${where}: ${error.name === 'Error' ? '' : `${error.name}: `}${message}`
  }
}

/** The entries of Millrace that import a package of the application's, by that package. */
const ENTRIES: Readonly<Record<string, string>> = {
  ai: 'millrace/ai-sdk',
  openai: 'millrace/openai',
  react: 'millrace/react',
  redis: 'millrace/redis',
}

function missingModule(message: string, where: string): string {
  const [, kind, name = '', importer] =
    /^Cannot find (package|module) '([^']+)'(?: imported from (.+))?/.exec(message) ?? []
  const from = importer === undefined ? where : shown(importer)
  if (kind === undefined) return `${from}: ${message}`
  const entry = importer?.startsWith(PACKAGE_FOLDER) === true ? ENTRIES[name] : undefined
  // The stack has no frame of the file that imports the entry.
  if (entry !== undefined) return `${where}: ${entry} needs the package ${name}: npm install ${name}`
  if (kind === 'package' || !/^[./]|^[a-z]:/i.test(name)) {
    return `${from}: the package "${name}" is not installed; npm install ${name}`
  }
  const meant = fileMeant(pathOf(name))
  return `${from}: imports ${shown(name)}, which does not exist${meant ? `: write ${basename(meant)}` : ''}`
}

/** Compilers and bundlers find a.ts for './a' and './a.js'. Node does not. */
function fileMeant(path: string): string | undefined {
  const bare = path.replace(/\.[cm]?jsx?$/, '')
  return ['.ts', '.mts', '.cts', '.js', '.mjs'].map((extension) => bare + extension).find(existsSync)
}

function importedFolder(message: string, where: string): string {
  const [, folder, importer] = /^Directory import '([^']+)'.* imported from (.+)$/.exec(message) ?? []
  if (folder === undefined || importer === undefined) return `${where}: ${message}`
  return `${shown(importer)}: imports ${shown(folder) || '.'}, which is a folder: name a file in it`
}

function unknownExtension(message: string, where: string): string {
  const extension = /"(\.\w+)"/.exec(message)?.[1] ?? 'this'
  if (['.ts', '.mts', '.cts'].includes(extension)) {
    return `${where}: Node ${process.versions.node} does not run TypeScript; Node 22.18 and later do`
  }
  return `${where}: Node does not run ${extension} files`
}

/**
 * Where it happened: Node begins the stack of a syntax error with file and line; otherwise it is the first
 * frame that is neither Node's, nor a package's, nor Millrace's own.
 */
export function placeIn(error: Error): string | undefined {
  const lines = error.stack?.split('\n') ?? []
  const head = /^((?:file:|\/|[a-z]:\\).+:\d+)$/i.exec(lines[0] ?? '')?.[1]
  if (head !== undefined) return shown(head)
  const frames = lines.map(
    (line) => /^\s+at (?:.*\()?((?:file:|\/|[a-z]:\\)[^()]+:\d+):\d+\)?$/i.exec(line)?.[1],
  )
  const own = frames.find((frame) => frame !== undefined && isOwn(pathOf(frame)))
  return own === undefined ? undefined : shown(own)
}

function syntaxPlace(file: string): string {
  const place = placeOfSyntaxError(resolve(file))
  return place === undefined ? file : shown(place)
}

function isOwn(path: string): boolean {
  const millraces = ['src/', 'dist/'].some((folder) => path.startsWith(PACKAGE_FOLDER + folder))
  return !millraces && !/[\\/]node_modules[\\/]/.test(path)
}

/** A path, or a file: URL, as it is short to read from the working folder. */
function shown(place: string): string {
  const path = pathOf(place)
  const short = relative(process.cwd(), path)
  return short.startsWith('..') ? path : short
}

function pathOf(place: string): string {
  return place.startsWith('file:') ? fileURLToPath(place) : place
}
