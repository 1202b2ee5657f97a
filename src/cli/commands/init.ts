/** `millrace init`: copies a template to a new folder and fills in names and versions. */
import { mkdir, readFile, readdir, writeFile } from 'node:fs/promises'
import { basename, dirname, join, relative, resolve } from 'node:path'
import { CommandError, UsageError } from '../command-error.ts'
import { PACKAGE_FOLDER, dependencyOnPackage, versionOf } from '../package.ts'

/** What there is to begin with, by the names of the folders in templates/: what it is, in one line. */
export const TEMPLATES = {
  chat: 'a chat with a model: its server, a page in React and a test',
  room: 'a chat room, over groups: its consumer, a page and a test',
  tutorial: 'the stream of the tutorial "Streaming with Django": its consumer, a page and a test',
} as const satisfies Record<string, string>

export type Template = keyof typeof TEMPLATES

/** Of files that mean something to npm, Git or TypeScript where the template lies; dropped in the copy. */
const SUFFIX = '.template'

/** @throws {CommandError} for a name that no package can have, and a folder that holds something. */
export async function init(folder: string, template: Template): Promise<void> {
  if (folder === '') throw new UsageError('the name of the folder is empty; a dot means this folder')
  const target = resolve(folder)
  const name = packageName(target)
  await checkEmpty(target, folder)
  const dependency = await dependencyOnPackage()
  try {
    await copyFilled(join(PACKAGE_FOLDER, 'templates', template), target, { name, millrace: dependency })
  } catch (error) {
    throw new CommandError(`${folder} cannot be written: ${(error as Error).message}`, error)
  }
  console.log(nextSteps(name, relative(process.cwd(), target), template))
}

/** npm's rules, as far as they are about new packages. */
function packageName(target: string): string {
  const name = basename(target)
  if (name === 'millrace' || name === 'node_modules')
    throw new UsageError(`"${name}" is taken: give the folder another name`)
  if (/^[a-z\d][a-z\d._-]{0,213}$/.test(name)) return name
  throw new UsageError(
    `"${name}" is no name for a package: use lower-case letters, digits, dots, dashes and underscores, a letter or digit first`,
  )
}

async function checkEmpty(target: string, folder: string): Promise<void> {
  let entries: string[]
  try {
    entries = await readdir(target)
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code === 'ENOENT') return
    throw new CommandError(
      code === 'ENOTDIR' ? `${folder} is a file` : `${folder} cannot be read: ${message}`,
      error,
    )
  }
  // A repository that was just created is as good as empty.
  const found = entries.find((entry) => entry !== '.git')
  if (found !== undefined)
    throw new CommandError(`${folder} is not empty (it holds ${found}): choose a new folder`)
}

async function copyFilled(
  template: string,
  target: string,
  values: Readonly<Record<string, string>>,
): Promise<void> {
  const entries = await readdir(template, { recursive: true, withFileTypes: true })
  for (const entry of entries.filter((one) => one.isFile())) {
    const source = join(entry.parentPath, entry.name)
    const copy = join(target, relative(template, source)).replace(new RegExp(`\\${SUFFIX}$`), '')
    const text = await readFile(source, 'utf8')
    await mkdir(dirname(copy), { recursive: true })
    await writeFile(copy, filled(text, values), { flag: 'wx' })
  }
}

/** `{{name}}` is the name of the application; that of a package is the version that this one is built with. */
function filled(text: string, values: Readonly<Record<string, string>>): string {
  return text.replaceAll(/\{\{([a-z@/-]+)\}\}/g, (hole, key: string) => values[key] ?? versionOf(key) ?? hole)
}

function nextSteps(name: string, folder: string, template: Template): string {
  const enter = folder === '' ? [] : [`  cd ${folder}`]
  return [
    `Wrote ${name}: ${TEMPLATES[template]}. Next:`,
    '',
    ...enter,
    '  npm install',
    '  npm run dev      # http://127.0.0.1:8000, restarted when you change a file',
    '  npm test',
  ].join('\n')
}
